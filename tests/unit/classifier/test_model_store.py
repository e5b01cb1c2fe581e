"""A model in a folder is run from there, without a copy."""

from pathlib import Path

import pytest

from lambda_src.classifier.config import ClassifierConfig
from lambda_src.classifier.engine import Runtime
from lambda_src.classifier.model import open_model
from lambda_src.classifier.model_files import read_model_files
from warmlens.paths import MODEL_ARTIFACTS

NAME, VERSION = "products-resnet50", "1.1.0"  # its weights are a file beside its graph


def config(folder: Path, *, in_image: bool) -> ClassifierConfig:
    return ClassifierConfig(
        images_bucket="",
        image_prefixes=(),
        models_bucket=None,
        models_folder=str(folder),
        models_in_image=in_image,
        engine="onnxruntime",
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


@pytest.mark.parametrize("in_image", [True, False], ids=["of the image", "that is mounted"])
def test_a_model_in_a_folder_is_run_without_a_copy_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_image: bool
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    files = read_model_files(config(MODEL_ARTIFACTS, in_image=in_image))
    model = open_model(files, Runtime().open(files.graph_path, files.manifest, threads=1))
    geometry = model.manifest.geometry
    assert len(model.classify(bytes(geometry.height * geometry.width * 3))) == 5
    assert list(tmp_path.iterdir()) == []
