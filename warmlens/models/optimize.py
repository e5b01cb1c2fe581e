"""Optimizes a graph once, when it is made, so that no instance has to at its cold start.

The level is "extended": what it fuses is the same on every processor. The level above lays weights
out for the processor at hand and gives wrong answers on another. The weights go into a file of
their own, which the runtime maps instead of copying.
"""

import dataclasses
import tempfile
from pathlib import Path

from warmlens.models.manifest import Optimization
from warmlens.models.model_packages import import_model_package

LEVEL = "extended"
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
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    external = "session.optimized_model_external_initializers_"
    options.add_session_config_entry(f"{external}file_name", WEIGHTS_FILE)
    options.add_session_config_entry(f"{external}min_size_in_bytes", str(SMALLEST_OUTSIDE_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / GRAPH_FILE
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return OptimizedGraph(path.read_bytes(), (Path(folder) / WEIGHTS_FILE).read_bytes())


def optimization() -> Optimization:
    """Return how graphs are optimized, for the manifest."""
    version = import_model_package("onnxruntime").__version__
    return Optimization(level=LEVEL, engine=f"ONNX Runtime {version}")
