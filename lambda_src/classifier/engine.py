"""Running a model's graph with ONNX Runtime on the CPU."""

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .errors import ModelError


class Engine:
    """A loaded graph that takes pixels and gives the softmax over all classes.

    Args:
        path: an ONNX file whose input is uint8 (1, height, width, 3) RGB and whose output is
            float32 (1, classes); normalisation and softmax are part of the graph. Weights that lie
            in a file beside it are mapped, not copied.
        input_name: name of the input.
        output_name: name of the output.
        threads: compute threads.
        optimized: the graph was optimized when it was made and is run as it is.

    Raises:
        ModelError: ONNX Runtime cannot load the graph.
    """

    def __init__(
        self, path: str, *, input_name: str, output_name: str, threads: int, optimized: bool
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A spinning thread would use up the instance's CPU share between requests.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if optimized:
            level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.graph_optimization_level = level
        self._input_name = input_name
        self._output_names = [output_name]
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own types share no public base
            raise ModelError(f"ONNX Runtime cannot load the model file: {error}") from error

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the softmax, float32 of shape (classes,), for one image's pixels."""
        outputs: list[Any] = self._session.run(self._output_names, {self._input_name: pixels})
        softmax: NDArray[np.float32] = outputs[0][0]
        return softmax
