"""Inference with model files in ONNX Runtime or PyTorch."""

import abc
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.dataset import Photo
from training.model_packages import import_model_package
from training.pixels import Geometry, read_pixels
from warmlens.errors import WarmlensError
from warmlens.processors import usable_processors
from warmlens.registry.manifest import InputSpec

Softmax = npt.NDArray[np.float32]
OnPhoto = Callable[[int, int], None]


class ModelFile(abc.ABC):
    """A loaded model file.

    Args:
        spec: its input.
    """

    def __init__(self, spec: InputSpec) -> None:
        self._geometry = geometry_of(spec)

    @abc.abstractmethod
    def softmax(self, pixels: npt.NDArray[np.uint8]) -> Softmax:
        """Return the softmax, float32 [classes], for an image, uint8 [height, width, 3]."""

    def answer(self, photos: tuple[Photo, ...], on_photo: OnPhoto | None = None) -> Softmax:
        """Return the softmax of photos, float32 [photos, classes], prepared as the service does."""
        rows = []
        for photo in photos:
            rows.append(self.softmax(read_pixels(photo.path, self._geometry)))
            if on_photo is not None:
                on_photo(len(rows), len(photos))
        return np.stack(rows)


class OnnxFile(ModelFile):
    """An ONNX file in ONNX Runtime.

    Args:
        model: the file's content, or its path where its weights are in a second file.
        spec: the graph's input.
        optimized: True if the graph was optimized at export.

    Raises:
        WarmlensError: `bad_model_file` when the runtime cannot load it.
    """

    def __init__(self, model: bytes | Path, spec: InputSpec, *, optimized: bool = False) -> None:
        super().__init__(spec)
        onnxruntime = import_model_package("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_processors()
        # As in the service: spinning threads waste time on a busy machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if optimized:
            level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.graph_optimization_level = level
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own types share no public base
            raise WarmlensError(
                "bad_model_file", f"ONNX Runtime cannot load the model file: {error}."
            ) from None
        self._input_name = spec.name
        self._output_name = self._session.get_outputs()[0].name

    def softmax(self, pixels: npt.NDArray[np.uint8]) -> Softmax:
        """As `ModelFile.softmax`."""
        given = {self._input_name: pixels[np.newaxis]}
        answer: Softmax = self._session.run([self._output_name], given)[0][0]
        return answer


class TorchFile(ModelFile):
    """A TorchScript file in PyTorch.

    Args:
        model: the file's content, or its path.
        spec: the program's input.

    Raises:
        WarmlensError: `bad_model_file` when PyTorch cannot load it.
    """

    def __init__(self, model: bytes | Path, spec: InputSpec) -> None:
        super().__init__(spec)
        self._torch = torch = import_model_package("torch")
        file = io.BytesIO(model if isinstance(model, bytes) else model.read_bytes())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # decision 35
                self._program = torch.jit.load(file, map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise WarmlensError(
                "bad_model_file", f"PyTorch cannot load the model file: {reason}"
            ) from None

    def softmax(self, pixels: npt.NDArray[np.uint8]) -> Softmax:
        """As `ModelFile.softmax`."""
        torch = self._torch
        with torch.inference_mode(), torch.jit.optimized_execution(False):
            answer: Softmax = self._program(torch.tensor(pixels[np.newaxis]))[0].numpy()
        return answer


def open_model_file(
    engine: str, model: bytes | Path, spec: InputSpec, *, optimized: bool = False
) -> ModelFile:
    """Load a model file in the engine that its manifest names.

    Raises:
        WarmlensError: `bad_model_file`.
    """
    if engine == "torch":
        return TorchFile(model, spec)
    return OnnxFile(model, spec, optimized=optimized)


def geometry_of(spec: InputSpec) -> Geometry:
    """Return the image preparation for an input."""
    return Geometry(spec.width, spec.height, spec.resize_shorter_side, spec.interpolation)
