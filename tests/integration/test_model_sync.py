"""The function that copies a published model to the file system, on the emulator's S3."""

import asyncio
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.integration.aws_proxy import refusing
from tests.unit.registry.version_copy import NAME, SHIPPED, VERSION, set_field, shipped_manifest
from warmlens.paths import LAMBDA_SRC
from warmlens.registry.publish import publish_model

KEY = f"{NAME}/{VERSION}/manifest.json"
PUBLISHED = {"detail": {"object": {"key": KEY}}}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Stands for the mounted file system."""
    return tmp_path / "files"


@pytest.fixture
def sync(cloud: Cloud, bucket: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function's module, loaded as Lambda loads it."""
    environment = cloud.aws().environment
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


@pytest.fixture
def copied(sync: ModuleType, s3: Any, bucket: str, files: Path) -> dict[Path, bytes | None]:
    """A version is published and copied; this is what the file system then holds."""
    publish_model(SHIPPED, bucket, s3)
    assert sync.handler(PUBLISHED, None)["outcome"] == "copied"
    return tree(files)


def tree(folder: Path) -> dict[Path, bytes | None]:
    """Everything below a folder: the content of files, None for folders."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


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


def test_two_runs_at_once_leave_a_whole_version_that_is_never_gone(
    sync: ModuleType, s3: Any, bucket: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when `publish --wait` and the manifest's arrival start one each."""
    publish_model(SHIPPED, bucket, s3)
    copy = sync._copy
    seen = []

    def copy_after_another_run(*arguments: Any) -> None:
        monkeypatch.setattr(sync, "_copy", copy)
        assert sync.handler(PUBLISHED, None)["outcome"] == "copied"
        seen.append((files / NAME / VERSION).stat().st_ino)
        copy(*arguments)

    monkeypatch.setattr(sync, "_copy", copy_after_another_run)
    assert sync.handler(PUBLISHED, None)["outcome"] == "present"
    assert [(files / NAME / VERSION).stat().st_ino] == seen
    assert [path.name for path in files.iterdir()] == [NAME]


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


@pytest.mark.parametrize("name", ["model.onnx", "labels.json", "manifest.json"])
@pytest.mark.parametrize(
    "damage",
    [lambda data: None, lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1])],
    ids=["missing", "cut", "altered"],
)
def test_a_copy_that_was_damaged_is_copied_again_when_the_manifest_arrives_again(
    sync: ModuleType,
    files: Path,
    copied: dict[Path, bytes | None],
    name: str,
    damage: Callable[[bytes], bytes | None],
) -> None:
    damaged = damage((files / NAME / VERSION / name).read_bytes())
    (files / NAME / VERSION / name).unlink()
    if damaged is not None:
        (files / NAME / VERSION / name).write_bytes(damaged)
    assert sync.handler(PUBLISHED, None)["outcome"] == "copied"
    assert tree(files) == copied
    assert sync.handler(PUBLISHED, None)["outcome"] == "present"


@pytest.mark.parametrize(
    "key",
    [
        f"{NAME}/../manifest.json",
        f"{NAME}/./manifest.json",
        "../1.0.0/manifest.json",
        "./1.0.0/manifest.json",
        "../../manifest.json",
        f"{NAME}/1.0/manifest.json",
        f"{NAME}/1.0.0\n/manifest.json",
        f"{NAME}/1.0.0\0/manifest.json",
        f"{NAME}/..\\1.0.0/manifest.json",
        f".{NAME}/1.0.0/manifest.json",
        f"{NAME.upper()}/1.0.0/manifest.json",
        f"{NAME}/\u0661.0.0/manifest.json",
        f"{NAME}/1.0.0/manifest.json\n",
        "-/1.0.0/manifest.json",
        f"{'a' * 64}/1.0.0/manifest.json",
    ],
    ids=ascii,
)
def test_a_key_that_names_no_model_and_version_is_refused_before_anything_is_touched(
    sync: ModuleType,
    s3: Any,
    bucket: str,
    files: Path,
    copied: dict[Path, bytes | None],
    key: str,
) -> None:
    if "\0" not in key:  # which S3 itself refuses
        s3.put_object(Bucket=bucket, Key=key, Body=b'{"files": {}}')
    with pytest.raises(sync.SyncFailedError, match="is not <name>"):
        sync.handler({"detail": {"object": {"key": key}}}, None)
    assert tree(files) == copied


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "../model.onnx",
        "a/b",
        "/etc/model",
        "..\\model",
        "a\\b",
        "a\0b",
        ".a",
        "a\n",
        5,
    ],
    ids=ascii,
)
def test_a_file_that_lies_elsewhere_is_refused_before_anything_is_touched(
    sync: ModuleType,
    s3: Any,
    bucket: str,
    files: Path,
    copied: dict[Path, bytes | None],
    path: object,
) -> None:
    manifest = shipped_manifest()
    set_field(manifest, "files.labels.path", path)
    s3.put_object(Bucket=bucket, Key=KEY, Body=json.dumps(manifest).encode())
    with pytest.raises(sync.SyncFailedError, match="is not a plain file name"):
        sync.handler(PUBLISHED, None)
    assert tree(files) == copied


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b'{"files": {',
        b"[]",
        b"{}",
        b'{"files": {"model": 1}}',
        '{"files": {}}'.encode("utf-16"),
    ],
)
def test_what_is_no_manifest_is_refused_before_anything_is_touched(
    sync: ModuleType,
    s3: Any,
    bucket: str,
    files: Path,
    copied: dict[Path, bytes | None],
    manifest: bytes,
) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=manifest)
    with pytest.raises(sync.SyncFailedError, match="is not the manifest of a model"):
        sync.handler(PUBLISHED, None)
    assert tree(files) == copied


async def test_a_file_that_is_missing_is_named_without_the_right_to_list(
    sync: ModuleType, cloud: Cloud, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 then says 403 of it, as it does to the function's role."""
    publish_model(SHIPPED, bucket, s3)
    s3.delete_object(Bucket=bucket, Key=f"{NAME}/{VERSION}/labels.json")
    async with refusing(cloud.endpoint_url, lambda _, status: status == 404) as url:
        monkeypatch.setattr(sync, "_s3", cloud.aws(url).s3)
        with pytest.raises(sync.SyncFailedError, match=r"labels\.json is not in the bucket"):
            await asyncio.to_thread(sync.handler, PUBLISHED, None)
