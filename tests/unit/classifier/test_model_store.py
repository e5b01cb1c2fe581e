"""A model that lies on disk is run from where it lies."""

from pathlib import Path

import numpy as np
import pytest

from lambda_src.classifier.configuration import Configuration
from lambda_src.classifier.model import load_model
from warmlens.paths import MODEL_ARTIFACTS

NAME, VERSION = "products-resnet50", "1.0.0"  # its weights are a file beside its graph


def configuration(folder: Path) -> Configuration:
    return Configuration(
        images_bucket="",
        image_prefixes=(),
        models_bucket=None,
        models_folder=str(folder),
        model_name=NAME,
        model_version=VERSION,
        max_image_bytes=1,
        max_image_pixels=1,
        max_decode_ms=1,
        max_hold_ms=0,
        metrics_environment=None,
        cors_origins=(),
        memory_mb=1769,
    )


def test_a_model_in_a_folder_is_run_without_a_copy_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    model = load_model(configuration(MODEL_ARTIFACTS))
    geometry = model.manifest.geometry
    pixels = np.zeros((1, geometry.height, geometry.width, 3), np.uint8)
    assert len(model.classify(pixels)) == 5
    assert list(tmp_path.iterdir()) == []
