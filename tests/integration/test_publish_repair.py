"""Publishing a version again that was damaged in the bucket: repaired, and never changed."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.integration import classifier_harness, publish_harness
from tests.integration.classifier_harness import CLASSIFY, CallWith
from tests.integration.publish_harness import FILES, PREFIX, refusal, stored, whole
from tests.unit.registry.version_copy import SHIPPED, replace_labels
from warmlens.registry.publish import UploadProgress, publish_model

call_with = classifier_harness.call_with  # a fixture
version = publish_harness.version  # a fixture
Change = Callable[[bytes], bytes | None]
DAMAGE: dict[str, Change] = {
    "missing": lambda data: None,
    "cut": lambda data: data[: len(data) // 2],
    "altered": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
}
BROKEN_MANIFEST: dict[str, Change] = {
    "cut": lambda data: data[:-20],
    "of another version": lambda data: data.replace(b'"1.1.0"', b'"9.9.9"'),
    "of another schema": lambda data: data.replace(b"warmlens.model/1", b"x"),
}


def damage(s3: Any, bucket: str, name: str, content: bytes | None) -> None:
    """Put other content behind the publisher's back, with no SHA-256; None takes the file away."""
    if content is None:
        s3.delete_object(Bucket=bucket, Key=PREFIX + name)
    else:
        s3.put_object(Bucket=bucket, Key=PREFIX + name, Body=content)


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


@pytest.mark.parametrize(
    ("name", "code"), [("model.onnx", "leftover_differs"), ("manifest.json", "version_exists")]
)
def test_who_mends_a_version_does_not_replace_what_another_put_there_meanwhile(
    s3: Any, bucket: str, version: Path, name: str, code: str
) -> None:
    publish_model(version, bucket, s3)
    damage(s3, bucket, "model.onnx", b"cut")
    another = another_writes(s3, bucket, name, b"of another")
    assert refusal(version, bucket, s3, another).code == code
    assert stored(s3, bucket)[PREFIX + name] == b"of another"


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
