"""Running of other programs' ONNX classifiers, to find out what their output is."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.foreign_onnx import ForeignGraph, bad_onnx, one_line, serialized
from training.heads import one_class
from training.model_packages import import_model_package
from warmlens.console import printable
from warmlens.errors import WarmlensError

Array = npt.NDArray[Any]
_PROBES = 8
_SUM_TOLERANCE = 5e-3  # of a softmax in fp16 over a thousand classes
# Operators that change only the form of their input.
_FORM = frozenset({"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"})
_FORM |= {"QuantizeLinear", "DequantizeLinear"}
# Operators that leave probabilities of a sigmoid what they are.
_SCALING = frozenset({"Mul", "Div", "Clip", "Concat"})
_LINEAR = frozenset({"Gemm", "MatMul", "Add", "Conv", "LogSoftmax"})


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """Findings of running a graph: its classes, and whether it computes a softmax itself."""

    class_count: int
    shape: tuple[int, ...]
    is_softmax: bool


class ForeignSession:
    """A graph of another program in ONNX Runtime.

    Raises:
        WarmlensError: `bad_onnx` when the runtime cannot load it.
    """

    def __init__(self, graph: ForeignGraph) -> None:
        onnx = import_model_package("onnx")
        runtime = import_model_package("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        self._graph = graph
        self._type = onnx.helper.tensor_dtype_to_np_dtype(graph.input_type)
        try:
            self._session = runtime.InferenceSession(
                serialized(graph.proto, graph.path), options, providers=["CPUExecutionProvider"]
            )
        except WarmlensError:
            raise
        except Exception as error:  # ONNX Runtime's own types share no public base
            why = f"cannot be loaded by ONNX Runtime: {one_line(error)}"
            if "NOT_IMPLEMENTED" in why:
                why += "; export it in float32, with operators of ONNX alone"
            raise bad_onnx(graph.path, why) from None

    def run(self, images: Array) -> Array:
        """Return the output for one normalised image, float [1, 3, height, width].

        Raises:
            WarmlensError: `bad_onnx` when the graph fails on it.
        """
        if self._graph.layout == "nhwc":
            images = images.transpose(0, 2, 3, 1)
        feed = {self._graph.input_name: np.ascontiguousarray(images, self._type)}
        try:
            (answer,) = self._session.run([self._graph.output_name], feed)
        except Exception as error:  # ONNX Runtime's own types share no public base
            raise bad_onnx(self._graph.path, f"fails on one image: {one_line(error)}") from None
        if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f":
            found = f"numbers of {answer.dtype}" if isinstance(answer, np.ndarray) else "no tensor"
            raise bad_onnx(
                self._graph.path, f"gives {found}, not logits; export it without its last layer"
            )
        return answer


def behaviour_of(graph: ForeignGraph, session: ForeignSession, size: tuple[int, int]) -> Behaviour:
    """Run a graph on random images and return what its output is.

    Args:
        graph: the graph.
        session: the same in ONNX Runtime.
        size: height and width of an image in pixels.

    Raises:
        WarmlensError: `bad_onnx` when the output has no classes, `one_class`, or `not_logits`
            when it has probabilities that are no softmax.
    """
    generator = np.random.default_rng(0)
    colours = generator.standard_normal((_PROBES, 3, 1, 1))  # noise alone is grey on average
    noise = (generator.standard_normal((1, 3, *size)) for _ in colours)
    scales = np.linspace(0.3, 3, _PROBES)
    images = [(x + c) * s for x, c, s in zip(noise, colours, scales, strict=True)]
    answers = [session.run(image) for image in images]
    shape = answers[0].shape
    sizes = [size for size in shape if size != 1]
    if len(sizes) > 1:
        raise bad_onnx(
            graph.path,
            f"gives {list(shape)} for an image, not one value for each class; allowed: a "
            "classifier",
        )
    if not sizes:
        raise one_class(graph.path, f"the output {printable(graph.output_name)} is {list(shape)}")
    outputs = np.stack([answer.reshape(-1) for answer in answers]).astype(np.float64)
    if not np.isfinite(outputs).all():
        raise WarmlensError(
            "not_finite",
            f"{graph.path} gives NaN or infinity for images, as after a training that diverged "
            "or in fp16; export an earlier checkpoint, or in fp32.",
        )
    last = _last_operator(graph)
    sums = outputs.sum(1)
    same = (
        last not in _LINEAR
        and outputs.min() >= 0
        and sums.max() > 0
        and bool(np.ptp(sums) < _SUM_TOLERANCE * sums.max())
    )
    if not same and _last_operator(graph, _FORM | _SCALING) in ("Sigmoid", "HardSigmoid"):
        raise _not_logits(graph.path, "of a sigmoid, for classes that may be there together")
    if same and abs(sums.mean() - 1) > _SUM_TOLERANCE:
        raise _not_logits(graph.path, f"that sum to {sums.mean():.4g}")
    return Behaviour(sizes[0], tuple(shape), same)


def _last_operator(graph: ForeignGraph, behind: frozenset[str] = _FORM) -> str:
    """Return the operator that computes the output, before others, which change its form alone."""
    made = {name: node for node in graph.proto.graph.node for name in node.output}
    node = made.get(graph.output_name)
    while node is not None and node.op_type in behind and node.input[0] in made:
        node = made[node.input[0]]
    return "" if node is None else str(node.op_type)


def _not_logits(path: Path, found: str) -> WarmlensError:
    return WarmlensError(
        "not_logits",
        f"{path} gives probabilities {found}, neither logits nor a softmax; export it without its "
        "last layer, which computes them.",
    )
