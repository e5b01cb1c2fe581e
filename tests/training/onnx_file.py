"""A small ONNX classifier, as other programs write it."""

from pathlib import Path
from typing import Any

import numpy as np

from training.model_packages import import_model_package

onnx: Any = import_model_package("onnx")
helper, T = onnx.helper, onnx.TensorProto
SIDE = 32
CLASSES = 3
GENERATOR = np.random.default_rng(0)
KERNEL = GENERATOR.standard_normal((8, 3, 3, 3)).astype(np.float32)
WEIGHT = GENERATOR.standard_normal((8, CLASSES)).astype(np.float32)
DATA = {T.FLOAT: np.float32, T.FLOAT16: np.float16, T.DOUBLE: np.float64}


def classifier(
    *,
    opset: int = 17,
    ir: int = 8,
    shape: tuple[Any, ...] = (1, 3, SIDE, SIDE),
    kind: int = T.FLOAT,
    end: str | None = None,
    form: str | None = None,
    nhwc: bool = False,
    names: tuple[str, str] = ("input", "output"),
    weight: Any = WEIGHT,
    as_inputs: bool = False,
) -> Any:
    """Return a small convolutional network as an ONNX model."""
    start, last = names
    node = helper.make_node
    nodes, values = [], {"kernel": KERNEL, "weight": weight}
    current = start
    if nhwc:
        nodes.append(node("Transpose", [current], ["turned"], perm=[0, 3, 1, 2]))
        current = "turned"
    nodes += [
        node("Conv", [current, "kernel"], ["conv"], kernel_shape=[3, 3]),
        node("Relu", ["conv"], ["relu"]),
        node("GlobalAveragePool", ["relu"], ["pooled"]),
        node("Flatten", ["pooled"], ["flat"], axis=1),
        node("MatMul", ["flat", "weight"], ["values"]),
    ]
    current = "values"
    if end:
        attributes = {"axis": 1} if "oftmax" in end else {}
        nodes.append(node(end, [current], ["ended"], **attributes))
        current = "ended"
    if form:
        nodes.append(node("Reshape", [current, "form"], ["formed"]))
        current = "formed"
    nodes.append(node("Identity", [current], [last]))
    given = [
        helper.make_tensor(name, kind, array.shape, array.astype(DATA[kind]).tobytes(), raw=True)
        for name, array in values.items()
    ]
    if form:
        dims = [int(part) for part in form.split(",")]
        given.append(helper.make_tensor("form", T.INT64, [len(dims)], dims))
    inputs = [helper.make_tensor_value_info(start, kind, shape)]
    if as_inputs:
        inputs += [helper.make_tensor_value_info(g.name, g.data_type, g.dims) for g in given]
    outputs = [helper.make_tensor_value_info(last, kind, None)]
    graph = helper.make_graph(nodes, "other", inputs, outputs, given)
    return helper.make_model(
        graph, ir_version=ir, opset_imports=[helper.make_opsetid("", opset)], producer_name="tests"
    )


def more_outputs() -> Any:
    model = classifier()
    model.graph.output.append(helper.make_tensor_value_info("flat", T.FLOAT, None))
    return model


def with_external_data(file: Path) -> Path:
    onnx.save_model(
        classifier(), file, save_as_external_data=True, location="w.data", size_threshold=0
    )
    return file.with_name("w.data")
