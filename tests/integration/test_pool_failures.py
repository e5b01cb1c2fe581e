"""The instance pool when functions fail: exceptions, crashes, limits and broken protocols."""

import asyncio
import json
import os
import random
import signal
import sys
from itertools import chain
from pathlib import Path

import pytest

from tests.integration import pool_harness
from tests.integration.pool_harness import (
    FakeClock,
    Harness,
    RecordedIsolation,
    StartHarness,
    eventually,
    is_gone,
)
from warmlens.runtime.instance import State
from warmlens.runtime.invocation import (
    REQUEST_LIMIT_BYTES,
    RESPONSE_LIMIT_BYTES,
    FunctionError,
    InvokeResult,
    RequestTooLargeError,
    TooManyRequestsError,
)

start = pool_harness.start  # a fixture


async def test_a_call_over_the_timeout_is_killed_and_the_next_one_works(
    start: StartHarness,
) -> None:
    clock = FakeClock()
    harness = await start(clock=clock)
    harness.timeout_s = 3
    held = await harness.hold(1)
    pid = harness.only_instance().pid
    await clock.advance(3)
    result = await held.calls[0]
    assert result.error == FunctionError(
        "Sandbox.Timedout", "RequestId: call Error: Task timed out after 3.00 seconds"
    )
    assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"
    assert result.duration_ms == 3000
    await eventually(lambda: is_gone(pid or 0))
    assert harness.logged("call Task timed out after 3.00 seconds")
    assert harness.logged("REPORT")[0].endswith("\tStatus: timeout")
    assert (await harness.call("hold", {"until": str(harness.folder)})).error is None


async def test_init_counts_neither_against_the_timeout_nor_against_the_processor_share(
    start: StartHarness, tmp_path: Path
) -> None:
    clock, isolation = FakeClock(), RecordedIsolation()
    harness = await start(clock=clock, init_limit_s=10, isolation=isolation)
    harness.timeout_s = 1
    harness.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = asyncio.create_task(harness.call("import_waits.handler", "late"))
    await harness.init_is_under_way()
    await eventually(lambda: len(isolation.confined) == 1)
    await clock.advance(9)
    assert isolation.in_call == []
    (tmp_path / "go").touch()
    result = await call
    assert (result.error, result.payload) == (None, b'"late"')
    assert result.init_ms == 9000
    assert isolation.in_call == isolation.confined


async def test_a_limit_that_was_not_reached_does_not_reach_the_next_call(
    start: StartHarness,
) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, init_limit_s=10)
    harness.timeout_s = 3
    for _ in range(5):
        await harness.call("echo")
        await clock.advance(2.9)
    await clock.advance(60)
    instance = harness.only_instance()
    assert (instance.state, instance.calls) == (State.IDLE, 5)


@pytest.mark.parametrize(
    ("function", "event", "reason"),
    [
        ("exit_with", {"status": 1}, "Runtime exited with error: exit status 1"),
        ("exit_with", {"status": 0}, "Runtime exited without providing a reason"),
        ("kill_itself", None, "Runtime exited with error: signal: killed"),
    ],
)
async def test_an_instance_that_ends_in_a_call_fails_that_call_only(
    start: StartHarness, function: str, event: object, reason: str
) -> None:
    harness = await start()
    for _ in range(2):
        error = await harness.error(function, event)
        assert error == FunctionError("Runtime.ExitError", f"RequestId: call Error: {reason}")
    assert harness.states() == []
    assert harness.logged("REPORT")[0].endswith("\tStatus: error\tError Type: Runtime.ExitError")
    assert await harness.answer("echo", "still here") == "still here"


async def test_an_instance_killed_while_idle_is_replaced(start: StartHarness) -> None:
    harness = await start()
    first = await harness.call("echo")
    os.kill(harness.only_instance().pid or 0, signal.SIGKILL)
    await eventually(lambda: harness.states() == [])
    second = await harness.call("echo")
    assert (second.error, second.instance_id != first.instance_id) == (None, True)
    assert harness.logged("ended while idle: Runtime exited with error: signal: killed")


async def test_what_an_instance_started_ends_with_it(start: StartHarness) -> None:
    harness = await start()
    child = await harness.answer("start_child")
    assert not is_gone(child)
    os.kill(harness.only_instance().pid or 0, signal.SIGKILL)
    await eventually(lambda: is_gone(child))


async def test_an_exception_of_the_function_is_its_answer_and_the_instance_stays(
    start: StartHarness,
) -> None:
    harness = await start()
    result = await harness.call("fail", {"depth": 0}, request_id="call-1")
    assert result.error == FunctionError("ValueError", "no such colour")
    document = json.loads(result.payload)
    assert document["requestId"] == "call-1"
    assert "handlers.py" in document["stackTrace"][0]
    assert (await harness.call("fail", {"depth": 0})).instance_id == result.instance_id


async def test_a_long_stack_trace_is_no_obstacle(start: StartHarness) -> None:
    harness = await start()
    assert await harness.error("fail", {"depth": 300}) == FunctionError(
        "ValueError", "no such colour"
    )
    assert harness.states() == [State.IDLE]


@pytest.mark.parametrize(
    ("function", "error_type", "message"),
    [
        ("import_raises.handler", "RuntimeError", "no model in the store"),
        ("no_such_module.handler", "Runtime.ImportModuleError", "No module named"),
        ("handlers.no_such", "Runtime.HandlerNotFound", "Handler 'no_such' missing"),
        ("import_exits.handler", "Runtime.ExitError", "exit status 3"),
    ],
)
async def test_a_failed_init_is_the_answer_of_the_call_that_caused_it(
    start: StartHarness, function: str, error_type: str, message: str
) -> None:
    harness = await start(max_instances=1)
    for _ in range(2):
        error = await harness.error(function)
        assert error.error_type == error_type
        assert message in error.message
        assert harness.states() == []
    (first, second, *_) = harness.logged("INIT_REPORT")
    assert first.endswith(f"\tPhase: init\tStatus: error\tError Type: {error_type}")
    assert second.endswith(f"\tPhase: invoke\tStatus: error\tError Type: {error_type}")
    assert await harness.answer("echo", 1) == 1


async def init_over_its_limit(harness: Harness, clock: FakeClock) -> "asyncio.Task[InvokeResult]":
    """A call whose instance did not get ready in ten seconds, and is being started again."""
    call = asyncio.create_task(harness.call("import_waits.handler", "late"))
    await harness.init_is_under_way()
    pid = harness.only_instance().pid
    await clock.advance(10)
    await eventually(lambda: is_gone(pid or 0))
    await eventually(lambda: harness.only_instance().pid not in (pid, None))
    (line,) = harness.logged("INIT_REPORT")
    assert line.endswith("INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout")
    return call


async def test_an_init_over_its_limit_is_run_again_within_the_call_and_its_processor_share(
    start: StartHarness, tmp_path: Path
) -> None:
    clock, isolation = FakeClock(), RecordedIsolation()
    harness = await start(clock=clock, init_limit_s=10, isolation=isolation)
    harness.timeout_s = 60
    harness.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = await init_over_its_limit(harness, clock)
    await eventually(lambda: isolation.in_call == isolation.confined[1:] != [])
    await clock.advance(30)  # longer than the init phase may be: now the timeout counts
    (tmp_path / "go").touch()
    result = await call
    assert (result.error, result.payload) == (None, b'"late"')
    assert (result.init_ms, result.duration_ms) == (None, 30_000)
    (report,) = harness.logged("REPORT RequestId")
    assert "Init Duration" not in report
    assert len(harness.logged("START")) == 1
    assert (await harness.call("import_waits.handler")).error is None
    assert harness.only_instance().calls == 2


async def test_an_init_within_a_call_counts_against_the_timeout(
    start: StartHarness, tmp_path: Path
) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, init_limit_s=10)
    harness.timeout_s = 20
    harness.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = await init_over_its_limit(harness, clock)
    await clock.advance(20)
    assert (await call).error == FunctionError(
        "Sandbox.Timedout", "RequestId: call Error: Task timed out after 20.00 seconds"
    )
    assert harness.logged("INIT_REPORT")[1].endswith("\tPhase: invoke\tStatus: timeout")
    assert harness.states() == []


async def test_an_init_that_fails_once_is_no_matter(start: StartHarness, tmp_path: Path) -> None:
    harness = await start()
    harness.environment = {"IMPORT_FAILS_UNTIL": str(tmp_path / "tried")}
    assert await harness.answer("import_fails_once.handler", "at last") == "at last"
    assert len(harness.logged("INIT_REPORT")) == 1


async def test_a_fault_after_platform_time_is_that_of_any_start_and_costs_it_once(
    start: StartHarness, tmp_path: Path
) -> None:
    clock = FakeClock()
    platform_s = [1.0]
    harness = await start(clock=clock, platform_s=platform_s.pop)
    harness.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = asyncio.create_task(harness.call("import_waits.handler", "at last"))
    await eventually(lambda: not platform_s)
    await clock.advance(1)
    await harness.init_is_under_way()
    os.kill(harness.only_instance().pid or 0, signal.SIGKILL)
    # The second init is in the same sandbox: the clock stands still, and it starts all the same.
    await eventually(lambda: len(harness.logged("START")) == 1)
    (tmp_path / "go").touch()
    assert (await call).payload == b'"at last"'
    assert harness.logged("INIT_REPORT")[0].endswith("Error Type: Runtime.ExitError")


async def test_an_interpreter_that_is_not_there_is_named(
    start: StartHarness, tmp_path: Path
) -> None:
    harness = await start(max_instances=1)
    python = str(tmp_path / "Python")
    harness.commands["echo"] = (python, "-m", "awslambdaric", "handlers.echo")
    for _ in range(2):
        error = await harness.error("echo")
        assert error.error_type == "Runtime.InvalidEntrypoint"
        assert f"fork/exec {python}: no such file" in error.message
    harness.commands.clear()
    assert await harness.answer("echo", 1) == 1


async def test_a_program_that_cannot_run_is_an_exit(start: StartHarness, tmp_path: Path) -> None:
    harness = await start()
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF and no more")
    program.chmod(0o755)
    harness.commands["echo"] = (str(program),)
    assert (await harness.error("echo")).error_type in {
        "Runtime.ExitError",
        "Runtime.InvalidEntrypoint",
    }
    assert harness.states() == []


async def test_answers_up_to_the_limit_arrive_and_longer_ones_are_refused(
    start: StartHarness,
) -> None:
    harness = await start()
    largest = await harness.call("answer_of", {"bytes": RESPONSE_LIMIT_BYTES})
    assert (largest.error, len(largest.payload)) == (None, RESPONSE_LIMIT_BYTES)
    error = await harness.error("answer_of", {"bytes": RESPONSE_LIMIT_BYTES + 1})
    assert error.error_type == "Function.ResponseSizeTooLarge"
    assert await harness.answer("answer_of", {"bytes": 3}) == "x"


async def test_events_up_to_the_limit_are_taken_and_longer_ones_refused(
    start: StartHarness,
) -> None:
    harness = await start()
    event = "x" * (REQUEST_LIMIT_BYTES - 2)
    assert await harness.answer("echo", event) == event
    with pytest.raises(RequestTooLargeError, match="must be smaller than 6291456 bytes"):
        await harness.call("echo", event + "x")


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("wrong_id", "status 400"),
        ("answers_twice", "status 403"),
        ("asks_for_more_first", "status 403"),
        ("reports_a_late_init_error", "status 403"),
        ("garbage_request", None),
        ("hangs_up_in_its_answer", None),
    ],
)
async def test_a_slip_in_the_protocol_is_refused_and_the_call_still_answered(
    start: StartHarness, behaviour: str, expected: str | None
) -> None:
    harness = await start()
    harness.commands["odd"] = (harness.python, "odd_runtime.py", behaviour)
    for number in range(3):
        assert await harness.answer("odd", number) == number
    assert harness.only_instance().calls == 3
    shown = [line.split("] ")[1] for line in harness.logged("status")]
    assert shown == ([expected] * 3 if expected else [])


async def test_a_call_that_its_runtime_never_reads_ends_at_the_timeout(start: StartHarness) -> None:
    clock = FakeClock()
    harness = await start(clock=clock)
    harness.timeout_s = 3
    harness.commands["odd"] = (harness.python, "odd_runtime.py", "hangs_up_on_the_next_call")
    assert await harness.answer("odd", 1) == 1
    unread = asyncio.create_task(harness.call("odd", 2))
    await eventually(lambda: harness.states() == [State.BUSY])
    await clock.advance(3)
    result = await unread
    assert result.error
    assert result.error.error_type == "Sandbox.Timedout"
    assert await harness.answer("odd", 3) == 3


async def test_an_answer_that_is_not_json_is_passed_on_as_it_is(start: StartHarness) -> None:
    harness = await start()
    harness.commands["odd"] = (harness.python, "odd_runtime.py", "garbage_answer")
    result = await harness.call("odd")
    assert (result.error, result.payload) == (None, b"\xff\x00 not JSON")
    assert harness.states() == [State.IDLE]


async def test_an_error_that_is_not_json_is_still_an_error(start: StartHarness) -> None:
    harness = await start()
    harness.commands["odd"] = (harness.python, "odd_runtime.py", "garbage_error")
    assert await harness.error("odd") == FunctionError("Runtime.Unknown", "[not an error")
    assert harness.states() == [State.IDLE]


async def test_a_runtime_that_ends_without_an_answer_is_an_exit(start: StartHarness) -> None:
    harness = await start()
    harness.commands["odd"] = (harness.python, "odd_runtime.py", "gives_no_answer")
    assert (await harness.error("odd")).error_type == "Runtime.ExitError"
    assert harness.states() == []


async def test_a_runtime_that_answers_and_ends_has_answered(start: StartHarness) -> None:
    harness = await start()
    harness.commands["odd"] = (harness.python, "odd_runtime.py", "answers_and_ends")
    for number in range(2):
        assert await harness.answer("odd", number) == number
        assert harness.states() == []


async def test_whatever_happens_every_caller_is_answered_and_nothing_is_stuck(
    start: StartHarness,
) -> None:
    rng = random.Random(20200118)
    harness = await start(max_instances=3, platform_s=lambda: rng.choice([0.0, 0.005]))
    kinds: list[tuple[str, object]] = [
        ("echo", None),
        ("fail", {"depth": 0}),
        ("exit_with", {"status": 1}),
        ("kill_itself", None),
        ("import_exits.handler", None),
    ]

    async def client() -> list[str]:
        seen = []
        for function, event in rng.choices(kinds, weights=[8, 4, 1, 1, 1], k=20):
            try:
                result = await harness.call(function, event)
                seen.append(result.error.error_type if result.error else "answer")
            except TooManyRequestsError:
                seen.append("refused")
                await asyncio.sleep(0)
        return seen

    outcomes = list(chain.from_iterable(await asyncio.gather(*(client() for _ in range(4)))))
    assert len(outcomes) == 80
    assert set(outcomes) == {"answer", "ValueError", "Runtime.ExitError", "refused"}
    await eventually(lambda: len(harness.processes()) == len(harness.pool.instances()))
    assert set(harness.states()) <= {State.IDLE}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what was read")
@pytest.mark.parametrize("dies", ["as it is taken", "before it reads"])
async def test_a_call_that_an_idle_instance_did_not_read_gets_another_instance(
    start: StartHarness, tmp_path: Path, dies: str
) -> None:
    harness = await start()
    file = tmp_path / "calls"
    assert await harness.answer("note", {"file": str(file)}) == "noted"
    before = harness.only_instance()
    assert before.pid is not None
    if dies == "as it is taken":
        os.kill(before.pid, signal.SIGKILL)  # nobody has noticed yet
        assert await harness.answer("note", {"file": str(file)}) == "noted"
    else:
        os.kill(before.pid, signal.SIGSTOP)
        call = asyncio.create_task(harness.answer("note", {"file": str(file)}))
        await eventually(lambda: State.BUSY in harness.states())
        await asyncio.sleep(0.1)  # until it is sent
        os.kill(before.pid, signal.SIGKILL)
        assert await call == "noted"
    assert harness.only_instance().id != before.id
    assert file.read_text() == "called\n" * 2


async def test_a_call_that_an_idle_instance_read_is_never_made_twice(
    start: StartHarness, tmp_path: Path
) -> None:
    harness = await start()
    file = tmp_path / "calls"
    assert await harness.answer("note", {"file": str(file)}) == "noted"
    error = await harness.error("note", {"file": str(file), "ends": True})
    assert error.error_type == "Runtime.ExitError"
    assert file.read_text() == "called\n" * 2
