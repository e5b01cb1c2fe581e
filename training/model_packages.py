"""Packages that only exporting a model needs, imported when they are needed.

Publishing and verifying must work without them, so requirements.txt does not have them.
"""

import importlib
import os
from types import ModuleType
from typing import Any

from warmlens.errors import missing_package

# What torchvision registers fakes for but only its CUDA build brings with CPU torch.
TORCHVISION_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
# An operator lives only as long as the library that declared it.
_declared: list[Any] = []


def import_model_package(name: str) -> ModuleType:
    """Import the package ``name`` of the extra `training`.

    Raises:
        WarmlensError: ``package_missing``.
    """
    # ONNX Runtime would send its maker events: docs/decisions/0034-no-telemetry.md.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing_package(str(error.name)) from None


def import_torchvision() -> ModuleType:
    """Import torchvision, also where a build for CUDA meets torch for the CPU.

    Models, transforms and weights' metadata work then; its own image decoding and nms do not.

    Raises:
        WarmlensError: ``package_missing``.
    """
    try:
        return import_model_package("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    library = import_model_package("torch").library.Library("torchvision", "DEF")
    for operator in TORCHVISION_OPERATORS:
        library.define(operator)
    _declared.append(library)
    return import_model_package("torchvision")
