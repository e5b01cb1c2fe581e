"""Missing or altered models: the instance refuses to serve."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration import classifier_harness
from tests.integration.classifier_harness import CLASSIFY, FOLDER, NAME, VERSION, Call, CallWith
from tests.unit.registry.version_copy import (
    copy_version,
    edit_labels,
    edit_manifest,
    replace_graph,
    serve_by_torch,
    set_field,
)
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.publish import publish_model

PRODUCTS = MODEL_ARTIFACTS / "products-resnet50" / "1.1.0"

call = classifier_harness.call  # a fixture
call_with = classifier_harness.call_with  # a fixture


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


async def test_a_model_in_a_folder_is_served_and_nothing_is_asked_of_a_bucket(
    call_with: CallWith, tmp_path: Path
) -> None:
    async with call_with({"MODELS_FOLDER": str(tmp_path), "MODELS_BUCKET": ""}) as call:
        assert_unavailable(await call(CLASSIFY), "manifest.json is not in")
        copy_version(tmp_path)
        answer = await call(CLASSIFY)
        assert answer["TOP1_label"] == "espresso"


async def test_an_altered_file_in_a_folder_is_never_served(
    call_with: CallWith, tmp_path: Path
) -> None:
    model = copy_version(tmp_path) / "model.onnx"
    data = model.read_bytes()
    async with call_with({"MODELS_FOLDER": str(tmp_path), "MODELS_BUCKET": ""}) as call:
        for damaged, reason in (
            (data + b"\0", "its manifest says"),
            (data[:-1] + b"\0", "does not match the SHA-256"),
        ):
            model.write_bytes(damaged)
            assert_unavailable(await call(CLASSIFY), reason)
        model.write_bytes(data)
        assert (await call(CLASSIFY))["TOP1_label"] == "espresso"


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
        ("manifest.json", lambda data: data.replace(b'"1.1.0"', b'"9.9.9"'), '"version" is'),
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


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[: len(data) // 2], "model.weights has"),
        (lambda data: data[:-1] + b"\1", "model.weights does not match the SHA-256"),
        (lambda data: None, "model.weights is not in the models bucket"),
    ],
    ids=["cut in half", "altered", "missing"],
)
async def test_weights_beside_the_graph_are_checked_like_it(
    call_with: CallWith,
    s3: Any,
    bucket: str,
    damage: Callable[[bytes], bytes | None],
    reason: str,
) -> None:
    publish_model(PRODUCTS, bucket, s3)
    key = f"{PRODUCTS.parent.name}/{PRODUCTS.name}/model.weights"
    damaged = damage((PRODUCTS / "model.weights").read_bytes())
    if damaged is None:
        s3.delete_object(Bucket=bucket, Key=key)
    else:
        s3.put_object(Bucket=bucket, Key=key, Body=damaged)
    async with call_with({"MODEL_NAME": PRODUCTS.parent.name}) as call:
        assert_unavailable(await call(CLASSIFY), reason)
        # Mended, the same instance serves: nothing of the damaged file is left in its way.
        s3.put_object(Bucket=bucket, Key=key, Body=(PRODUCTS / "model.weights").read_bytes())
        assert (await call(CLASSIFY))["model"] == PRODUCTS.parent.name


async def test_a_graph_that_is_no_onnx_file_is_never_served(
    call: Call, s3: Any, bucket: str, tmp_path: Path
) -> None:
    folder = copy_version(tmp_path)
    replace_graph(folder, b"this is no graph")
    for path in folder.iterdir():
        key = f"{NAME}/{VERSION}/{path.name}"
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    assert_unavailable(await call(CLASSIFY), "ONNX Runtime cannot load the model file")


async def test_a_model_for_another_engine_than_the_images_is_refused_with_what_to_do(
    call_with: CallWith, s3: Any, bucket: str, tmp_path: Path
) -> None:
    folder = copy_version(tmp_path)
    serve_by_torch(folder)
    publish_model(folder, bucket, s3)
    async with call_with({}) as call:
        for event in (CLASSIFY, {"method": "wakeup"}):
            answer = await call(event)
            assert_unavailable(answer, "it is a model for the engine torch")
            assert "deploy it with the setting engine = 'torch'" in answer["error"]["message"]


async def test_an_image_without_the_engine_it_should_have_is_told_with_what_to_do(
    call_with: CallWith, s3: Any, bucket: str, tmp_path: Path
) -> None:
    folder = copy_version(tmp_path)
    serve_by_torch(folder)
    publish_model(folder, bucket, s3)
    async with call_with({"ENGINE": "torch"}) as call:  # run by ONNX Runtime's environment
        answer = await call(CLASSIFY)
        assert_unavailable(answer, "PyTorch is not in this function's image")
        assert "No module named 'torch'" in answer["error"]["message"]
        assert "the setting engine = 'torch'" in answer["error"]["message"]


async def test_a_graph_with_other_classes_than_its_labels_is_never_served(
    call: Call, s3: Any, bucket: str, tmp_path: Path
) -> None:
    folder = copy_version(tmp_path)
    edit_manifest(folder, "class_count", 999)
    edit_labels(folder, lambda labels: (labels["ids"].pop(), labels["labels"].pop()))
    for path in folder.iterdir():
        key = f"{NAME}/{VERSION}/{path.name}"
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    assert_unavailable(await call(CLASSIFY), "its manifest says 999 classes")


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [(CLASSIFY, "input.name", "another"), ({"method": "wakeup"}, "input.width", 200)],
    ids=["name", "width"],
)
async def test_a_model_that_loads_and_does_not_run_is_served_once_it_is_mended(
    call: Call, s3: Any, bucket: str, tmp_path: Path, event: dict[str, Any], field: str, value: Any
) -> None:
    publish_model(FOLDER, bucket, s3)
    edit_manifest(copy_version(tmp_path), field, value)
    wrong = (tmp_path / NAME / VERSION / "manifest.json").read_bytes()
    key = f"{NAME}/{VERSION}/manifest.json"
    s3.put_object(Bucket=bucket, Key=key, Body=wrong)
    for _ in range(2):
        assert_unavailable(await call(event), "the model file does not run on its input")
    s3.put_object(Bucket=bucket, Key=key, Body=(FOLDER / "manifest.json").read_bytes())
    answer = await call(CLASSIFY)
    assert answer["TOP1_label"] == "espresso"
    assert answer["cold_start"] is False  # the same instance recovered


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has mapped")
@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency"])
async def test_a_model_that_does_not_run_takes_no_memory_from_the_next_one(
    call_with: CallWith, s3: Any, bucket: str, kind: str
) -> None:
    publish_model(PRODUCTS, bucket, s3)
    key = f"{PRODUCTS.parent.name}/{PRODUCTS.name}/manifest.json"
    right = (PRODUCTS / "manifest.json").read_bytes()
    wrong = json.loads(right)
    set_field(wrong, "input.name", "another")
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(wrong).encode())
    variables = {"MODEL_NAME": PRODUCTS.parent.name, "METRICS_ENVIRONMENT": "test"}
    before = f"export AWS_LAMBDA_INITIALIZATION_TYPE={kind}"
    async with call_with(variables, before=before) as call:

        def mapped() -> bool:
            (instance,) = call.pool.instances()
            return "model.weights" in Path(f"/proc/{instance.pid}/maps").read_text()

        for _ in range(2):
            assert_unavailable(await call(CLASSIFY), "does not run on its input")
            assert not mapped()
        # Nobody waits for an init ahead of calls, so that it finds out by itself.
        of_init = int(kind == "provisioned-concurrency")
        assert len(call.metrics("ModelLoadFailure")) == 2 + of_init
        s3.put_object(Bucket=bucket, Key=key, Body=right)
        assert (await call(CLASSIFY))["model"] == PRODUCTS.parent.name
        assert mapped()


async def test_the_metrics_of_a_call_are_its_milliseconds_and_whether_it_was_the_first(
    call_with: CallWith, s3: Any, bucket: str
) -> None:
    publish_model(FOLDER, bucket, s3)
    async with call_with({"METRICS_ENVIRONMENT": "test"}) as call:
        outcomes = [await call.outcome(CLASSIFY) for _ in range(2)]
        first, second = call.logged("request")
    for line, outcome, cold_start in zip((first, second), outcomes, (1, 0), strict=True):
        assert line["ColdStart"] == cold_start
        # The line's own time is taken a moment before, and the pool's a moment later.
        assert line["time_s"] * 1000 - 0.001 <= line["LatencyMs"] < outcome.duration_ms
        assert line["LatencyMs"] == round(line["LatencyMs"], 3)
    assert first["InitMs"] > 0
    assert "InitMs" not in second


async def test_a_cold_start_that_no_user_met_is_not_counted_as_a_users(
    call_with: CallWith, s3: Any, bucket: str
) -> None:
    async with call_with({"METRICS_ENVIRONMENT": "test"}) as call:
        failed = await call({"method": "wakeup"})  # there is no model yet
        assert failed["status"] == 503
        publish_model(FOLDER, bucket, s3)
        ahead = await call({"method": "wakeup", "sleep_time": "0"})
        of_a_round = await call({"method": "wakeup", "hold_until": 0})
        await call(CLASSIFY)
        assert [each["method"] for each in (ahead, of_a_round)] == ["wakeup"] * 2
        assert call.metrics("ColdStartAhead") == [1, 0]
        assert call.metrics("ColdStart") == [0]
        assert len(call.metrics("LatencyMs")) == 1
        assert call.metrics("InitMs") == []
        assert call.metrics("Fault") == [1, 0, 0, 0]


async def test_the_first_call_of_an_instance_is_its_cold_start(
    call: Call, s3: Any, bucket: str
) -> None:
    publish_model(FOLDER, bucket, s3)
    answers = [await call({"method": "wakeup"}), await call(CLASSIFY), await call(CLASSIFY)]
    assert [answer["cold_start"] for answer in answers] == [True, False, False]
    assert len({answer["instance_id"] for answer in answers}) == 1


async def test_the_image_limits_of_the_settings_are_kept(call: Call, s3: Any, bucket: str) -> None:
    publish_model(FOLDER, bucket, s3)
    s3.put_object(Bucket=bucket, Key="test/large.jpg", Body=b"\xff\xd8\xff" + b"\0" * 1_000_000)
    answer = await call({"method": "classification", "file_path": "test/large.jpg"})
    assert (answer["status"], answer["error"]["code"]) == (413, "image_too_large")


async def test_the_pixel_and_hold_limits_of_the_settings_are_kept(
    call_with: CallWith, s3: Any, bucket: str
) -> None:
    publish_model(FOLDER, bucket, s3)
    async with call_with({"MAX_IMAGE_PIXELS": "1000", "MAX_HOLD_MS": "5"}) as call:
        answer = await call(CLASSIFY)
        assert (answer["status"], answer["error"]["code"]) == (422, "too_many_pixels")
        answer = await call({"method": "wakeup", "sleep_time": "6"})
        assert (answer["status"], answer["error"]["code"]) == (400, "invalid_sleep_time")
