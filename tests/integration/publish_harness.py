"""Harness of publishing: a version, the bucket's content, and the error of a refused publish."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.registry.version_copy import NAME, VERSION, copy_version
from warmlens.errors import WarmlensError
from warmlens.registry.publish import UploadProgress, publish_model

PREFIX = f"{NAME}/{VERSION}/"
FILES = ["model.onnx", "labels.json", "LICENSE", "README.md", "manifest.json"]


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return copy_version(tmp_path)


def stored(s3: Any, bucket: str) -> dict[str, bytes]:
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def whole(version: Path) -> dict[str, bytes]:
    """What the bucket holds of a version that is sound."""
    return {PREFIX + name: (version / name).read_bytes() for name in FILES}


def refusal(
    version: Path,
    bucket: str,
    s3: Any,
    on_progress: Callable[[UploadProgress], None] = lambda _: None,
) -> WarmlensError:
    with pytest.raises(WarmlensError) as refused:
        publish_model(version, bucket, s3, on_progress)
    return refused.value
