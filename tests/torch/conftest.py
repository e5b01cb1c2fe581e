"""Fixtures: an environment with PyTorch, and one model exported for both engines."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration import classifier_harness
from tests.integration import conftest as integration
from training.import_weights import ImportRequest, import_file
from training.model_packages import import_model_package
from training.networks import build_network
from training.preprocessing import Preprocessing
from training.weights import save_weights
from warmlens.local.venvs import local_venvs

torch: Any = import_model_package("torch")

TORCH_INDEX = os.environ.get("TORCH_INDEX") or None
CLASSES = 20

s3 = integration.s3
bucket = integration.bucket
runtime_python = integration.runtime_python
call_with = classifier_harness.call_with


@pytest.fixture(scope="session")
def torch_python() -> str:
    """The interpreter of instances whose image has the engine `torch`."""
    _, classifier = local_venvs("torch", TORCH_INDEX)
    asyncio.run(classifier.install())
    return str(classifier.python)


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one ResNet50 as `mine-onnxruntime` and `mine-torch`, each in version 1.0.0."""
    folder = tmp_path_factory.mktemp("models")
    labels, weights = folder / "labels.txt", folder / "weights.safetensors"
    labels.write_text("".join(f"class {number}\n" for number in range(CLASSES)))
    torch.manual_seed(0)
    network = build_network("resnet50", CLASSES)
    # Random weights hardly tell photos apart: classes that are close would say nothing.
    network.fc.weight.data *= 20
    save_weights(weights, network.state_dict())
    for engine in ("onnxruntime", "torch"):
        request = ImportRequest(
            name=f"mine-{engine}",
            version="1.0.0",
            out=folder / "artifacts",
            command="warmlens model import",
            licence="CC0-1.0",
            preprocessing=Preprocessing(size=128, resize=146),
            engine=engine,
        )
        assert import_file(weights, labels, request)
    return folder / "artifacts"
