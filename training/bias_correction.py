"""Correction of the biases of an int8 graph.

Rounded weights shift the mean of each output channel by the sum of their errors times the means of
their inputs. The bias takes the shift back: M. Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", ICCV 2019, arXiv 1906.04721, section 4.2, with means that are
measured on images. Padding is left out of the means.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training.model_packages import import_model_package

Values = npt.NDArray[np.float64]


def correct_biases(
    int8: Any, fp32: bytes, input_name: str, images: Sequence[npt.NDArray[np.uint8]]
) -> None:
    """Change the biases of an int8 graph in place.

    Args:
        int8: the ONNX model, in QDQ format.
        fp32: content of the file that it was quantized from.
        input_name: name of the graphs' input.
        images: images on which the means are measured.
    """
    onnx = import_model_package("onnx")
    to_array = onnx.numpy_helper.to_array
    original = onnx.load_from_string(fp32).graph
    exact = {tensor.name: tensor for tensor in original.initializer}
    stored = {tensor.name: tensor for tensor in int8.graph.initializer}
    producers = {node.output[0]: node for node in int8.graph.node}
    quantized = {node.name: node for node in int8.graph.node if node.op_type in ("Conv", "Gemm")}
    layers = [node for node in original.node if node.name in quantized and len(node.input) == 3]
    means = _input_means(onnx, fp32, layers, input_name, images)
    for layer in layers:
        weights, bias = (
            producers.get(name, layer) for name in quantized[layer.name].input[1:]
        )  # dequantized
        if weights.op_type != "DequantizeLinear" or bias.op_type != "DequantizeLinear":
            continue
        whole = to_array(exact[layer.input[1]]).astype(np.float64)
        rounded, scale = (
            to_array(stored[name]).astype(np.float64) for name in list(weights.input)[:2]
        )
        by_output = (
            scale.reshape(-1, *[1] * (whole.ndim - 1)) if _rows_are_outputs(layer) else scale
        )
        error = rounded * by_output - whole
        steps = stored[bias.input[0]]
        shift = _shift(layer, error, means[layer.input[0]]) / to_array(stored[bias.input[1]])
        corrected = (to_array(steps) - np.rint(shift)).astype(np.int32)
        steps.CopyFrom(onnx.numpy_helper.from_array(corrected, steps.name))


def _input_means(
    onnx: Any,
    fp32: bytes,
    layers: Sequence[Any],
    input_name: str,
    images: Sequence[npt.NDArray[np.uint8]],
) -> dict[str, Values]:
    """Return the mean of each channel of each layer's input."""
    proto = onnx.load_from_string(fp32)
    outputs = {}
    for layer in layers:
        name = layer.input[0]
        if layer.op_type == "Gemm":
            outputs[name] = name
        elif name not in outputs:
            outputs[name] = f"{name}_mean"
            proto.graph.node.append(
                onnx.helper.make_node("GlobalAveragePool", [name], [outputs[name]])
            )
    for output in outputs.values():
        proto.graph.output.append(
            onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
        )
    session = import_model_package("onnxruntime").InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    sums: list[Any] = [0.0] * len(outputs)
    for image in images:
        found = session.run(list(outputs.values()), {input_name: image[np.newaxis]})
        sums = [one + other for one, other in zip(sums, found, strict=True)]
    return {
        name: np.ravel(total).astype(np.float64) / len(images)
        for name, total in zip(outputs, sums, strict=True)
    }


def _shift(layer: Any, error: Values, mean: Values) -> Values:
    """Return the mean that the weights' errors add to each output."""
    if layer.op_type == "Gemm":
        return error @ mean if _rows_are_outputs(layer) else mean @ error
    groups = next((each.i for each in layer.attribute if each.name == "group"), 1)
    by_input = error.sum(axis=tuple(range(2, error.ndim)))
    inputs = by_input.shape[1]
    # Output number i reads the inputs of its group.
    group_of = np.arange(len(error)) // (len(error) // groups)
    read = mean.reshape(groups, inputs)[group_of]
    return np.asarray((by_input * read).sum(1))


def _rows_are_outputs(layer: Any) -> bool:
    return layer.op_type == "Conv" or any(
        each.name == "transB" and each.i == 1 for each in layer.attribute
    )
