"""Class-activation maps of graphs: the features as an output, and the last layer's weights.

In a network that ends in average pooling and one fully connected layer, a class's logit is the mean
over the picture of its weights times the features, plus its bias. The map is that product before
the mean (Zhou et al. 2016, arXiv 1512.04150).

The features are a value that the graph computes anyway, and the weights stay where they are: the
manifest says where they begin, and in which file. So nothing more is computed or loaded.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from training.model_packages import import_model_package
from training.onnx_export import GRAPH_FILE, WEIGHTS_FILE
from warmlens.registry.manifest import MAX_MAP_SIDE, Explain, Features, LastLayer

_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
_MOVERS = ("Reshape", "Flatten", "Squeeze", "Identity")  # they keep the order of values
_POOLED_AXES = ({2, 3}, {-2, -1})
_TYPES = {"float32": "FLOAT", "uint8": "UINT8"}


def with_class_map(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], Explain | None]:
    """Add the features as a further output to a graph, and return what its manifest says of them.

    Call it after all other changes: where the weights are in the graph's file, a change moves them.
    No weight is changed.

    Args:
        files: `model.onnx`, with the softmax as its first output, and `model.weights` if there is
            one.

    Returns:
        The files with the changed graph. Where it does not end in average pooling, one fully
        connected layer and a softmax, the files as they were, and None.

    Raises:
        WarmlensError: `package_missing`.
    """
    onnx = import_model_package("onnx")
    proto = onnx.load_model_from_string(files[GRAPH_FILE])
    ending = _Graph(onnx, proto.graph).ending()
    if ending is None:
        return dict(files), None
    features, weights = ending
    outputs = [output for output in proto.graph.output if output.name != features]
    del proto.graph.output[:]
    value = _value(onnx, proto, files, features)
    kind: Any = str(value.dtype)
    shape = value.shape
    if (
        kind not in _TYPES
        or shape[:2] != (1, weights.dims[1])
        or len(shape) != 4
        or max(shape[2:]) > MAX_MAP_SIDE
    ):
        return dict(files), None
    element = getattr(onnx.TensorProto, _TYPES[kind])
    output = onnx.helper.make_tensor_value_info(features, element, shape)
    proto.graph.output.extend([*outputs, output])
    _require_raw(onnx, weights)
    graph: bytes = proto.SerializeToString(deterministic=True)
    _, channels, rows, columns = shape
    return {**files, GRAPH_FILE: graph}, Explain(
        features=Features(name=features, type=kind, channels=channels, rows=rows, columns=columns),
        last_layer=_place(onnx, weights, graph),
    )


class _Graph:
    """A graph, which is read from its end."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        self._onnx = onnx
        self._end = graph.output[0].name
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._made_by = {name: node for node in graph.node for name in node.output}

    def ending(self) -> tuple[str, Any] | None:
        """Return the name of the features and the tensor of the last layer's weights."""
        softmax = self._made_by.get(self._end)
        if softmax is None or softmax.op_type != "Softmax":
            return None
        layer = self._before(softmax.input[0], scaling=True)
        if layer is None or layer.op_type not in ("Gemm", "QGemm"):
            return None
        weights = self._weights(layer)
        pooling = self._before(layer.input[0], scaling=False)
        if weights is None or pooling is None or not self._is_pooling(pooling):
            return None
        features = pooling.input[0]
        node = self._made_by.get(features)
        if node is not None and node.op_type == "DequantizeLinear":
            # The runtime would compute a dequantized value twice, were it an output.
            features, scale, zero = (*node.input, "")[:3]
            if not self._is_positive_number(scale) or (zero and self._values(zero).any()):
                return None
        return features, weights

    def _before(self, name: str, *, scaling: bool) -> Any:
        """Return the last node before a value that does more than move or quantize values.

        Args:
            name: the value.
            scaling: True skips a multiplication by one positive number, as of a temperature.
        """
        while (node := self._made_by.get(name)) is not None:
            factor = None
            if node.op_type in _QUANTIZERS:
                factor = node.input[1]
            elif node.op_type == "Mul" and scaling:
                factor = next((each for each in node.input if each in self._tensors), "")
            elif node.op_type not in _MOVERS:
                return node
            if factor is not None and not self._is_positive_number(factor):
                return None
            name = next(each for each in node.input if each != factor)
        return None

    def _weights(self, layer: Any) -> Any:
        """Return the tensor of a layer's weights [classes, channels]; None for other layers."""
        given = self._attributes(layer)
        if (given.get("alpha", 1), given.get("transA", 0), given.get("transB", 0)) != (1, 0, 1):
            return None
        if layer.op_type == "QGemm":
            name, _, zero = layer.input[3:6]
        else:
            name, zero = layer.input[1], ""
            if (node := self._made_by.get(name)) is not None:
                if node.op_type != "DequantizeLinear" or self._attributes(node).get("axis") != 0:
                    return None
                name, _, zero = (*node.input, "")[:3]
        tensor = self._tensors.get(name)
        types = self._onnx.TensorProto
        if tensor is None or len(tensor.dims) != 2 or (zero and self._values(zero).any()):
            return None
        return tensor if tensor.data_type in (types.FLOAT, types.INT8) else None

    def _is_pooling(self, node: Any) -> bool:
        """Return True for a mean over rows and columns, as PyTorch exports average pooling."""
        if node.op_type != "ReduceMean" or len(node.input) < 2:
            return False
        return node.input[1] in self._tensors and set(self._values(node.input[1])) in _POOLED_AXES

    def _is_positive_number(self, name: str) -> bool:
        if name not in self._tensors:
            return False
        values = self._values(name)
        return bool(values.size == 1 and (values > 0).all())

    def _attributes(self, node: Any) -> dict[str, Any]:
        value = self._onnx.helper.get_attribute_value
        return {each.name: value(each) for each in node.attribute}

    def _values(self, name: str) -> Any:
        return self._onnx.numpy_helper.to_array(self._tensors[name])


def _value(onnx: Any, proto: Any, files: Mapping[str, bytes], name: str) -> Any:
    """Return a value of the graph for a black image."""
    onnxruntime = import_model_package("onnxruntime")
    probe = onnx.ModelProto()
    probe.CopyFrom(proto)
    probe.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with tempfile.TemporaryDirectory() as folder:
        for file, raw in {**files, GRAPH_FILE: probe.SerializeToString()}.items():
            (Path(folder) / file).write_bytes(raw)
        session = onnxruntime.InferenceSession(
            Path(folder) / GRAPH_FILE, options, providers=["CPUExecutionProvider"]
        )
        (image,) = session.get_inputs()
        (value,) = session.run(None, {image.name: np.zeros(image.shape, np.uint8)})
    return value


def _require_raw(onnx: Any, tensor: Any) -> None:
    """Store a tensor as the bytes of its values, which the file then has in one piece."""
    if not (tensor.HasField("raw_data") or tensor.external_data):
        values = onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def _place(onnx: Any, weights: Any, graph: bytes) -> LastLayer:
    kind: Literal["float32", "int8"] = (
        "int8" if weights.data_type == onnx.TensorProto.INT8 else "float32"
    )
    if weights.external_data:
        place = {entry.key: entry.value for entry in weights.external_data}
        assert place["location"] == WEIGHTS_FILE
        return LastLayer(file="weights", offset=int(place.get("offset", 0)), type=kind)
    # Wherever these bytes are, they are the weights.
    return LastLayer(file="model", offset=graph.index(weights.raw_data), type=kind)
