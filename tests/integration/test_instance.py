"""Environment, log and isolation of a function's instance."""

import os
from pathlib import Path

import psutil
import pytest

from tests.integration import pool_harness
from tests.integration.pool_harness import FUNCTIONS, StartHarness, eventually
from warmlens.runtime.instance import State
from warmlens.runtime.pool import InstancePool

start = pool_harness.start  # a fixture


async def test_the_environment_holds_what_lambda_sets_and_nothing_of_ours(
    start: StartHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "VIRTUAL_ENV", "PYTHONHOME_OF_OURS", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "ours")
    harness = await start(
        region="eu-west-1", extra_environment={"AWS_ENDPOINT_URL": "http://local"}
    )
    harness.environment = {"MODEL": "resnet50", "AWS_REGION": "not for the function to say"}
    seen = await harness.answer("environment")
    instance = harness.only_instance()
    folder = seen["TMPDIR"]
    runtime_api = seen.pop("AWS_LAMBDA_RUNTIME_API")
    assert runtime_api.startswith("127.0.0.1:")
    seen.pop("LC_CTYPE", None)  # Python sets it itself where the locale is missing
    assert seen == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": folder,
        "TMPDIR": folder,
        "PYTHONPATH": str(FUNCTIONS),
        "PYTHONUNBUFFERED": "1",
        "LAMBDA_TASK_ROOT": str(FUNCTIONS),
        "_HANDLER": "handlers.environment",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "environment",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/environment",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{instance.created_at:%Y/%m/%d}/[1]{instance.id}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_ENDPOINT_URL": "http://local",
        "MODEL": "resnet50",
    }


async def test_the_context_tells_of_the_call(start: StartHarness) -> None:
    harness = await start()
    harness.timeout_s = 30
    seen = await harness.answer("about_the_call")
    assert 0 < seen.pop("remaining_ms") <= 30_000
    assert seen == {
        "request_id": "call",
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:about_the_call",
        "memory_mb": "1769",
        "folder": str(FUNCTIONS),
    }


async def test_each_instance_has_a_temporary_folder_that_ends_with_it(start: StartHarness) -> None:
    harness = await start(max_instances=1)
    path = Path(await harness.answer("write_temporary_file"))
    assert path.parent != harness.folder
    assert Path(await harness.answer("write_temporary_file")) == path
    await harness.call("echo")  # makes room for itself
    await eventually(lambda: not path.parent.exists())


async def test_the_log_reads_as_lambda_prints_it(start: StartHarness) -> None:
    harness = await start()
    first = await harness.call("write_lines", {"count": 1}, request_id="first")
    await harness.call("write_lines", {"count": 0}, request_id="second")
    prefix = f"[{first.instance_id[:8]}] "
    assert all(line.startswith(prefix) for line in harness.lines)
    lines = [line.removeprefix(prefix) for line in harness.lines]
    assert lines[:3] == ["START RequestId: first Version: 1", "line 0 é", "END RequestId: first"]
    report = dict(field.split(": ") for field in lines[3].removeprefix("REPORT ").split("\t"))
    assert list(report) == [
        "RequestId",
        "Duration",
        "Billed Duration",
        "Memory Size",
        "Max Memory Used",
        "Init Duration",
    ]
    assert (report["RequestId"], report["Memory Size"]) == ("first", "1769 MB")
    assert int(report["Max Memory Used"].removesuffix(" MB")) > 1
    (second,) = (line for line in lines if line.startswith("REPORT RequestId: second"))
    assert "Init Duration" not in second


async def test_output_is_forwarded_in_full_and_never_blocks_the_function(
    start: StartHarness,
) -> None:
    harness = await start()
    result = await harness.call("write_lines", {"count": 20_000})
    assert result.error is None
    await harness.pool.stop()
    assert len(harness.logged("] line ")) == 20_000
    assert harness.logged("and an error without a line end")


async def test_a_log_that_fails_does_not_fail_the_call(
    start: StartHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness = await start()

    def log(line: str) -> None:
        raise OSError("no space left on device")

    async with InstancePool(resolve=harness.resolve, log=log) as pool:
        harness.pool = pool
        assert await harness.answer("echo", 1) == 1
    assert "is lost" in caplog.text


async def test_instances_are_shown_as_they_are(start: StartHarness) -> None:
    harness = await start()
    held = await harness.hold(1)
    instance = harness.only_instance()
    assert (instance.state, instance.function, instance.version) == (State.BUSY, "hold", "1")
    assert (instance.cold_starts, instance.calls) == (1, 1)
    assert instance.rss_mb > 1
    assert psutil.Process(instance.pid).ppid() == os.getpid()
    await held.release()
    assert harness.only_instance().state is State.IDLE
