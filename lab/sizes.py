"""File sizes of torchvision's ResNets, exported to ONNX."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from training.model_packages import import_model_package
from training.networks import MEAN, STD, build_network, parameter_count
from training.onnx_export import GraphSpec, export_classifier
from training.parity import random_images
from training.quantize import quantize_classifier

torch: Any = import_model_package("torch")

SIDE = 224
CLASS_COUNT = 1000
# Table 1 of the paper: top-1 error in %, top-5 error in %, size in MB.
PAPER = {
    "resnet18": (30.24, 10.92, 44.6),
    "resnet34": (26.7, 8.58, 83.2),
    "resnet50": (23.85, 7.13, 97.7),
    "resnet101": (22.63, 6.44, 170.0),
    "resnet152": (21.69, 5.94, 230.0),
}


@dataclasses.dataclass(frozen=True)
class Size:
    """The file sizes of an exported ResNet, with the paper's figures.

    Sizes in MiB (1,048,576 bytes): what the paper prints as MB are MiB, as torchvision's files
    show. ``int8_mib`` is None unless it was measured.
    """

    architecture: str
    parameters: int
    fp32_mib: float
    int8_mib: float | None
    paper_mib: float
    paper_top1_error_percent: float
    paper_top5_error_percent: float


def measure_size(architecture: str, *, with_int8: bool) -> Size:
    """Return the file sizes of ``architecture``, exported with random weights."""
    torch.manual_seed(0)
    network = build_network(architecture, CLASS_COUNT)
    fp32 = export_classifier(network, GraphSpec(SIDE, SIDE, CLASS_COUNT, MEAN, STD))
    int8 = None
    if with_int8:
        images = (np.asarray(image.resize((SIDE, SIDE))) for image in random_images(2))
        int8 = len(quantize_classifier(fp32, "image", images)) / 2**20
    top1, top5, paper = PAPER[architecture]
    return Size(
        architecture=architecture,
        parameters=parameter_count(network),
        fp32_mib=len(fp32) / 2**20,
        int8_mib=int8,
        paper_mib=paper,
        paper_top1_error_percent=top1,
        paper_top5_error_percent=top5,
    )


def measure_sizes(
    *, with_int8: bool, on_done: Callable[[Size], None] = lambda size: None
) -> list[Size]:
    """Measure every ResNet of the paper's Table 1."""
    sizes = []
    for architecture in PAPER:
        sizes.append(measure_size(architecture, with_int8=with_int8))
        on_done(sizes[-1])
    return sizes
