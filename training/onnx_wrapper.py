"""Wrapping of other programs' ONNX classifiers, to take pixels and give a softmax.

Preparation of the pixels and the softmax go into the graph, which is otherwise left as it is.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from training.foreign_onnx import ForeignGraph, graphs_in, serialized
from training.model_packages import import_model_package
from training.onnx_behaviour import Behaviour
from training.onnx_export import IR_VERSION, GraphSpec

# An operator, its inputs besides the value before it, and its attributes.
_Step = tuple[str, list[str], dict[str, Any]]


def with_pixels_and_softmax(
    graph: ForeignGraph, behaviour: Behaviour, spec: GraphSpec
) -> tuple[bytes, str, str]:
    """Return a graph from pixels to softmax as an ONNX file, and the names of input and output.

    Raises:
        WarmlensError: `bad_onnx` when the file would be too large.
    """
    onnx = import_model_package("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    used = set(_names(proto.graph))

    def new(name: str) -> str:
        while name in used:
            name += "_"
        used.add(name)
        return name

    def constant(name: str, kind: int, shape: list[int], values: Sequence[float]) -> str:
        name = new(name)
        proto.graph.initializer.append(helper.make_tensor(name, kind, shape, values))
        return name

    def chain(first: str, steps: list[_Step], last: str) -> list[Any]:
        values = [first, *(new(f"warmlens_{kind}_output") for kind, _, _ in steps[:-1]), last]
        return [
            helper.make_node(
                kind, [before, *others], [after], new(f"warmlens_{kind}"), **attributes
            )
            for (kind, others, attributes), (before, after) in zip(
                steps, itertools.pairwise(values), strict=True
            )
        ]

    channels = [1, 3, 1, 1] if graph.layout == "nchw" else [1, 1, 1, 3]
    preparation: list[_Step] = [
        ("Cast", [], {"to": types.FLOAT}),
        ("Sub", [constant("image_mean", types.FLOAT, channels, spec.mean)], {}),
        ("Div", [constant("image_std", types.FLOAT, channels, spec.std)], {}),
    ]
    if graph.layout == "nchw":
        preparation.insert(0, ("Transpose", [], {"perm": [0, 3, 1, 2]}))
    if graph.input_type != types.FLOAT:
        preparation.append(("Cast", [], {"to": graph.input_type}))
    ending: list[_Step] = [("Cast", [], {"to": types.FLOAT})]
    row = [1, behaviour.class_count]
    if list(behaviour.shape) != row:
        ending.append(("Reshape", [constant("class_row", types.INT64, [2], row)], {}))
    if behaviour.is_softmax:
        # In fp16 its sum is not quite 1, which the softmax of its logarithm mends.
        ending.append(("Log", [], {}))
    ending.append(("Softmax", [], {"axis": -1}))
    image, softmax = new(spec.input_name), new(spec.output_name)
    nodes = [
        *chain(image, preparation, graph.input_name),
        *proto.graph.node,
        *chain(graph.output_name, ending, softmax),
    ]
    del proto.graph.node[:], proto.graph.input[:], proto.graph.output[:]
    del proto.graph.value_info[:]
    proto.graph.node.extend(nodes)
    proto.graph.input.append(
        helper.make_tensor_value_info(image, types.UINT8, [1, spec.height, spec.width, 3])
    )
    proto.graph.output.append(helper.make_tensor_value_info(softmax, types.FLOAT, row))
    # From version 4 on, weights need not be inputs.
    proto.ir_version = max(IR_VERSION, proto.ir_version)
    return serialized(proto, graph.path), image, softmax


def _names(graph: Any) -> Iterator[str]:
    for each in graphs_in(graph):
        yield from (tensor.name for tensor in each.initializer)
        yield from (value.name for value in (*each.input, *each.output))
        for node in each.node:
            yield node.name
            yield from (*node.input, *node.output)
