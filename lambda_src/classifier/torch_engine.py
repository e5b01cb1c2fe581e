"""Running a model's TorchScript program with PyTorch on the CPU, where the image has it.

Nothing else imports this module, and PyTorch itself is imported when `Runtime` is made, beside the
fetching of files: it takes ten times as long as all else at init.
"""

import os
import warnings
from array import array
from typing import Any

from .errors import EngineError, ModelError
from .manifest import Manifest


class Runtime:
    """PyTorch, imported and ready to load programs.

    Raises:
        ModelError: it is not there, or not built for what it runs on.
    """

    def __init__(self) -> None:
        # A spinning thread would use up the instance's CPU share between requests.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # NumPy is missing, and nothing here needs it
                import torch
        except (ImportError, OSError, ValueError) as error:  # what its own loader raises
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
    """A loaded program that takes pixels and gives the softmax over all classes.

    Args:
        runtime: what loads it.
        path: a TorchScript file whose one argument is uint8 (1, height, width, 3) RGB and whose
            result is float32 (1, classes); normalisation and softmax are part of the program.
        width: the input's width in pixels.
        height: its height likewise.
        threads: compute threads.

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
            EngineError: the program does not take such an input or give such an output.
        """
        torch = self._torch
        # A copy, since PyTorch has no tensors that may only be read.
        image = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(self._shape)
        try:
            # Profiling the first runs to compile the program anew makes just those slower.
            with torch.inference_mode(), torch.jit.optimized_execution(False):
                output = self._program(image)
        except RuntimeError as error:
            raise EngineError(_reason(error)) from error
        if not isinstance(output, torch.Tensor) or output.dtype != torch.float32:
            kind = getattr(output, "dtype", type(output).__name__)
            raise EngineError(f"the program gives {kind}, not a tensor of float32")
        return array("f", output.flatten().tolist())

    def close(self) -> None:
        """Let go of the program and its weights; it must not be run again."""
        self._program = None


def _reason(error: Exception) -> str:
    """Return the one line of PyTorch's message that says what is wrong, without a stack trace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    line = lines[-1] if any("Traceback" in line for line in lines) else lines[0]
    return line.removeprefix("RuntimeError: ").partition(". This is an internal")[0].rstrip(".")
