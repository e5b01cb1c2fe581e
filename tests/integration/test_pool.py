"""The instance pool, with real processes that run AWS's own runtime client."""

import asyncio
import contextlib
import io
import json
import logging
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import chain
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession, web

from warmlens.local.clock import Clock
from warmlens.local.function import FunctionSpec
from warmlens.local.instance import InstanceInfo, State
from warmlens.local.invocation import (
    REQUEST_LIMIT_BYTES,
    RESPONSE_LIMIT_BYTES,
    FunctionError,
    FunctionNotFoundError,
    InvokeRefusedError,
    InvokeResult,
    RequestTooLargeError,
    TooManyRequestsError,
)
from warmlens.local.lambda_proxy import PROXY_PATH, proxy_routes
from warmlens.local.pool import InstancePool

FUNCTIONS = Path(__file__).parent / "functions"


class FakeClock:
    """A clock that stands still until it is advanced."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self._now_s

    async def sleep(self, delay_s: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now_s + delay_s, woken))
        await woken

    async def advance(self, duration_s: float) -> None:
        """Let the time pass, waking sleepers in order; one that sleeps again is woken again."""
        end_s = self._now_s + duration_s
        while True:
            await asyncio.sleep(0)  # what was started or woken reaches its next sleep
            self._sleepers = [each for each in self._sleepers if not each[1].done()]
            due = min((wake_s for wake_s, _ in self._sleepers if wake_s <= end_s), default=None)
            if due is None:
                break
            self._now_s = due
            for wake_s, woken in self._sleepers:
                if wake_s <= due:
                    woken.set_result(None)
        self._now_s = end_s


class Lab:
    """A pool under test, its log, and the functions it may run.

    A function's name is its handler in functions/handlers.py unless `specs` says otherwise.
    """

    def __init__(self, python: str, folder: Path) -> None:
        self.python = python
        self.folder = folder
        self.lines: list[str] = []
        self.timeout_s = 900.0
        self.commands: dict[str, tuple[str, ...]] = {}
        self.environment: dict[str, str] = {}
        self.pool: InstancePool
        # Other tests' processes may run beside.
        self._others = psutil.Process().children()

    async def resolve(self, name: str, version: str) -> FunctionSpec:
        handler = name if "." in name else f"handlers.{name}"
        return FunctionSpec(
            name=name,
            version=version,
            memory_mb=1769,
            timeout_s=self.timeout_s,
            environment=self.environment,
            handler=handler,
            command=self.commands.get(name, (self.python, "-m", "awslambdaric", handler)),
            task_root=FUNCTIONS,
        )

    async def call(
        self, function: str, event: object = None, *, version: str = "1", request_id: str = "call"
    ) -> InvokeResult:
        return await self.pool.invoke(
            function=function,
            version=version,
            payload=json.dumps(event).encode(),
            request_id=request_id,
        )

    async def answer(self, function: str, event: object = None) -> Any:
        """What the function says; it must not fail."""
        result = await self.call(function, event)
        assert result.error is None
        return json.loads(result.payload)

    async def error(self, function: str, event: object = None) -> FunctionError:
        """How the call fails; it must."""
        result = await self.call(function, event)
        assert result.error is not None
        return result.error

    async def hold(self, count: int, function: str = "hold") -> "Held":
        """Start calls that overlap, and wait until every one of them is under way."""
        until = self.folder / f"release-{random.randbytes(4).hex()}"
        calls = [
            asyncio.create_task(self.call(function, {"until": str(until)})) for _ in range(count)
        ]
        await eventually(lambda: self.states().count(State.BUSY) >= count)
        return Held(until, calls)

    def states(self) -> list[State]:
        return [instance.state for instance in self.pool.instances()]

    def processes(self) -> list[psutil.Process]:
        """What was started since and still runs."""
        return [each for each in psutil.Process().children() if each not in self._others]

    def only_instance(self) -> InstanceInfo:
        (instance,) = self.pool.instances()
        return instance

    def logged(self, part: str) -> list[str]:
        return [line for line in self.lines if part in line]


class Held:
    """Calls under way that end when told."""

    def __init__(self, until: Path, calls: list[asyncio.Task[InvokeResult]]) -> None:
        self._until = until
        self.calls = calls

    async def release(self) -> list[InvokeResult]:
        self._until.touch()
        return await asyncio.gather(*self.calls)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what other processes bring about; the test's own time limit bounds it."""
    while True:
        if condition():
            return
        await asyncio.sleep(0.002)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


StartLab = Callable[..., Awaitable[Lab]]


@pytest.fixture
async def start(
    runtime_python: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[StartLab]:
    """Starts a pool with the given limits.

    Afterwards it is stopped, has left no process, and nothing went wrong unseen.
    """
    labs = []
    async with contextlib.AsyncExitStack() as stack:

        async def start_lab(*, clock: Clock | None = None, **limits: Any) -> Lab:
            lab = Lab(runtime_python, tmp_path)
            pool = InstancePool(resolve=lab.resolve, log=lab.lines.append, clock=clock, **limits)
            lab.pool = await stack.enter_async_context(pool)
            labs.append(lab)
            return lab

        yield start_lab
    assert [lab.processes() for lab in labs] == [[] for _ in labs]
    names = {record.name for record in caplog.records if record.levelno >= logging.WARNING}
    assert names.isdisjoint({"asyncio", "aiohttp.server"})


# Which instance gets a call


async def test_a_second_call_after_the_first_is_on_the_same_instance(start: StartLab) -> None:
    lab = await start()
    first = await lab.call("echo", {"n": 1})
    second = await lab.call("echo", {"n": 2})
    assert [json.loads(result.payload) for result in (first, second)] == [{"n": 1}, {"n": 2}]
    assert first.instance_id == second.instance_id
    assert lab.only_instance().calls == 2


async def test_two_calls_at_once_are_on_two_instances(start: StartLab) -> None:
    lab = await start()
    results = await (await lab.hold(2)).release()
    assert results[0].instance_id != results[1].instance_id


async def test_overlapping_calls_are_on_distinct_instances_and_one_too_many_is_refused(
    start: StartLab,
) -> None:
    lab = await start(max_instances=3)
    held = await lab.hold(3)
    with pytest.raises(TooManyRequestsError, match="all 3 instances are busy"):
        await lab.call("hold")
    results = await held.release()
    assert len({result.instance_id for result in results}) == 3
    assert (await lab.call("hold", {"until": str(lab.folder)})).error is None


async def test_calls_that_wait_for_an_init_count_against_the_limit(
    start: StartLab, tmp_path: Path
) -> None:
    lab = await start(max_instances=1)
    lab.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    waiting = asyncio.create_task(lab.call("import_waits.handler"))
    await eventually(lambda: lab.states() == [State.INIT])
    with pytest.raises(TooManyRequestsError):
        await lab.call("import_waits.handler")
    (tmp_path / "go").touch()
    assert (await waiting).error is None


async def test_many_clients_each_get_the_answer_to_their_own_call(start: StartLab) -> None:
    lab = await start(max_instances=4)

    async def client(name: int) -> None:
        for number in range(50):
            assert await lab.answer("echo", [name, number]) == [name, number]

    await asyncio.gather(*(client(name) for name in range(4)))
    assert sum(instance.calls for instance in lab.pool.instances()) == 200


async def test_versions_have_instances_of_their_own(start: StartLab) -> None:
    lab = await start()
    old = await lab.call("echo", version="1")
    new = await lab.call("echo", version="2")
    assert old.instance_id != new.instance_id
    assert (await lab.call("echo", version="1")).instance_id == old.instance_id


async def test_idle_instances_of_an_old_version_make_room_for_the_new_one(start: StartLab) -> None:
    lab = await start(max_instances=2)
    await (await lab.hold(2)).release()
    new = await lab.call("echo", version="2")
    assert new.error is None
    assert [instance.version for instance in lab.pool.instances()] == ["1", "2"]


async def test_the_instance_used_last_is_taken_first_so_that_extras_expire(
    start: StartLab,
) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, idle_expiry_s=600)
    await (await lab.hold(2)).release()
    for _ in range(3):
        await clock.advance(250)
        await lab.call("hold", {"until": str(lab.folder)})
    assert [instance.calls for instance in lab.pool.instances()] == [4]


async def test_an_idle_instance_expires_and_a_used_one_does_not(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, idle_expiry_s=600)
    await lab.call("echo")
    await clock.advance(599)
    await lab.call("echo")
    pid = lab.only_instance().pid
    await clock.advance(599)
    assert lab.states() == [State.IDLE]
    await clock.advance(1)
    assert lab.states() == []
    await eventually(lambda: is_gone(pid or 0))


async def test_a_busy_instance_does_not_expire(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, idle_expiry_s=60)
    held = await lab.hold(1)
    await clock.advance(300)
    assert lab.states() == [State.BUSY]
    await held.release()
    await clock.advance(59)
    assert lab.states() == [State.IDLE]
    await clock.advance(1)
    assert lab.states() == []


async def test_the_call_of_a_caller_that_went_away_goes_on(start: StartLab) -> None:
    lab = await start()
    held = await lab.hold(1)
    held.calls[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await held.release()
    await eventually(lambda: lab.states() == [State.IDLE])
    assert (await lab.call("hold", {"until": str(lab.folder)})).error is None
    assert lab.only_instance().calls == 2


async def test_the_instance_of_a_caller_that_went_away_during_init_stays(
    start: StartLab, tmp_path: Path
) -> None:
    lab = await start()
    lab.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = asyncio.create_task(lab.call("import_waits.handler"))
    await eventually(lambda: lab.states() == [State.INIT])
    call.cancel()
    (tmp_path / "go").touch()
    await eventually(lambda: lab.states() == [State.IDLE])


# Calls that end badly


async def test_a_call_over_the_timeout_is_killed_and_the_next_one_works(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock)
    lab.timeout_s = 3
    held = await lab.hold(1)
    pid = lab.only_instance().pid
    await clock.advance(3)
    result = await held.calls[0]
    assert result.error == FunctionError(
        "Sandbox.Timedout", "RequestId: call Error: Task timed out after 3.00 seconds"
    )
    assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"
    assert result.duration_ms == 3000
    await eventually(lambda: is_gone(pid or 0))
    assert lab.logged("call Task timed out after 3.00 seconds")
    assert lab.logged("REPORT")[0].endswith("\tStatus: timeout")
    assert (await lab.call("hold", {"until": str(lab.folder)})).error is None


async def test_init_does_not_count_against_the_timeout(start: StartLab, tmp_path: Path) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, init_limit_s=10)
    lab.timeout_s = 1
    lab.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = asyncio.create_task(lab.call("import_waits.handler", "late"))
    await eventually(lambda: lab.states() == [State.INIT])
    await clock.advance(9)
    (tmp_path / "go").touch()
    result = await call
    assert (result.error, result.payload) == (None, b'"late"')
    assert result.init_ms == 9000


async def test_a_limit_that_was_not_reached_does_not_reach_the_next_call(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, init_limit_s=10)
    lab.timeout_s = 3
    for _ in range(5):
        await lab.call("echo")
        await clock.advance(2.9)
    assert lab.only_instance().calls == 5


@pytest.mark.parametrize(
    ("function", "event", "reason"),
    [
        ("exit_with", {"status": 1}, "Runtime exited with error: exit status 1"),
        ("exit_with", {"status": 0}, "Runtime exited without providing a reason"),
        ("kill_itself", None, "Runtime exited with error: signal: killed"),
    ],
)
async def test_an_instance_that_ends_in_a_call_fails_that_call_only(
    start: StartLab, function: str, event: object, reason: str
) -> None:
    lab = await start()
    for _ in range(2):
        error = await lab.error(function, event)
        assert error == FunctionError("Runtime.ExitError", f"RequestId: call Error: {reason}")
    assert lab.states() == []
    assert lab.logged("REPORT")[0].endswith("\tStatus: error\tError Type: Runtime.ExitError")
    assert await lab.answer("echo", "still here") == "still here"


async def test_an_instance_killed_while_idle_is_replaced(start: StartLab) -> None:
    lab = await start()
    first = await lab.call("echo")
    os.kill(lab.only_instance().pid or 0, signal.SIGKILL)
    await eventually(lambda: lab.states() == [])
    second = await lab.call("echo")
    assert (second.error, second.instance_id != first.instance_id) == (None, True)
    assert lab.logged("ended while idle: Runtime exited with error: signal: killed")


async def test_what_an_instance_started_ends_with_it(start: StartLab) -> None:
    lab = await start()
    child = await lab.answer("start_child")
    assert not is_gone(child)
    os.kill(lab.only_instance().pid or 0, signal.SIGKILL)
    await eventually(lambda: is_gone(child))


async def test_an_exception_of_the_function_is_its_answer_and_the_instance_stays(
    start: StartLab,
) -> None:
    lab = await start()
    result = await lab.call("fail", {"depth": 0}, request_id="call-1")
    assert result.error == FunctionError("ValueError", "no such colour")
    document = json.loads(result.payload)
    assert document["requestId"] == "call-1"
    assert "handlers.py" in document["stackTrace"][0]
    assert (await lab.call("fail", {"depth": 0})).instance_id == result.instance_id


async def test_a_long_stack_trace_is_no_obstacle(start: StartLab) -> None:
    lab = await start()
    assert await lab.error("fail", {"depth": 300}) == FunctionError("ValueError", "no such colour")
    assert lab.states() == [State.IDLE]


# Init that goes wrong


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
    start: StartLab, function: str, error_type: str, message: str
) -> None:
    lab = await start(max_instances=1)
    for _ in range(2):
        error = await lab.error(function)
        assert error.error_type == error_type
        assert message in error.message
        assert lab.states() == []
    (line, _) = lab.logged("INIT_REPORT")
    assert line.endswith(f"\tPhase: init\tStatus: error\tError Type: {error_type}")
    assert await lab.answer("echo", 1) == 1


async def test_an_init_over_its_limit_is_killed(start: StartLab, tmp_path: Path) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, init_limit_s=10)
    lab.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = asyncio.create_task(lab.call("import_waits.handler"))
    await eventually(lambda: bool(lab.pool.instances() and lab.only_instance().pid))
    pid = lab.only_instance().pid
    await clock.advance(10)
    assert (await call).error == FunctionError(
        "Sandbox.Timedout", "RequestId: call Error: Init phase timed out after 10.00 seconds"
    )
    await eventually(lambda: is_gone(pid or 0))
    (line,) = lab.logged("INIT_REPORT")
    assert line.endswith("INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout")
    (tmp_path / "go").touch()
    assert (await lab.call("import_waits.handler")).error is None


async def test_an_interpreter_that_is_not_there_is_named(start: StartLab, tmp_path: Path) -> None:
    lab = await start(max_instances=1)
    python = str(tmp_path / "Python")
    lab.commands["echo"] = (python, "-m", "awslambdaric", "handlers.echo")
    for _ in range(2):
        error = await lab.error("echo")
        assert error.error_type == "Runtime.InvalidEntrypoint"
        assert f"fork/exec {python}: no such file" in error.message
    lab.commands.clear()
    assert await lab.answer("echo", 1) == 1


async def test_a_program_that_cannot_run_is_an_exit(start: StartLab, tmp_path: Path) -> None:
    lab = await start()
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF and no more")
    program.chmod(0o755)
    lab.commands["echo"] = (str(program),)
    assert (await lab.error("echo")).error_type in {
        "Runtime.ExitError",
        "Runtime.InvalidEntrypoint",
    }
    assert lab.states() == []


# Sizes


async def test_answers_up_to_the_limit_arrive_and_longer_ones_are_refused(start: StartLab) -> None:
    lab = await start()
    largest = await lab.call("answer_of", {"bytes": RESPONSE_LIMIT_BYTES})
    assert (largest.error, len(largest.payload)) == (None, RESPONSE_LIMIT_BYTES)
    error = await lab.error("answer_of", {"bytes": RESPONSE_LIMIT_BYTES + 1})
    assert error.error_type == "Function.ResponseSizeTooLarge"
    assert await lab.answer("answer_of", {"bytes": 3}) == "x"


async def test_events_up_to_the_limit_are_taken_and_longer_ones_refused(start: StartLab) -> None:
    lab = await start()
    event = "x" * (REQUEST_LIMIT_BYTES - 2)
    assert await lab.answer("echo", event) == event
    with pytest.raises(RequestTooLargeError, match="must be smaller than 6291456 bytes"):
        await lab.call("echo", event + "x")


# Runtimes that break the protocol


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
    start: StartLab, behaviour: str, expected: str | None
) -> None:
    lab = await start()
    lab.commands["odd"] = (lab.python, "odd_runtime.py", behaviour)
    for number in range(3):
        assert await lab.answer("odd", number) == number
    assert lab.only_instance().calls == 3
    shown = [line.split("] ")[1] for line in lab.logged("status")]
    assert shown == ([expected] * 3 if expected else [])


async def test_a_call_that_its_runtime_never_reads_ends_at_the_timeout(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock)
    lab.timeout_s = 3
    lab.commands["odd"] = (lab.python, "odd_runtime.py", "hangs_up_on_the_next_call")
    assert await lab.answer("odd", 1) == 1
    unread = asyncio.create_task(lab.call("odd", 2))
    await eventually(lambda: lab.states() == [State.BUSY])
    await clock.advance(3)
    result = await unread
    assert result.error
    assert result.error.error_type == "Sandbox.Timedout"
    assert await lab.answer("odd", 3) == 3


async def test_an_answer_that_is_not_json_is_passed_on_as_it_is(start: StartLab) -> None:
    lab = await start()
    lab.commands["odd"] = (lab.python, "odd_runtime.py", "garbage_answer")
    result = await lab.call("odd")
    assert (result.error, result.payload) == (None, b"\xff\x00 not JSON")
    assert lab.states() == [State.IDLE]


async def test_an_error_that_is_not_json_is_still_an_error(start: StartLab) -> None:
    lab = await start()
    lab.commands["odd"] = (lab.python, "odd_runtime.py", "garbage_error")
    assert await lab.error("odd") == FunctionError("Runtime.Unknown", "[not an error")
    assert lab.states() == [State.IDLE]


async def test_a_runtime_that_ends_without_an_answer_is_an_exit(start: StartLab) -> None:
    lab = await start()
    lab.commands["odd"] = (lab.python, "odd_runtime.py", "gives_no_answer")
    assert (await lab.error("odd")).error_type == "Runtime.ExitError"
    assert lab.states() == []


async def test_a_runtime_that_answers_and_ends_has_answered(start: StartLab) -> None:
    lab = await start()
    lab.commands["odd"] = (lab.python, "odd_runtime.py", "answers_and_ends")
    for number in range(2):
        assert await lab.answer("odd", number) == number
        assert lab.states() == []


async def test_whatever_happens_every_caller_is_answered_and_nothing_is_stuck(
    start: StartLab,
) -> None:
    lab = await start(max_instances=3)
    chance = random.Random(20200118)
    kinds: list[tuple[str, object]] = [
        ("echo", None),
        ("fail", {"depth": 0}),
        ("exit_with", {"status": 1}),
        ("kill_itself", None),
        ("import_exits.handler", None),
    ]

    async def client() -> list[str]:
        seen = []
        for function, event in chance.choices(kinds, weights=[8, 4, 1, 1, 1], k=20):
            try:
                result = await lab.call(function, event)
                seen.append(result.error.error_type if result.error else "answer")
            except TooManyRequestsError:
                seen.append("refused")
                await asyncio.sleep(0)
        return seen

    outcomes = list(chain.from_iterable(await asyncio.gather(*(client() for _ in range(4)))))
    assert len(outcomes) == 80
    assert set(outcomes) == {"answer", "ValueError", "Runtime.ExitError", "refused"}
    await eventually(lambda: len(lab.processes()) == len(lab.pool.instances()))
    assert set(lab.states()) <= {State.IDLE}


# The end of the pool


async def test_stop_leaves_no_process_and_answers_every_caller(
    start: StartLab, tmp_path: Path
) -> None:
    lab = await start()
    temporary = Path(await lab.answer("write_temporary_file"))
    held = await lab.hold(2)
    lab.environment = {"IMPORT_UNTIL": str(tmp_path / "never")}
    in_init = asyncio.create_task(lab.call("import_waits.handler"))
    not_started_yet = asyncio.create_task(lab.call("echo"))
    await eventually(lambda: len(lab.states()) == 5)
    await lab.pool.stop()
    assert lab.processes() == []
    assert not temporary.parent.exists()
    for call in (*held.calls, in_init, not_started_yet):
        result = await call
        assert result.error
        assert "the instance pool was stopped" in result.error.message


async def test_stop_may_be_repeated_and_a_stopped_pool_refuses_calls(start: StartLab) -> None:
    lab = await start()
    await lab.call("echo")
    await asyncio.gather(lab.pool.stop(), lab.pool.stop())
    await lab.pool.stop()
    with pytest.raises(InvokeRefusedError, match="not running"):
        await lab.call("echo")


async def test_a_call_whose_function_is_looked_up_while_the_pool_stops_is_refused(
    start: StartLab,
) -> None:
    lab = await start()
    looked_up = asyncio.Event()

    async def resolve(name: str, version: str) -> FunctionSpec:
        await looked_up.wait()
        return await lab.resolve(name, version)

    lab.pool = InstancePool(resolve=resolve, log=lab.lines.append)
    await lab.pool.start()
    call = asyncio.create_task(lab.call("echo"))
    await asyncio.sleep(0)
    await lab.pool.stop()
    looked_up.set()
    with pytest.raises(InvokeRefusedError, match="not running"):
        await call


async def test_no_instance_outlives_a_pool_that_is_killed(
    runtime_python: str, tmp_path: Path
) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable,
        str(FUNCTIONS.parent / "orphaning_pool.py"),
        runtime_python,
        str(FUNCTIONS),
        str(tmp_path / "release"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(FUNCTIONS.parents[2])},
    )
    assert owner.stdout
    idle, busy = json.loads(await owner.stdout.readline())
    assert not is_gone(idle)
    assert not is_gone(busy)
    owner.kill()
    await owner.wait()
    await eventually(lambda: is_gone(idle))
    if sys.platform != "linux":
        # Elsewhere a busy instance notices only when its call is over.
        (tmp_path / "release").touch()
    await eventually(lambda: is_gone(busy))


# What the function and its log see


async def test_the_environment_holds_what_lambda_sets_and_nothing_of_ours(
    start: StartLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "VIRTUAL_ENV", "PYTHONHOME_OF_OURS", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "ours")
    lab = await start(region="eu-west-1", extra_environment={"AWS_ENDPOINT_URL": "http://local"})
    lab.environment = {"MODEL": "resnet50", "AWS_REGION": "not for the function to say"}
    seen = await lab.answer("environment")
    instance = lab.only_instance()
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


async def test_the_context_tells_of_the_call(start: StartLab) -> None:
    lab = await start()
    lab.timeout_s = 30
    seen = await lab.answer("about_the_call")
    assert 0 < seen.pop("remaining_ms") <= 30_000
    assert seen == {
        "request_id": "call",
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:about_the_call",
        "memory_mb": "1769",
        "folder": str(FUNCTIONS),
    }


async def test_each_instance_has_a_temporary_folder_that_ends_with_it(start: StartLab) -> None:
    lab = await start(max_instances=1)
    path = Path(await lab.answer("write_temporary_file"))
    assert path.parent != lab.folder
    assert Path(await lab.answer("write_temporary_file")) == path
    await lab.call("echo")  # makes room for itself
    await eventually(lambda: not path.parent.exists())


async def test_the_log_reads_as_lambda_prints_it(start: StartLab) -> None:
    lab = await start()
    first = await lab.call("write_lines", {"count": 1}, request_id="first")
    await lab.call("write_lines", {"count": 0}, request_id="second")
    prefix = f"[{first.instance_id[:8]}] "
    assert all(line.startswith(prefix) for line in lab.lines)
    lines = [line.removeprefix(prefix) for line in lab.lines]
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


async def test_output_is_forwarded_in_full_and_never_blocks_the_function(start: StartLab) -> None:
    lab = await start()
    result = await lab.call("write_lines", {"count": 20_000})
    assert result.error is None
    await lab.pool.stop()
    assert len(lab.logged("] line ")) == 20_000
    assert lab.logged("and an error without a line end")


async def test_a_log_that_fails_does_not_fail_the_call(
    start: StartLab, caplog: pytest.LogCaptureFixture
) -> None:
    lab = await start()

    def log(line: str) -> None:
        raise OSError("no space left on device")

    async with InstancePool(resolve=lab.resolve, log=log) as pool:
        lab.pool = pool
        assert await lab.answer("echo", 1) == 1
    assert "is lost" in caplog.text


async def test_instances_are_shown_as_they_are(start: StartLab) -> None:
    lab = await start()
    held = await lab.hold(1)
    instance = lab.only_instance()
    assert (instance.state, instance.function, instance.version) == (State.BUSY, "hold", "1")
    assert (instance.cold_starts, instance.calls) == (1, 1)
    assert instance.rss_mb > 1
    assert psutil.Process(instance.pid).ppid() == os.getpid()
    await held.release()
    assert lab.only_instance().state is State.IDLE


# The door for the emulator

PostEvent = Callable[..., Awaitable[tuple[int, Any]]]


@contextlib.asynccontextmanager
async def door(pool: InstancePool) -> AsyncIterator[PostEvent]:
    """Serve a pool as the local cloud does; yields a client of it."""
    application = web.Application()
    application.add_routes(proxy_routes(pool))
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]

    async with ClientSession() as session:

        async def post(function: str, body: bytes = b"{}", **headers: str) -> tuple[int, Any]:
            sent = {"Function-Name": function, "Function-Version": "1", "Request-Id": "r-1"}
            sent |= {name.replace("_", "-"): value for name, value in headers.items()}
            named = {f"X-Amzn-Lambda-{name}": value for name, value in sent.items() if value}
            url = f"http://{host}:{port}{PROXY_PATH}"
            async with session.post(url, data=io.BytesIO(body), headers=named) as response:
                return response.status, json.loads(await response.read())

        yield post
    await runner.cleanup()


async def test_the_door_passes_event_and_answer_on(start: StartLab) -> None:
    lab = await start()
    async with door(lab.pool) as post:
        assert await post("echo", b'{"method": "wakeup"}') == (200, {"method": "wakeup"})
        status, seen = await post("about_the_call", Function_Arn="arn:of:alias")
        assert (status, seen["request_id"], seen["arn"]) == (200, "r-1", "arn:of:alias")
        large = b'"' + b"x" * (REQUEST_LIMIT_BYTES - 2) + b'"'
        assert (await post("echo", large))[0] == 200


async def test_the_door_answers_a_function_error_with_502_and_no_stack_trace(
    start: StartLab,
) -> None:
    lab = await start()
    async with door(lab.pool) as post:
        assert await post("fail", b'{"depth": 0}') == (
            502,
            {"errorType": "ValueError", "errorMessage": "no such colour"},
        )


async def test_the_door_answers_429_when_every_instance_is_busy(start: StartLab) -> None:
    lab = await start(max_instances=1)
    held = await lab.hold(1)
    async with door(lab.pool) as post:
        status, body = await post("hold")
        assert (status, body["errorType"]) == (429, "TooManyRequestsException")
    await held.release()


async def test_the_door_answers_413_to_an_event_that_is_too_large(start: StartLab) -> None:
    lab = await start()
    async with door(lab.pool) as post:
        status, body = await post("echo", b"x" * (REQUEST_LIMIT_BYTES + 1))
        assert (status, body["errorType"]) == (413, "RequestEntityTooLargeException")


async def test_the_door_answers_404_to_an_unknown_function(start: StartLab) -> None:
    lab = await start()

    async def resolve(name: str, version: str) -> FunctionSpec:
        raise FunctionNotFoundError(f"no function {name} version {version}")

    async with InstancePool(resolve=resolve, log=lab.lines.append) as pool, door(pool) as post:
        assert await post("nobody") == (
            404,
            {
                "errorType": "ResourceNotFoundException",
                "errorMessage": "no function nobody version 1",
            },
        )


async def test_the_door_says_what_is_wrong_with_a_request(start: StartLab) -> None:
    lab = await start()
    async with door(lab.pool) as post:
        status, body = await post("")
        assert (status, "Function-Name is missing" in body["errorMessage"]) == (400, True)
        status, body = await post("echo", Request_Id="../next")
        assert (status, "'../next'" in body["errorMessage"]) == (400, True)


@pytest.mark.parametrize("limit", ["max_instances", "idle_expiry_s", "init_limit_s"])
async def test_a_limit_that_makes_no_sense_is_refused(start: StartLab, limit: str) -> None:
    with pytest.raises(ValueError, match=f"{limit} is 0, must be above 0"):
        await start(**{limit: 0})
