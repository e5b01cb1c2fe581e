"""Scaling of a model file's logits by a temperature, without touching its weights.

The file's logits are multiplied by 1/temperature just before its softmax, so that any program that
runs it gets a calibrated softmax.
"""

import io
import warnings
from typing import Any

import numpy as np

from training.model_packages import import_model_package
from training.torch_export import reproducible
from warmlens.errors import WarmlensError

_SCALE = "inverse_temperature"


def scale_logits(engine: str, model: bytes, output_name: str, temperature: float) -> bytes:
    """Return a model file whose logits are divided by a temperature before its softmax.

    Args:
        engine: runtime of the file, `onnxruntime` or `torch`.
        model: the file; a graph may be optimized and have its weights in a second file.
        output_name: name of the graph's softmax.
        temperature: divides the logits, also those that are scaled already.

    Raises:
        WarmlensError: `no_softmax` when the file does not end in one.
    """
    scale = float(np.float32(1 / temperature))
    if engine == "torch":
        return _scale_program(model, scale)
    return _scale_graph(model, output_name, scale)


def softmax_node(graph: Any, output_name: str) -> Any:
    """Return the node of an ONNX graph that computes its softmax.

    Raises:
        WarmlensError: `no_softmax`.
    """
    for node in graph.node:
        if output_name in node.output and node.op_type == "Softmax":
            return node
    raise _no_softmax()


def _scale_graph(model: bytes, output_name: str, scale: float) -> bytes:
    onnx = import_model_package("onnx")
    proto = onnx.load_model_from_string(model)
    graph = proto.graph
    softmax = softmax_node(graph, output_name)
    makers = {name: node for node in graph.node for name in node.output}
    before = makers.get(softmax.input[0])
    if before is not None and before.op_type == "Mul" and before.input[1] == _SCALE:
        (constant,) = (each for each in graph.initializer if each.name == _SCALE)
        scale *= float(onnx.numpy_helper.to_array(constant))
    else:
        constant = graph.initializer.add()
        node = onnx.helper.make_node(
            "Mul", [softmax.input[0], _SCALE], ["calibrated_logits"], "divide_by_temperature"
        )
        graph.node.insert(list(graph.node).index(softmax), node)
        softmax_node(graph, output_name).input[0] = "calibrated_logits"
    constant.CopyFrom(onnx.helper.make_tensor(_SCALE, onnx.TensorProto.FLOAT, [], [scale]))
    raw: bytes = proto.SerializeToString(deterministic=True)
    return raw


def _scale_program(model: bytes, scale: float) -> bytes:
    torch = import_model_package("torch")
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # decision 35
        program = torch.jit.load(io.BytesIO(model), map_location="cpu").eval()
        graph = program.graph
        (output,) = graph.outputs()
        softmax = output.node()
        if softmax.kind() != "aten::softmax":
            raise _no_softmax()
        graph.setInsertPoint(softmax)
        logits = next(softmax.inputs())
        scaled = graph.insertNode(graph.create("aten::mul", [logits, graph.insertConstant(scale)]))
        scaled.output().setType(logits.type())
        softmax.replaceInput(0, scaled.output())
        torch.jit.save(program, buffer)
    return reproducible(torch, buffer.getvalue())


def _no_softmax() -> WarmlensError:
    return WarmlensError(
        "no_softmax",
        "The model file does not end in a softmax, so that its logits cannot be scaled; make the "
        "version with warmlens model export or import.",
    )
