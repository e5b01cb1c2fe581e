"""Static quantization of an fp32 ONNX classifier to int8.

The format is QDQ, with weights per channel. Activations are uint8: with int8, ONNX Runtime leaves
the convolutions before an addition in fp32 on x86, and a ResNet50 takes twice the time.

Weights have 7 bits (`reduce_range`). CPUs without VNNI add pairs of products of uint8 and int8
in 16 bits, which saturates at 32,767. With weights of -64 to 64 a pair reaches at most
2 x 255 x 64 = 32,640, so the answers are the same on every CPU of Lambda.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.bias_correction import correct_biases
from training.model_packages import import_model_package

METHOD = (
    "static, QDQ, uint8 activations and int8 weights per channel, reduce_range, ranges by minimum "
    "and maximum, biases corrected; ONNX Runtime {version}"
)
# Without normalisation and softmax. Clip is ReLU6: without it, ranges are those of its input.
OPERATORS = (
    "Conv", "Gemm", "MatMul", "Add", "Relu", "Clip", "MaxPool", "GlobalAveragePool", "ReduceMean",
    "Flatten", "Reshape",
)  # fmt: skip

Pixels = npt.NDArray[np.uint8]


class CalibrationImages:
    """Images for ONNX Runtime's calibration, uint8 [height, width, 3] each."""

    def __init__(self, input_name: str, images: Iterable[Pixels]) -> None:
        self._input_name = input_name
        self._images = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input of the graph, or None after the last."""
        image = next(self._images, None)
        return None if image is None else {self._input_name: image[np.newaxis]}


def quantize_classifier(model: bytes, input_name: str, images: Iterable[Pixels]) -> bytes:
    """Quantize an fp32 file to int8; normalisation and softmax stay in fp32.

    Args:
        model: content of the fp32 file.
        input_name: name of the graph's input.
        images: images on which the ranges and means of activations are measured.

    Raises:
        WarmlensError: `package_missing`.
    """
    onnx = import_model_package("onnx")
    calibration = list(images)
    quantization = import_model_package("onnxruntime.quantization")
    proto = onnx.load_from_string(model)
    # Without this, the quantizer warns that the graph is not prepared, which the exporter has done.
    proto.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            proto,
            path,
            CalibrationImages(input_name, calibration),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        quantized = onnx.load(path)
    correct_biases(quantized, model, input_name, calibration)
    _keep_plain(onnx, quantized)
    raw: bytes = quantized.SerializeToString(deterministic=True)
    return raw


def method() -> str:
    """Return the manifest's description of :func:`quantize_classifier`."""
    return METHOD.format(version=import_model_package("onnxruntime").__version__)


def _keep_plain(onnx: Any, proto: Any) -> None:
    """Remove the metadata that the quantizer adds."""
    proto.producer_name, proto.producer_version = "warmlens", ""
    del proto.metadata_props[:], proto.graph.value_info[:]
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(proto)
