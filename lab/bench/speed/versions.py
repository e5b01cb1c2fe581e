"""Test models for both implementations: a model version for the classifier, weights for PyTorch."""

import hashlib
import json
import shutil
import warnings
from pathlib import Path

from training.model_packages import import_model_package, import_torchvision
from warmlens.paths import MODEL_ARTIFACTS

NAME, VERSION = "products-resnet50", "1.1.0"
MODEL = f"{NAME}@{VERSION}"
SHIPPED = MODEL_ARTIFACTS / NAME / VERSION
SHIPPED_PX = 128
PAPER_PX, PAPER_RESIZE_PX = 224, 256


def resize_px(input_px: int) -> int:
    """Return the shorter side of a resized image, before its centre is cropped."""
    return PAPER_RESIZE_PX if input_px == PAPER_PX else input_px


def write_version(models: Path, input_px: int) -> None:
    """Write a copy of the shipped model version with another input size.

    The network is convolutions up to its last layer, so it takes any size; its weights and the
    work for each pixel stay the same. What it answers at another size than its own is of no use.

    Raises:
        WarmlensError: ``package_missing``.
    """
    to = models / NAME / VERSION
    shutil.copytree(SHIPPED, to)
    if input_px == SHIPPED_PX:
        return
    onnx = import_model_package("onnx")
    graph = onnx.load(to / "model.onnx", load_external_data=False)
    _, height, width, _ = graph.graph.input[0].type.tensor_type.shape.dim
    height.dim_value = width.dim_value = input_px
    del graph.graph.value_info[:]
    data = graph.SerializeToString(deterministic=True)
    (to / "model.onnx").write_bytes(data)
    manifest = json.loads((to / "manifest.json").read_text(encoding="utf-8"))
    manifest["input"] |= {
        "width": input_px,
        "height": input_px,
        "resize_shorter_side": resize_px(input_px),
    }
    manifest["files"]["model"] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (to / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def write_baselines(weights: Path, onnx: Path, class_count: int, input_px: int) -> None:
    """Write the same ResNet50 for both baselines, as a state dict and as ONNX in fp32.

    The weights are random: their values do not change the time.

    Args:
        weights: file for PyTorch.
        onnx: file for ONNX Runtime, as PyTorch's exporter writes it.
        class_count: number of classes.
        input_px: input size in pixels.

    Raises:
        WarmlensError: ``package_missing``.
    """
    torchvision = import_torchvision()
    torch = import_model_package("torch")
    import_model_package("onnxscript")
    torch.manual_seed(0)
    network = torchvision.models.resnet50(num_classes=class_count).eval()
    torch.save(network.state_dict(), weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter itself uses deprecated parts of torch
        program = torch.onnx.export(
            network, (torch.zeros(1, 3, input_px, input_px),), dynamo=True, verbose=False
        )
    program.save(onnx)
