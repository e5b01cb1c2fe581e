"""EfficientNet-Lites in int8 answer as in fp32."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from training.config import LITES
from training.efficientnet_lite import imagenet_weights
from training.model_packages import import_model_package
from training.networks import build_network, load_weights, normalization_of
from training.onnx_export import GraphSpec, export_classifier
from training.pixels import read_pixels, square
from training.quantize import quantize_classifier
from warmlens.paths import WEB

onnx: Any = import_model_package("onnx")
onnxruntime: Any = import_model_package("onnxruntime")
SIDE = 128
SAMPLES = ("coffee.jpg", "cat.jpg", "flower.jpg", "rocket.jpg")


def logits(raw: bytes, images: list[Any]) -> Any:
    proto = onnx.load_from_string(raw)
    proto.graph.output.append(
        onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None)
    )
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.concatenate([session.run(["logits"], {"image": image[None]})[0] for image in images])


@pytest.mark.parametrize("architecture", LITES[:1])
def test_a_lite_with_imagenets_weights_gives_nearly_the_same_logits(architecture: str) -> None:
    network = build_network(architecture, 1000)
    tensors, where = imagenet_weights(architecture)
    load_weights(network, tensors, new_head=False, where=where)
    mean, std = normalization_of(architecture)
    fp32 = export_classifier(network.eval(), GraphSpec(SIDE, SIDE, 1000, mean, std))
    photos = [read_pixels(WEB / "samples" / name, square(SIDE)) for name in SAMPLES]
    images = [*photos, *(photo[:, ::-1].copy() for photo in photos)]
    int8 = quantize_classifier(fp32, "image", images)
    expected, actual = logits(fp32, images), logits(int8, images)
    error = float(np.abs(actual - expected).mean() / expected.std())
    assert error < 0.1

    graph = onnx.load_from_string(int8).graph
    producers = {output: node.op_type for node in graph.node for output in node.output}
    kinds = Counter(node.op_type for node in graph.node)
    # ReLU6 is the range of what comes before it.
    assert "Clip" not in kinds
    assert all(
        producers[name] == "DequantizeLinear"
        for node in graph.node
        if node.op_type in ("Conv", "Gemm", "Add", "ReduceMean")
        for name in node.input[:1]
    )
