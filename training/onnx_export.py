"""Export of PyTorch classifiers to ONNX, and optimization of the graph.

The file takes the pixels of an image and returns the softmax: normalisation and transposition are
in the graph, so that no caller can get them wrong.

The graph is optimized at export, so that no instance has to at its cold start. The level "portable"
is ONNX Runtime's "all" without one step, which lays fp32 weights out in blocks of the processor at
hand and gives wrong answers on another. Beyond "extended" it puts the channels of int8 layers last,
which is the same on every processor. The weights go into a file of their own, which the runtime
maps instead of copying.
"""

import dataclasses
import tempfile
import warnings
from pathlib import Path
from typing import Any, Literal

from training.model_packages import import_model_package
from warmlens.registry.manifest import Optimization

# ONNX Runtime reads these from 1.18 on.
OPSET = 18
IR_VERSION = 10
LEVEL: Literal["portable"] = "portable"
BOUND_TO_A_PROCESSOR = ["NchwcTransformer"]
GRAPH_FILE = "model.onnx"
WEIGHTS_FILE = "model.weights"
# Smaller tensors stay in the graph: mapping them would cost more than it saves.
SMALLEST_OUTSIDE_BYTES = 512


@dataclasses.dataclass(frozen=True)
class GraphSpec:
    """The input and output of an exported file.

    It takes uint8 [1, height, width, 3] and returns float32 [1, class_count].

    `mean` and `std` are per channel, on the scale of pixel values (0 to 255).
    """

    width: int
    height: int
    class_count: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    input_name: str = "image"
    output_name: str = "softmax"


def export_classifier(model: Any, spec: GraphSpec) -> bytes:
    """Export a torch module, float32 [1, 3, height, width] to logits, as an ONNX file.

    Batch normalisation and padding are folded into the convolutions. The same weights and package
    versions give the same bytes.

    Raises:
        WarmlensError: `package_missing`.
    """
    torch = import_model_package("torch")
    onnx = import_model_package("onnx")
    pixels = torch.zeros(1, 3, spec.height, spec.width)
    with warnings.catch_warnings():
        # The exporter itself uses deprecated parts of torch.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        program = torch.onnx.export(
            model.eval(),
            (pixels,),
            dynamo=True,
            input_names=["normalized"],
            output_names=["logits"],
            opset_version=OPSET,
            verbose=False,
        )
    proto = program.model_proto
    _add_pixels_and_softmax(onnx, proto, spec)
    _make_reproducible(proto)
    onnx.checker.check_model(proto, full_check=True)
    raw: bytes = proto.SerializeToString(deterministic=True)
    return raw


@dataclasses.dataclass(frozen=True)
class OptimizedGraph:
    """An optimized graph, which refers to its weights as the file `model.weights`."""

    graph: bytes
    weights: bytes


def optimize(model: bytes) -> OptimizedGraph:
    """Optimize an ONNX file, with its weights in a file of their own.

    Raises:
        WarmlensError: `package_missing`.
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
    """Return the manifest's description of the optimization by :func:`optimize`."""
    version = import_model_package("onnxruntime").__version__
    return Optimization(level=LEVEL, engine=f"ONNX Runtime {version}")


def _add_pixels_and_softmax(onnx: Any, proto: Any, spec: GraphSpec) -> None:
    """Add normalisation of pixels before the graph, and softmax after it."""
    helper, types, graph = onnx.helper, onnx.TensorProto, proto.graph
    node = helper.make_node
    before = [
        # Transposing bytes moves a quarter of what transposing floats would.
        node("Transpose", [spec.input_name], ["image_nchw"], "image_transpose", perm=[0, 3, 1, 2]),
        node("Cast", ["image_nchw"], ["image_float"], "image_to_float", to=types.FLOAT),
        node("Sub", ["image_float", "image_mean"], ["image_centred"], "image_subtract_mean"),
        node("Div", ["image_centred", "image_std"], ["normalized"], "image_divide_by_std"),
    ]
    after = node("Softmax", ["logits"], [spec.output_name], "softmax", axis=-1)
    nodes = [*before, *graph.node, after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.input.append(
        helper.make_tensor_value_info(spec.input_name, types.UINT8, [1, spec.height, spec.width, 3])
    )
    graph.output.append(
        helper.make_tensor_value_info(spec.output_name, types.FLOAT, [1, spec.class_count])
    )
    for name, values in (("image_mean", spec.mean), ("image_std", spec.std)):
        graph.initializer.append(helper.make_tensor(name, types.FLOAT, [1, 3, 1, 1], values))


def _make_reproducible(proto: Any) -> None:
    """Remove the names of the exporting machine and build."""
    proto.ir_version = IR_VERSION
    proto.producer_name, proto.producer_version = "warmlens", ""
    proto.graph.name, proto.graph.doc_string = "classifier", ""
    del proto.graph.value_info[:]
    for part in (proto, proto.graph, *proto.graph.node, *proto.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
