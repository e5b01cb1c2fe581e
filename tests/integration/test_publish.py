"""Publishing a model version to S3: whole or not at all, and never changed afterwards."""

import asyncio
import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.config import Config

from tests.conftest import Cloud
from tests.integration import publish_harness
from tests.integration.aws_proxy import refusing
from tests.integration.publish_harness import FILES, PREFIX, refusal, stored, whole
from tests.ports import closed_port
from tests.unit.registry.version_copy import NAME, VERSION, edit_manifest, replace_graph
from warmlens.paths import ROOT
from warmlens.registry.publish import UploadProgress, publish_model

version = publish_harness.version  # a fixture

KILLED_PUBLISHER = """
import os, signal, sys
from pathlib import Path
import boto3
from warmlens.registry.publish import publish_model

folder, bucket, kill_at = sys.argv[1:]

def die(upload):
    if (upload.files_done, upload.sent_bytes > 0) >= (int(kill_at), True):
        os.kill(os.getpid(), signal.SIGKILL)

publish_model(Path(folder), bucket, boto3.client("s3"), die)
"""


def publish_and_kill(version: Path, bucket: str, shell: dict[str, str], kill_at: int) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_PUBLISHER, str(version), bucket, str(kill_at)],
        cwd=ROOT,
        env={**os.environ, **shell},
        check=False,
        timeout=300,
    )
    assert killed.returncode == -signal.SIGKILL


def test_a_version_is_stored_file_by_file_as_it_is(s3: Any, bucket: str, version: Path) -> None:
    result = publish_model(version, bucket, s3)
    assert result.published
    assert (result.name, result.version) == (NAME, VERSION)
    assert list(result.keys) == [PREFIX + name for name in FILES]
    assert stored(s3, bucket) == whole(version)


def test_s3_itself_checks_and_keeps_the_hash_of_every_file(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    for name in FILES:
        head = s3.head_object(Bucket=bucket, Key=PREFIX + name, ChecksumMode="ENABLED")
        digest = hashlib.sha256((version / name).read_bytes()).digest()
        assert head["ChecksumSHA256"] == base64.b64encode(digest).decode()


def test_the_manifest_is_uploaded_last_and_progress_says_how_far_it_is(
    s3: Any, bucket: str, version: Path
) -> None:
    uploads: list[UploadProgress] = []
    before_manifest: set[str] = set()

    def on_progress(upload: UploadProgress) -> None:
        uploads.append(upload)
        if upload.files_done == len(FILES) - 1 and not before_manifest:
            before_manifest.update(stored(s3, bucket))

    publish_model(version, bucket, s3, on_progress)
    assert before_manifest == {PREFIX + name for name in FILES[:-1]}
    total = sum((version / name).stat().st_size for name in FILES)
    assert {(upload.total_bytes, upload.file_count) for upload in uploads} == {(total, len(FILES))}
    assert len({upload.sent_bytes for upload in uploads}) > 10  # not file by file
    assert (uploads[-1].sent_bytes, uploads[-1].files_done) == (total, len(FILES))


def test_publishing_the_same_version_again_changes_nothing_and_says_so(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    before = s3.list_objects_v2(Bucket=bucket)["Contents"]
    again = publish_model(version, bucket, s3)
    assert (again.published, again.keys) == (False, ())
    assert s3.list_objects_v2(Bucket=bucket)["Contents"] == before


def test_other_content_under_a_published_number_is_refused(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    before = stored(s3, bucket)
    edit_manifest(version, "architecture", "another")
    error = refusal(version, bucket, s3)
    assert error.code == "version_exists"
    assert f"{PREFIX}manifest.json" in error.message
    assert stored(s3, bucket) == before


@pytest.mark.parametrize("kill_at", [0, 1, 4])
def test_a_killed_publish_leaves_no_version_and_is_finished_by_running_it_again(
    s3: Any, shell: dict[str, str], bucket: str, version: Path, kill_at: int
) -> None:
    publish_and_kill(version, bucket, shell, kill_at)
    left = set(stored(s3, bucket))
    assert left <= {PREFIX + name for name in FILES[:-1]}
    assert len(left) >= kill_at
    assert publish_model(version, bucket, s3).published
    assert stored(s3, bucket) == whole(version)


def test_what_an_unfinished_publish_left_is_not_overwritten_by_other_content(
    s3: Any, shell: dict[str, str], bucket: str, version: Path
) -> None:
    publish_and_kill(version, bucket, shell, kill_at=4)
    other = b"another model"
    replace_graph(version, other)
    error = refusal(version, bucket, s3)
    assert error.code == "leftover_differs"
    assert PREFIX + "manifest.json" not in stored(s3, bucket)
    assert stored(s3, bucket)[PREFIX + "model.onnx"] != other


def test_two_publishers_at_once_cannot_replace_each_others_manifest(
    s3: Any, bucket: str, version: Path
) -> None:
    other_manifest = json.dumps({"schema": "other"}).encode()

    def other_publisher_wins(upload: UploadProgress) -> None:
        if upload.files_done == upload.file_count - 1:
            s3.put_object(Bucket=bucket, Key=PREFIX + "manifest.json", Body=other_manifest)

    assert refusal(version, bucket, s3, other_publisher_wins).code == "version_exists"
    assert stored(s3, bucket)[PREFIX + "manifest.json"] == other_manifest


async def test_a_publisher_without_the_right_to_list_publishes_what_is_new(
    cloud: Cloud, s3: Any, bucket: str, version: Path
) -> None:
    """To whom S3 says 403 of what is not there, where it says 404 to others."""

    def refuses(request: web.Request, status: int) -> bool:
        return request.method in ("GET", "HEAD") and status == 404

    async with refusing(cloud.endpoint_url, refuses) as url:
        result = await asyncio.to_thread(publish_model, version, bucket, cloud.aws(url).s3)
    assert result.published
    assert stored(s3, bucket) == whole(version)


async def test_a_publisher_who_may_not_read_is_told_so_of_a_version_that_is_there(
    cloud: Cloud, s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    async with refusing(cloud.endpoint_url, lambda request, _: request.method != "PUT") as url:
        error = await asyncio.to_thread(refusal, version, bucket, cloud.aws(url).s3)
    assert error.code == "store_refused"
    assert stored(s3, bucket) == whole(version)


def test_a_version_with_a_fault_is_refused_before_anything_is_uploaded(
    s3: Any, bucket: str, version: Path
) -> None:
    (version / "labels.json").write_bytes(b"{}")
    assert refusal(version, bucket, s3).code == "wrong_bytes"
    assert stored(s3, bucket) == {}


def test_a_file_that_changes_after_it_was_verified_is_not_stored(
    s3: Any, bucket: str, version: Path
) -> None:
    def change_the_model(upload: UploadProgress) -> None:
        if upload.files_done == 0:
            with (version / "model.onnx").open("r+b") as file:
                file.seek(-100, os.SEEK_END)
                file.write(bytes(100))

    assert refusal(version, bucket, s3, change_the_model).code == "store_refused"
    assert not {PREFIX + "model.onnx", PREFIX + "manifest.json"} & set(stored(s3, bucket))


def test_a_bucket_that_is_not_there_is_named(s3: Any, version: Path) -> None:
    error = refusal(version, "test-no-such-bucket", s3)
    assert (error.code, "test-no-such-bucket" in error.message) == ("bucket_missing", True)


def test_a_store_that_cannot_be_reached_is_refused_in_plain_words(version: Path) -> None:
    with closed_port() as url:
        nowhere = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )
        assert refusal(version, "test-bucket", nowhere).code == "store_unreachable"
