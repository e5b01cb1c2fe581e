"""The function that copies a published model to the file system, on the emulator's S3."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.unit.models.version_copy import NAME, SHIPPED, VERSION
from warmlens.local.aws import LocalAws
from warmlens.models.publish import publish_model
from warmlens.paths import LAMBDA_SRC

KEY = f"{NAME}/{VERSION}/manifest.json"
PUBLISHED = {"detail": {"object": {"key": KEY}}}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Stands for the mounted file system."""
    return tmp_path / "files"


@pytest.fixture
def sync(cloud: Cloud, bucket: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function's module, loaded as Lambda loads it."""
    environment = LocalAws(cloud.endpoint_url).environment
    for name, value in {
        **environment, "MODELS_BUCKET": bucket, "MODELS_FOLDER": str(files)
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    path = LAMBDA_SRC / "model_sync" / "handler.py"
    spec = importlib.util.spec_from_file_location("model_sync_handler", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_published_version_is_copied_whole_and_once(
    sync: ModuleType, s3: Any, bucket: str, files: Path
) -> None:
    publish_model(SHIPPED, bucket, s3)
    assert sync.handler(PUBLISHED, None)["outcome"] == "copied"
    copy = files / NAME / VERSION
    manifest = json.loads((copy / "manifest.json").read_bytes())
    for file in manifest["files"].values():
        assert (copy / file["path"]).read_bytes() == (SHIPPED / file["path"]).read_bytes()
    assert sync.handler(PUBLISHED, None)["outcome"] == "present"


@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_of_a_version_that_is_not_sound_nothing_is_copied(
    sync: ModuleType, s3: Any, bucket: str, files: Path, damage: str
) -> None:
    publish_model(SHIPPED, bucket, s3)
    key = f"{NAME}/{VERSION}/model.onnx"
    if damage == "altered":
        s3.put_object(Bucket=bucket, Key=key, Body=b"another model")
    else:
        s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(sync.SyncFailedError, match=r"model\.onnx"):
        sync.handler(PUBLISHED, None)
    assert list(files.iterdir()) == []


@pytest.mark.parametrize("key", ["manifest.json", "a/manifest.json", "a/b/c/manifest.json"])
def test_what_is_no_version_is_refused(sync: ModuleType, key: str) -> None:
    with pytest.raises(sync.SyncFailedError, match="is not <name>"):
        sync.handler({"detail": {"object": {"key": key}}}, None)
