"""Failures of storage and instances: the caller's error, and recovery."""

import asyncio
import dataclasses
import hashlib
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from lambda_src.classifier.bucket import MAX_RETRIES, RETRY_FOR_S
from lambda_src.classifier.download import PART_BYTES
from lambda_src.classifier.model_store import LOAD_TIMEOUT_S
from tests.conftest import Cloud
from tests.hostile.formats import encode
from tests.integration import classifier_harness
from tests.integration.classifier_harness import (
    CLASSIFY,
    FOLDER,
    METRICS,
    NAME,
    VERSION,
    Call,
    CallWith,
    through_api,
)
from tests.integration.pool_harness import eventually
from tests.integration.s3_proxy import S3Proxy, running_s3_proxy
from warmlens.local.emulator import running_emulator
from warmlens.local.loopback import listen
from warmlens.paths import MODEL_ARTIFACTS, WEB
from warmlens.processors import usable_processors
from warmlens.registry.publish import publish_model
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.instance import State
from warmlens.runtime.isolation import Confinement, Limits
from warmlens.runtime.private_tmp import find_private_tmp

call_with = classifier_harness.call_with  # a fixture
COFFEE = WEB / "samples" / "coffee.jpg"
# What users are told of a model that cannot be served, whatever the reason is.
TOLD = f"The model {NAME} {VERSION} cannot be served now; try again in a moment."


@pytest.fixture
async def proxy(cloud: Cloud, s3: Any, bucket: str) -> AsyncIterator[S3Proxy]:
    """A proxy of an S3 that has the model and a photo."""
    publish_model(FOLDER, bucket, s3)
    async with running_s3_proxy(cloud.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
async def call(call_with: CallWith, proxy: S3Proxy) -> AsyncIterator[Call]:
    """Calls a classifier that reads through that proxy."""
    async with call_with({"AWS_ENDPOINT_URL": proxy.url, **METRICS}) as call:
        yield call


def refused(answer: Any) -> tuple[int, str]:
    assert "TOP1_ID" not in answer
    return answer["status"], answer["error"]["code"]


def message_to_users(answer: Any) -> str:
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["code"]) == (503, "model_unavailable")
    message: str = error["message"]
    return message


def temporary_folder(call: Call) -> Path:
    """That of the one instance."""
    (instance,) = call.pool.instances()
    return Path(psutil.Process(instance.pid).environ()["TMPDIR"])


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def expect_espresso(call: Call) -> Any:
    answer = await call(CLASSIFY)
    assert answer["TOP1_label"] == "espresso"
    return answer


async def test_a_photo_that_is_cut_in_half_on_its_way_is_never_classified(
    call: Call, proxy: S3Proxy
) -> None:
    before = await expect_espresso(call)
    proxy.cut("test/")
    assert refused(await call(CLASSIFY)) == (503, "storage_unavailable")
    assert call.metrics("Fault")[-1] == 1
    proxy.repair()
    after = await expect_espresso(call)
    assert after["instance_id"] == before["instance_id"]
    assert call.metrics("Fault")[-1] == 0


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda body: body[: len(body) // 2], 422, "image_not_decodable"),
        (lambda body: bytes(len(body)), 415, "unsupported_type"),
        (lambda body: b"<Error>InternalError</Error>", 415, "unsupported_type"),
        (lambda body: body * 40, 413, "image_too_large"),
    ],
    ids=["half of it", "zeros", "an error with status 200", "more than allowed"],
)
async def test_other_bytes_than_the_photos_are_refused(
    call: Call, proxy: S3Proxy, change: Callable[[bytes], bytes], status: int, code: str
) -> None:
    proxy.change("test/", change)
    assert refused(await call(CLASSIFY)) == (status, code)
    proxy.repair()
    await expect_espresso(call)


async def test_a_photo_that_comes_too_slowly_is_given_up(call: Call, proxy: S3Proxy) -> None:
    await expect_espresso(call)
    proxy.drip("test/")
    assert refused(await call(CLASSIFY)) == (504, "timed_out")
    assert call.metrics("Fault")[-1] == 1
    proxy.repair()
    await expect_espresso(call)


async def test_a_photo_that_fails_late_is_not_asked_for_again(call: Call, proxy: S3Proxy) -> None:
    """Otherwise a call could outlast the time that API Gateway waits."""
    await expect_espresso(call)
    proxy.asked.clear()
    proxy.end_late("test/", after_s=RETRY_FOR_S + 0.5)
    assert refused(await call(CLASSIFY)) == (503, "storage_unavailable")
    assert len(proxy.asked) == 1
    assert call.metrics("Fault")[-1] == 1


@pytest.mark.parametrize(
    "code", ["RequestTimeTooSkewed", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"]
)
async def test_a_photo_that_s3_refuses_for_another_reason_is_not_called_missing(
    call: Call, proxy: S3Proxy, code: str
) -> None:
    await expect_espresso(call)
    proxy.refuse("test/", code=code)
    assert refused(await call(CLASSIFY)) == (503, "storage_unavailable")
    assert call.metrics("Fault")[-1] == 1
    (line,) = call.logged("storage_unavailable")
    assert code in line["reason"]
    proxy.refuse("test/")
    assert refused(await call(CLASSIFY)) == (404, "image_not_found")


def _one_bit(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1])


@pytest.mark.parametrize(
    ("disturb", "reason"),
    [
        (lambda proxy: proxy.refuse("model.onnx"), "may not be read"),
        (lambda proxy: proxy.refuse("model.onnx", code="ExpiredToken"), "ExpiredToken"),
        (lambda proxy: proxy.cut("model.onnx"), "could not be fetched"),
        (lambda proxy: proxy.change("model.onnx", _one_bit), "does not match the SHA-256"),
        (lambda proxy: proxy.change("labels.json", _one_bit), "does not match the SHA-256"),
        (lambda proxy: proxy.cut("manifest.json"), "could not be fetched"),
    ],
    ids=["refused", "expired", "cut", "one bit", "one bit of the labels", "cut manifest"],
)
async def test_a_model_that_does_not_arrive_whole_is_told_and_served_once_it_does(
    call: Call, proxy: S3Proxy, disturb: Callable[[S3Proxy], None], reason: str
) -> None:
    disturb(proxy)
    answer = await call(CLASSIFY)
    assert refused(answer) == (503, "model_unavailable")
    assert reason in answer["error"]["message"]
    assert call.metrics("ModelLoadFailure")
    assert call.metrics("Fault") == [1]
    # Users are told nothing of files, buckets and addresses; the log has the reason.
    assert message_to_users(await call(through_api(CLASSIFY))) == TOLD
    assert reason in call.logged("model_unavailable")[-1]["reason"]
    # What a failed attempt has written of a large file would leave no room.
    assert names_in(temporary_folder(call)) <= {"model.onnx", "labels.json"}
    proxy.repair()
    await expect_espresso(call)  # the same instance, with no deploy
    await call.pool.end_all("replaced")
    await expect_espresso(call)  # and the next one


async def test_a_part_of_a_model_that_fails_once_is_fetched_again(
    call: Call, proxy: S3Proxy
) -> None:
    # More often than S3's client itself goes on with it.
    proxy.cut("model.onnx", before_byte=PART_BYTES, times=MAX_RETRIES + 2)
    await expect_espresso(call)
    assert proxy.left == 0
    # A slow machine may have had too little time for the rest of it, but no part was missing.
    failed = call.logged("model_unavailable")
    assert [line for line in failed if "could not be fetched" in line["reason"]] == []


@pytest.mark.parametrize(
    "file", [pytest.param("manifest.json", marks=pytest.mark.slow), "model.onnx"]
)
async def test_a_model_that_comes_too_slowly_is_told_in_time_and_served_once_it_does(
    call: Call, proxy: S3Proxy, file: str
) -> None:
    """In time for Lambda, which ends an init after 10 s, and for API Gateway."""
    proxy.drip(file)
    answer = await call(CLASSIFY)
    assert refused(answer) == (503, "model_unavailable")
    assert f"{file} was not received within the {LOAD_TIMEOUT_S} s" in answer["error"]["message"]
    # One of the init and one of the call: neither was ended by its limit.
    assert call.metrics("ModelLoadFailure") == [1, 1]
    assert call.metrics("Fault") == [1]
    (line,) = call.logged("request")
    assert LOAD_TIMEOUT_S <= line["time_s"] < 25
    (instance,) = call.pool.instances()
    proxy.repair()
    assert (await expect_espresso(call))["instance_id"] == instance.id


UNSHARE = "unshare --mount" + ("" if os.geteuid() == 0 else " --user --map-root-user")
# A file system that has no room for the model beside another file.
SMALL_TMP = f"""exec {UNSHARE} sh -c '
mount -t tmpfs -o size=24m tmpfs "$TMPDIR" && head -c 10000000 /dev/zero > "$TMPDIR/other"
exec "$@"' sh "$@\""""


@pytest.mark.skipif(find_private_tmp() is None, reason="this kernel lets this user mount nothing")
async def test_a_full_tmp_is_told_and_the_instance_serves_once_there_is_room(
    call_with: CallWith, proxy: S3Proxy
) -> None:
    async with call_with({"AWS_ENDPOINT_URL": proxy.url, **METRICS}, before=SMALL_TMP) as call:
        answer = await call(CLASSIFY)
        assert refused(answer) == (503, "model_unavailable")
        assert "No space left on device" in answer["error"]["message"]
        assert call.metrics("ModelLoadFailure")
        (instance,) = call.pool.instances()
        inside = Path(f"/proc/{instance.pid}/root{temporary_folder(call)}")
        assert names_in(inside) == {"labels.json", "other"}
        (inside / "other").unlink()
        await expect_espresso(call)


async def test_what_could_not_be_written_is_in_the_way_of_no_later_attempt(
    call_with: CallWith, proxy: S3Proxy
) -> None:
    full = 'ln -s /dev/full "$TMPDIR/model.onnx.new"'
    async with call_with({"AWS_ENDPOINT_URL": proxy.url, **METRICS}, before=full) as call:
        await expect_espresso(call)  # loaded by the call, since the init could not write
        assert call.metrics("ModelLoadFailure") == [1]
        (line,) = call.logged("model_unavailable")
        assert "No space left on device" in line["reason"]


def put_graph(s3: Any, bucket: str, graph: bytes) -> None:
    """Put a graph in place of the model's, with a manifest that is true of it."""
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    sha256 = hashlib.sha256(graph).hexdigest()
    manifest["files"]["model"] |= {"bytes": len(graph), "sha256": sha256}
    contents = {"model.onnx": graph, "manifest.json": json.dumps(manifest).encode()}
    for name, body in contents.items():
        s3.put_object(Bucket=bucket, Key=f"{NAME}/{VERSION}/{name}", Body=body)


async def test_a_file_that_is_fetched_again_needs_no_room_beside_the_old_one(
    call: Call, proxy: S3Proxy, s3: Any, bucket: str
) -> None:
    graph = (FOLDER / "model.onnx").read_bytes()
    put_graph(s3, bucket, bytes(len(graph)))
    assert refused(await call(CLASSIFY)) == (503, "model_unavailable")
    folder = temporary_folder(call)
    assert (folder / "model.onnx").exists()
    put_graph(s3, bucket, graph)
    seen: list[bool] = []

    def look(body: bytes) -> bytes:
        seen.append((folder / "model.onnx").exists())
        return body

    proxy.change("model.onnx", look)
    await expect_espresso(call)
    assert set(seen) == {False}


async def test_a_file_that_came_whole_is_not_fetched_again(call: Call, proxy: S3Proxy) -> None:
    proxy.change("labels.json", _one_bit)
    assert refused(await call(CLASSIFY)) == (503, "model_unavailable")
    proxy.repair()
    proxy.asked.clear()
    await expect_espresso(call)
    fetched = {path.rpartition("/")[2] for path in proxy.asked}
    assert fetched == {"manifest.json", "labels.json", "coffee.jpg"}


class OfMemory:
    """The best isolation of memory alone: with a small share of the processor it takes long."""

    def __init__(self) -> None:
        self._best = best_isolation()
        self.description = self._best.description

    def confine(self, pid: int, limits: Limits) -> Confinement:
        return self._best.confine(pid, dataclasses.replace(limits, vcpus=usable_processors()))


async def test_an_instance_over_its_memory_is_killed_and_the_next_call_served(
    call_with: CallWith, proxy: S3Proxy, s3: Any, bucket: str
) -> None:
    """The settings allow pixels that this memory has no room for."""
    turned = Image.Exif()
    turned[0x0112] = 6
    large = encode(Image.new("RGBA", (2_800, 2_800)), "PNG", exif=turned)
    s3.put_object(Bucket=bucket, Key="test/bomb", Body=large)
    variables = {
        "AWS_ENDPOINT_URL": proxy.url,
        "MODELS_FOLDER": str(MODEL_ARTIFACTS),
        "MODELS_BUCKET": "",
        "MAX_IMAGE_PIXELS": "50000000",
    }
    async with call_with(variables, memory_mb=160, isolation=OfMemory()) as call:
        before = await expect_espresso(call)
        outcome = await call.outcome({"method": "classification", "file_path": "test/bomb"})
        assert outcome.error is not None
        assert outcome.error.error_type == "Runtime.ExitError"
        after = await expect_espresso(call)
        assert after["instance_id"] != before["instance_id"]
        assert after["cold_start"] is True


@pytest.mark.parametrize("state", [State.INIT, State.BUSY])
async def test_an_instance_that_is_killed_takes_its_own_call_and_no_other(
    call: Call, state: State
) -> None:
    """In init, or while a wakeup holds it."""
    wakeup = {"method": "wakeup", "sleep_time": "1000"}
    if state is State.BUSY:
        await expect_espresso(call)
    held = asyncio.create_task(call.outcome(wakeup))
    await eventually(
        lambda: any(each.state is state and each.pid for each in call.pool.instances())
    )
    (victim,) = call.pool.instances()
    assert victim.pid is not None
    if state is State.BUSY:
        # A call that its runtime has not read yet goes to another instance.
        await asyncio.sleep(0.3)
    other = asyncio.create_task(call.outcome(CLASSIFY))
    os.kill(victim.pid, signal.SIGKILL)
    outcome = await held
    # An init is run once more within the call, as on Lambda; a call is not.
    assert (outcome.error is None) == (state is State.INIT)
    assert (await other).error is None
    await expect_espresso(call)


async def test_an_instance_outlives_the_restart_of_its_storage(
    call_with: CallWith, tmp_path: Path
) -> None:
    async with AsyncExitStack() as first:
        aws = await first.enter_async_context(running_emulator(tmp_path))

        def fill() -> None:
            aws.s3.create_bucket(Bucket="all")
            publish_model(FOLDER, "all", aws.s3)
            aws.s3.put_object(Bucket="all", Key="test/coffee.jpg", Body=COFFEE.read_bytes())

        await asyncio.to_thread(fill)
        names = {"IMAGES_BUCKET": "all", "MODELS_BUCKET": "all"}
        async with call_with(names, aws=aws) as call:
            before = await expect_espresso(call)
            await first.aclose()
            status, code = refused(await call(CLASSIFY))
            assert (status, code) in {(503, "storage_unavailable"), (504, "timed_out")}
            port = int(aws.endpoint_url.rpartition(":")[2])
            async with running_emulator(tmp_path, listener=listen(port), keys=aws.keys):
                await asyncio.to_thread(fill)
                after = await expect_espresso(call)
            assert after["instance_id"] == before["instance_id"]
