"""Turns a PyTorch classifier into the ONNX file that the service loads.

The file takes an image's bytes as they are and answers with softmax: normalisation and
transposition are in the graph, so that no caller can get them wrong.
"""

import dataclasses
import warnings
from typing import Any

from training.model_packages import import_model_package

# Read by ONNX Runtime from 1.18 on.
OPSET = 18
IR_VERSION = 10


@dataclasses.dataclass(frozen=True)
class GraphSpec:
    """The file's contract: uint8 [1, height, width, 3] in, float32 [1, class_count] out.

    ``mean`` and ``std`` are per channel, on the scale of pixel values (0 to 255).
    """

    width: int
    height: int
    class_count: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    input_name: str = "image"
    output_name: str = "softmax"


def export_classifier(model: Any, spec: GraphSpec) -> bytes:
    """Export ``model`` (a torch module: float32 [1, 3, height, width] to logits) as ONNX.

    Batch normalisation and padding are folded into the convolutions. The same weights and package
    versions give the same bytes.

    Raises:
        ModelError: ``package_missing``.
    """
    torch = import_model_package("torch")
    onnx = import_model_package("onnx")
    pixels = torch.zeros(1, 3, spec.height, spec.width)
    with warnings.catch_warnings():
        # The exporter warns of deprecated parts of torch that it itself uses.
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


def _add_pixels_and_softmax(onnx: Any, proto: Any, spec: GraphSpec) -> None:
    """Put the steps from bytes to normalised pixels before the graph, and softmax after it."""
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
    """Drop what tells where and by which build the file was made; it is no part of the model."""
    proto.ir_version = IR_VERSION
    proto.producer_name, proto.producer_version = "warmlens", ""
    proto.graph.name, proto.graph.doc_string = "classifier", ""
    del proto.graph.value_info[:]
    for part in (proto, proto.graph, *proto.graph.node, *proto.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
