"""What an instance does when its model is missing or altered: nothing wrong is ever served."""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.conftest import Cloud
from warmlens.local.aws import LocalAws
from warmlens.local.instances.function import FunctionSpec
from warmlens.local.instances.pool import InstancePool
from warmlens.models.publish import publish_model
from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS, WEB

HANDLER = "classifier.handler.handler"
NAME, VERSION = "imagenet-efficientnet-lite0", "1.0.0"
FOLDER = MODEL_ARTIFACTS / NAME / VERSION
CLASSIFY = {"method": "classification", "file_path": "test/coffee.jpg"}

Call = Callable[[dict[str, Any]], Any]


@pytest.fixture
async def call(cloud: Cloud, s3: Any, bucket: str, runtime_python: str) -> AsyncIterator[Call]:
    """Calls a classifier whose models and images are in the test's own bucket."""
    sample = (WEB / "samples" / "coffee.jpg").read_bytes()
    s3.put_object(Bucket=bucket, Key="test/coffee.jpg", Body=sample)
    spec = FunctionSpec(
        name="classifier",
        version="1",
        memory_mb=1769,
        timeout_s=25,
        environment={
            "IMAGES_BUCKET": bucket,
            "IMAGE_PREFIXES": "uploads/,test/",
            "MODELS_BUCKET": bucket,
            "MODEL_NAME": NAME,
            "MODEL_VERSION": VERSION,
            "MAX_IMAGE_BYTES": "1000000",
            "MAX_IMAGE_PIXELS": "1000000",
            "MAX_HOLD_MS": "1000",
        },
        handler=HANDLER,
        command=(runtime_python, "-m", "awslambdaric", HANDLER),
        task_root=LAMBDA_SRC,
    )

    async def resolve(_: str, __: str) -> FunctionSpec:
        return spec

    async with InstancePool(
        resolve=resolve,
        log=lambda _: None,
        extra_environment=LocalAws(cloud.endpoint_url).environment,
    ) as pool:

        async def call(event: dict[str, Any]) -> Any:
            result = await pool.invoke(
                function="classifier",
                version="1",
                payload=json.dumps(event).encode(),
                request_id=uuid.uuid4().hex,
            )
            assert result.error is None
            return json.loads(result.payload)

        yield call


def assert_unavailable(answer: Any, reason: str) -> None:
    assert answer["status"] == 503
    assert answer["error"]["code"] == "model_unavailable"
    assert reason in answer["error"]["message"]
    assert "TOP1_ID" not in answer


async def test_a_missing_model_is_answered_with_503_until_it_is_published(
    call: Call, s3: Any, bucket: str
) -> None:
    assert_unavailable(await call(CLASSIFY), "manifest.json is not in the models bucket")
    assert_unavailable(await call({"method": "wakeup"}), "manifest.json")
    publish_model(FOLDER, bucket, s3)
    answer = await call(CLASSIFY)
    assert answer["TOP1_label"] == "espresso"
    assert answer["cold_start"] is False  # the same instance recovered


@pytest.mark.parametrize(
    ("file", "damage", "reason"),
    [
        ("model.onnx", lambda data: data[: len(data) // 2], "model.onnx has"),
        ("model.onnx", lambda data: data[:-1] + b"\0", "model.onnx does not match the SHA-256"),
        (
            "labels.json",
            lambda data: data.replace(b"tench", b"bench"),
            "labels.json does not match",
        ),
        ("manifest.json", lambda data: data[:-20], "manifest.json is not valid JSON"),
        ("manifest.json", lambda data: data.replace(b"1.0.0", b"9.9.9"), '"version" is'),
        ("manifest.json", lambda data: data.replace(b"warmlens.model/1", b"x"), '"schema" is'),
    ],
)
async def test_an_altered_file_is_never_served(
    call: Call, s3: Any, bucket: str, file: str, damage: Callable[[bytes], bytes], reason: str
) -> None:
    publish_model(FOLDER, bucket, s3)
    damaged = damage((FOLDER / file).read_bytes())
    s3.put_object(Bucket=bucket, Key=f"{NAME}/{VERSION}/{file}", Body=damaged)
    assert_unavailable(await call(CLASSIFY), reason)


async def test_a_graph_that_is_no_onnx_file_is_never_served(
    call: Call, s3: Any, bucket: str
) -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    graph = b"this is no graph"
    manifest["files"]["model"] |= {
        "bytes": len(graph),
        "sha256": hashlib.sha256(graph).hexdigest(),
    }
    labels = (FOLDER / "labels.json").read_bytes()
    contents = {
        "labels.json": labels,
        "model.onnx": graph,
        "manifest.json": json.dumps(manifest).encode(),
    }
    for name, data in contents.items():
        s3.put_object(Bucket=bucket, Key=f"{NAME}/{VERSION}/{name}", Body=data)
    assert_unavailable(await call(CLASSIFY), "ONNX Runtime cannot load the model file")


async def test_the_image_limits_of_the_settings_are_kept(call: Call, s3: Any, bucket: str) -> None:
    publish_model(FOLDER, bucket, s3)
    s3.put_object(Bucket=bucket, Key="test/large.jpg", Body=b"\xff\xd8\xff" + b"\0" * 1_000_000)
    answer = await call({"method": "classification", "file_path": "test/large.jpg"})
    assert (answer["status"], answer["error"]["code"]) == (413, "image_too_large")
