"""The PyTorch engine, which runs a model's TorchScript program on the CPU.

PyTorch itself is imported by `Runtime()`, while files are fetched: the import takes ten times as
long as everything else at init.
"""

import os
import warnings
from array import array
from typing import Any

from .errors import EngineError, ModelError
from .manifest import Manifest


class Runtime:
    """The imported PyTorch library.

    Raises:
        ModelError: PyTorch is missing, or not built for this processor.
    """

    def __init__(self) -> None:
        # A spinning thread would use up the instance's CPU share between requests.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # NumPy is missing and not needed
                import torch
        except (ImportError, OSError, ValueError) as error:  # raised by its own loader
            raise ModelError(
                f"PyTorch is not in this function's image or does not load ({_reason(error)}); "
                "deploy it with the setting engine = 'torch'"
            ) from error
        self.torch: Any = torch

    def open(self, path: str, manifest: Manifest, *, threads: int) -> "Engine":
        """Load the program that the manifest describes, as `Engine`."""
        geometry = manifest.geometry
        return Engine(self, path, width=geometry.width, height=geometry.height, threads=threads)


class Engine:
    """A loaded program: takes pixels, returns the softmax over all classes.

    Args:
        runtime: the runtime that loads it.
        path: a TorchScript file whose one argument is uint8 (1, height, width, 3) RGB and whose
            result is float32 (1, classes); normalisation and softmax are part of the program.
        width: the input's width in pixels.
        height: the input's height in pixels.
        threads: number of compute threads.

    Raises:
        ModelError: PyTorch cannot load the program.
    """

    def __init__(
        self, runtime: Runtime, path: str, *, width: int, height: int, threads: int
    ) -> None:
        self._torch = torch = runtime.torch
        self._shape = (1, height, width, 3)
        torch.set_num_threads(threads)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # see decision 35
                self._program = torch.jit.load(path, map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"PyTorch cannot load the model file: {_reason(error)}") from error

    def run(self, pixels: bytes) -> "array[float]":
        """Return the softmax over all classes for one image.

        Args:
            pixels: RGB, row by row, of the input's height and width.

        Raises:
            EngineError: the program's input or output is not as described above.
        """
        torch = self._torch
        # A copy, since PyTorch has no read-only tensors.
        image = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(self._shape)
        try:
            # Without profiling, which would make the first runs slower.
            with torch.inference_mode(), torch.jit.optimized_execution(False):
                output = self._program(image)
        except RuntimeError as error:
            raise EngineError(_reason(error)) from error
        if not isinstance(output, torch.Tensor) or output.dtype != torch.float32:
            kind = getattr(output, "dtype", type(output).__name__)
            raise EngineError(f"the program gives {kind}, not a tensor of float32")
        return array("f", output.flatten().tolist())

    def close(self) -> None:
        """Free the program and its weights; do not use the engine afterwards."""
        self._program = None


def _reason(error: Exception) -> str:
    """Return the line of a PyTorch error that names the cause, without the stack trace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    line = lines[-1] if any("Traceback" in line for line in lines) else lines[0]
    return line.removeprefix("RuntimeError: ").partition(". This is an internal")[0].rstrip(".")
