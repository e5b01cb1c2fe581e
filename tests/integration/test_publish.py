"""Publishing a model version to S3: whole or not at all, and never changed afterwards."""

import asyncio
import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.config import Config

from tests.conftest import Cloud
from tests.integration import classifier_lab
from tests.integration.classifier_lab import CLASSIFY, CallWith
from tests.integration.refusing_aws import refusing
from tests.unit.models.version_copy import (
    NAME,
    SHIPPED,
    VERSION,
    copy_version,
    edit_manifest,
    replace_labels,
)
from warmlens.local.aws import LocalAws
from warmlens.local.ports import free_port
from warmlens.models.errors import ModelError
from warmlens.models.publish import UploadProgress, publish_model
from warmlens.paths import ROOT

call_with = classifier_lab.call_with  # a fixture
PREFIX = f"{NAME}/{VERSION}/"
FILES = ["model.onnx", "labels.json", "LICENSE", "README.md", "manifest.json"]
KILLED_PUBLISHER = """
import os, signal, sys
from pathlib import Path
import boto3
from warmlens.models.publish import publish_model

folder, bucket, endpoint_url, kill_at = sys.argv[1:]

def die(upload):
    if (upload.files_done, upload.sent_bytes > 0) >= (int(kill_at), True):
        os.kill(os.getpid(), signal.SIGKILL)

s3 = boto3.client("s3", endpoint_url=endpoint_url, region_name="us-east-1",
                  aws_access_key_id="test", aws_secret_access_key="test")
publish_model(Path(folder), bucket, s3, die)
"""


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return copy_version(tmp_path)


def stored(s3: Any, bucket: str) -> dict[str, bytes]:
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def whole(version: Path) -> dict[str, bytes]:
    """What the bucket holds of a version that is sound."""
    return {PREFIX + name: (version / name).read_bytes() for name in FILES}


def damage(s3: Any, bucket: str, name: str, content: bytes | None) -> None:
    """Put other content behind the publisher's back, with no SHA-256; None takes the file away."""
    if content is None:
        s3.delete_object(Bucket=bucket, Key=PREFIX + name)
    else:
        s3.put_object(Bucket=bucket, Key=PREFIX + name, Body=content)


def publish_and_kill(version: Path, bucket: str, s3: Any, kill_at: int) -> None:
    arguments = [str(version), bucket, s3.meta.endpoint_url, str(kill_at)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_PUBLISHER, *arguments], cwd=ROOT, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL


def refusal(version: Path, bucket: str, s3: Any) -> ModelError:
    with pytest.raises(ModelError) as refused:
        publish_model(version, bucket, s3)
    return refused.value


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
    s3: Any, bucket: str, version: Path, kill_at: int
) -> None:
    publish_and_kill(version, bucket, s3, kill_at)
    left = set(stored(s3, bucket))
    assert left <= {PREFIX + name for name in FILES[:-1]}
    assert len(left) >= kill_at
    assert publish_model(version, bucket, s3).published
    assert stored(s3, bucket) == whole(version)


def test_what_an_unfinished_publish_left_is_not_overwritten_by_other_content(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_and_kill(version, bucket, s3, kill_at=4)
    other = b"another model"
    (version / "model.onnx").write_bytes(other)
    edit_manifest(version, "files.model.bytes", len(other))
    edit_manifest(version, "files.model.sha256", hashlib.sha256(other).hexdigest())
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

    with pytest.raises(ModelError) as refused:
        publish_model(version, bucket, s3, other_publisher_wins)
    assert refused.value.code == "version_exists"
    assert stored(s3, bucket)[PREFIX + "manifest.json"] == other_manifest


# Publishing again what was damaged in the bucket

Change = Callable[[bytes], bytes | None]
DAMAGE: dict[str, Change] = {
    "missing": lambda data: None,
    "cut": lambda data: data[: len(data) // 2],
    "altered": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
}
BROKEN_MANIFEST: dict[str, Change] = {
    "cut": lambda data: data[:-20],
    "of another version": lambda data: data.replace(b'"1.0.0"', b'"9.9.9"'),
    "of another schema": lambda data: data.replace(b"warmlens.model/1", b"x"),
}


@pytest.mark.parametrize("name", ["model.onnx", "labels.json"])
@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_file_that_was_damaged_in_the_bucket_is_put_again(
    s3: Any, bucket: str, version: Path, name: str, change: Change
) -> None:
    publish_model(version, bucket, s3)
    damage(s3, bucket, name, change((version / name).read_bytes()))
    again = publish_model(version, bucket, s3)
    assert (again.published, again.keys, again.repaired) == (False, (), (PREFIX + name,))
    assert stored(s3, bucket) == whole(version)
    assert publish_model(version, bucket, s3).repaired == ()


@pytest.mark.parametrize("change", BROKEN_MANIFEST.values(), ids=BROKEN_MANIFEST)
def test_a_manifest_that_is_none_any_more_is_put_again(
    s3: Any, bucket: str, version: Path, change: Change
) -> None:
    publish_model(version, bucket, s3)
    damage(s3, bucket, "manifest.json", change((version / "manifest.json").read_bytes()))
    damage(s3, bucket, "model.onnx", None)
    again = publish_model(version, bucket, s3)
    assert not again.published
    assert again.repaired == (PREFIX + "model.onnx", PREFIX + "manifest.json")
    assert stored(s3, bucket) == whole(version)


def test_a_manifest_that_is_none_any_more_lets_nobody_change_the_files_beside_it(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    damage(s3, bucket, "manifest.json", (version / "manifest.json").read_bytes()[:-20])
    before = stored(s3, bucket)
    replace_labels(version, (version / "labels.json").read_bytes().replace(b"tench", b"bench"))
    assert refusal(version, bucket, s3).code == "leftover_differs"
    assert stored(s3, bucket) == before


@pytest.mark.parametrize("in_parts", [False, True], ids=["none at all", "one of its parts"])
def test_a_file_that_s3_keeps_no_hash_of_is_read_and_left_if_it_is_sound(
    s3: Any, bucket: str, version: Path, in_parts: bool
) -> None:
    publish_model(version, bucket, s3)
    data = (version / "model.onnx").read_bytes()
    if in_parts:
        put_in_parts(s3, bucket, "model.onnx", data)
    else:
        damage(s3, bucket, "model.onnx", data)
    before = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert publish_model(version, bucket, s3).repaired == ()
    assert s3.list_objects_v2(Bucket=bucket)["Contents"] == before


def put_in_parts(s3: Any, bucket: str, name: str, data: bytes) -> None:
    """As a tool does that copies large files; S3 then keeps the hash of the parts' hashes."""
    place = {"Bucket": bucket, "Key": PREFIX + name}
    upload = s3.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number, part in enumerate((data[: 6 * 2**20], data[6 * 2**20 :]), start=1):
        sent = s3.upload_part(
            **place, UploadId=upload, PartNumber=number, Body=part, ChecksumAlgorithm="SHA256"
        )
        known = {key: sent[key] for key in ("ETag", "ChecksumSHA256")}
        parts.append({"PartNumber": number, **known})
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    head = s3.head_object(**place, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"].endswith("-2")


def test_a_licence_is_put_again_where_it_is_missing_and_never_changed(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    before = stored(s3, bucket)
    damage(s3, bucket, "LICENSE", None)
    (version / "README.md").write_text("What somebody wrote since.")
    assert publish_model(version, bucket, s3).repaired == (PREFIX + "LICENSE",)
    assert stored(s3, bucket) == before


async def test_an_instance_that_told_of_a_damaged_file_serves_once_it_is_published_again(
    call_with: CallWith, s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    damage(s3, bucket, "model.onnx", (version / "model.onnx").read_bytes()[:-1] + b"\0")
    async with call_with({}) as call:
        assert (await call(CLASSIFY))["error"]["code"] == "model_unavailable"
        publish_model(version, bucket, s3)
        answer = await call(CLASSIFY)
        assert (answer["TOP1_label"], answer["cold_start"]) == ("espresso", False)


def test_the_manifest_arrives_again_after_a_repair_and_only_then(
    cloud: Cloud, s3: Any, bucket: str, version: Path
) -> None:
    """Its arrival is what has a version copied to a file system."""
    arrivals = told_of_manifests(cloud, s3, bucket)
    publish_model(version, bucket, s3)
    assert arrivals() == 1
    publish_model(version, bucket, s3)
    assert arrivals() == 0
    damage(s3, bucket, "model.onnx", None)
    publish_model(version, bucket, s3)
    assert arrivals() == 1


def told_of_manifests(cloud: Cloud, s3: Any, bucket: str) -> Callable[[], int]:
    """Return what counts the manifests that arrived since it last did, as EventBridge tells."""
    name = f"test-{uuid.uuid4().hex}"
    queue = cloud.client("sqs")
    url = queue.create_queue(QueueName=name)["QueueUrl"]
    attributes = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    rules = cloud.client("events")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [bucket]},
            "object": {"key": [{"suffix": "/manifest.json"}]},
        },
    }
    rules.put_rule(Name=name, EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    rules.put_targets(Rule=name, Targets=[target])
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )

    def arrived() -> int:
        count = 0
        while messages := queue.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"):
            for message in messages:
                queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            count += len(messages)
        return count

    return arrived


def test_of_two_that_mend_a_version_at_once_the_second_finds_it_mended(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    damage(s3, bucket, "model.onnx", b"cut")
    mended = another_writes(s3, bucket, "model.onnx", (version / "model.onnx").read_bytes())
    publish_model(version, bucket, s3, mended)
    assert stored(s3, bucket) == whole(version)


def test_who_mends_a_version_does_not_replace_what_another_put_there_meanwhile(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    damage(s3, bucket, "model.onnx", b"cut")
    another = another_writes(s3, bucket, "model.onnx", b"another model")
    with pytest.raises(ModelError) as refused:
        publish_model(version, bucket, s3, another)
    assert refused.value.code == "leftover_differs"
    assert stored(s3, bucket)[PREFIX + "model.onnx"] == b"another model"


def test_who_mends_a_version_does_not_replace_another_manifest_that_came_meanwhile(
    s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    damage(s3, bucket, "model.onnx", b"cut")
    another = another_writes(s3, bucket, "manifest.json", b"another manifest")
    with pytest.raises(ModelError) as refused:
        publish_model(version, bucket, s3, another)
    assert refused.value.code == "version_exists"
    assert stored(s3, bucket)[PREFIX + "manifest.json"] == b"another manifest"


def another_writes(
    s3: Any, bucket: str, name: str, content: bytes
) -> Callable[[UploadProgress], None]:
    """Another publisher, who writes a file once the first one begins to send the model."""
    left = [content]
    sound = sum((SHIPPED / each).stat().st_size for each in FILES[1:-1])

    def on_progress(upload: UploadProgress) -> None:
        if left and upload.sent_bytes > sound:
            s3.put_object(Bucket=bucket, Key=PREFIX + name, Body=left.pop())

    return on_progress


async def test_a_publisher_without_the_right_to_list_publishes_what_is_new(
    cloud: Cloud, s3: Any, bucket: str, version: Path
) -> None:
    """To whom S3 says 403 of what is not there, where it says 404 to others."""

    def refuses(request: web.Request, status: int) -> bool:
        return request.method in ("GET", "HEAD") and status == 404

    async with refusing(cloud.endpoint_url, refuses) as url:
        result = await asyncio.to_thread(publish_model, version, bucket, LocalAws(url).s3)
    assert result.published
    assert stored(s3, bucket) == whole(version)


async def test_a_publisher_who_may_not_read_is_told_so_of_a_version_that_is_there(
    cloud: Cloud, s3: Any, bucket: str, version: Path
) -> None:
    publish_model(version, bucket, s3)
    async with refusing(cloud.endpoint_url, lambda request, _: request.method != "PUT") as url:
        with pytest.raises(ModelError) as refused:
            await asyncio.to_thread(publish_model, version, bucket, LocalAws(url).s3)
    assert refused.value.code == "store_refused"
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

    with pytest.raises(ModelError) as refused:
        publish_model(version, bucket, s3, change_the_model)
    assert refused.value.code == "store_refused"
    assert not {PREFIX + "model.onnx", PREFIX + "manifest.json"} & set(stored(s3, bucket))


def test_a_bucket_that_is_not_there_is_named(s3: Any, version: Path) -> None:
    error = refusal(version, "test-no-such-bucket", s3)
    assert (error.code, "test-no-such-bucket" in error.message) == ("bucket_missing", True)


def test_a_store_that_cannot_be_reached_is_refused_in_plain_words(version: Path) -> None:
    nowhere = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )
    assert refusal(version, "test-bucket", nowhere).code == "store_unreachable"
