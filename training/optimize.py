"""Optimizes a graph once, when it is made, so that no instance has to at its cold start.

The level "portable" is ONNX Runtime's "all" but for one step, which lays fp32 weights out in blocks
of the processor at hand and gives wrong answers on another. What it does beyond "extended" is to
put the channels of int8 layers last, which is the same on every processor. The weights go into a
file of their own, which the runtime maps instead of copying.
"""

import dataclasses
import tempfile
from pathlib import Path
from typing import Literal

from training.model_packages import import_model_package
from warmlens.registry.manifest import Optimization

LEVEL: Literal["portable"] = "portable"
BOUND_TO_A_PROCESSOR = ["NchwcTransformer"]
GRAPH_FILE = "model.onnx"
WEIGHTS_FILE = "model.weights"
# Smaller tensors stay in the graph: a mapping of their own would cost more than it saves.
SMALLEST_OUTSIDE_BYTES = 512


@dataclasses.dataclass(frozen=True)
class OptimizedGraph:
    """A graph that refers to its weights as the file ``model.weights`` beside it."""

    graph: bytes
    weights: bytes


def optimize(model: bytes) -> OptimizedGraph:
    """Return the ONNX file ``model`` optimized, with its weights apart.

    Raises:
        ModelError: ``package_missing``.
    """
    onnxruntime = import_model_package("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    external = "session.optimized_model_external_initializers_"
    options.add_session_config_entry(f"{external}file_name", WEIGHTS_FILE)
    options.add_session_config_entry(f"{external}min_size_in_bytes", str(SMALLEST_OUTSIDE_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / GRAPH_FILE
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=BOUND_TO_A_PROCESSOR,
        )
        return OptimizedGraph(path.read_bytes(), (Path(folder) / WEIGHTS_FILE).read_bytes())


def optimization() -> Optimization:
    """Return how graphs are optimized, for the manifest."""
    version = import_model_package("onnxruntime").__version__
    return Optimization(level=LEVEL, engine=f"ONNX Runtime {version}")
