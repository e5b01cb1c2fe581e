"""Lazy import of the packages that only training needs, such as PyTorch."""

import importlib
import os
from types import ModuleType
from typing import Any

from warmlens.errors import missing_package

# Operators that torchvision expects; missing if its build is for CUDA and torch's for the CPU.
TORCHVISION_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
# An operator exists only as long as the library that declared it.
_declared: list[Any] = []


def import_model_package(name: str) -> ModuleType:
    """Import a package of the extra `training`.

    Raises:
        WarmlensError: `package_missing`.
    """
    # ONNX Runtime would send telemetry: docs/decisions/0034-no-telemetry.md.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing_package(error.name or name) from None


def import_torchvision() -> ModuleType:
    """Import torchvision, even if its build is for CUDA and that of torch for the CPU.

    Models, transforms and the metadata of weights work then; image decoding and nms do not.

    Raises:
        WarmlensError: `package_missing`.
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
