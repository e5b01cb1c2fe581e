"""Harness of the instance pool: functions, log, a clock of its own, and the fixture `start`."""

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.clock import Clock
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.instance import InstanceInfo, State
from warmlens.runtime.invocation import (
    FunctionError,
    InvokeResult,
)
from warmlens.runtime.isolation import Confinement, Limits
from warmlens.runtime.pool import InstancePool

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


class Harness:
    """A pool under test, its log, and the functions it may run.

    A function's name is its handler in functions/handlers.py unless `specs` says otherwise.
    """

    def __init__(self, python: str, folder: Path) -> None:
        self.python = python
        self.folder = folder
        self.lines: list[str] = []
        self.timeout_s = 900.0
        self.task_root = FUNCTIONS
        self.commands: dict[str, tuple[str, ...]] = {}
        self.environment: dict[str, str] = {}
        self.reserved: dict[str, int] = {}
        self.may_resolve = asyncio.Event()
        self.may_resolve.set()
        self.pool: InstancePool
        # Other tests' processes may run beside.
        self._others = psutil.Process().children()

    async def resolve(self, name: str, version: str) -> FunctionSpec:
        await self.may_resolve.wait()
        handler = name if "." in name else f"handlers.{name}"
        return FunctionSpec(
            name=name,
            version=version,
            memory_mb=1769,
            timeout_s=self.timeout_s,
            environment=self.environment,
            handler=handler,
            command=self.commands.get(name, (self.python, "-m", "awslambdaric", handler)),
            task_root=self.task_root,
            reserved_concurrency=self.reserved.get(name),
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

    async def hold(
        self, count: int, function: str = "hold", until: Path | None = None
    ) -> "BusyCalls":
        """Start calls that overlap until a file exists, and wait until each has an instance."""
        until = until or self.folder / f"release-{random.randbytes(4).hex()}"
        calls = [
            asyncio.create_task(self.call(function, {"until": str(until)})) for _ in range(count)
        ]
        await eventually(lambda: self.states().count(State.BUSY) >= count)
        return BusyCalls(until, calls)

    def states(self) -> list[State]:
        return [instance.state for instance in self.pool.instances()]

    def processes(self) -> list[psutil.Process]:
        """What was started since and still runs."""
        return [each for each in psutil.Process().children() if each not in self._others]

    async def init_is_under_way(self) -> None:
        await eventually(lambda: any(instance.pid for instance in self.pool.instances()))

    def only_instance(self) -> InstanceInfo:
        (instance,) = self.pool.instances()
        return instance

    def logged(self, part: str) -> list[str]:
        return [line for line in self.lines if part in line]


class BusyCalls:
    """Calls under way that end when told."""

    def __init__(self, until: Path, calls: list[asyncio.Task[InvokeResult]]) -> None:
        self._until = until
        self.calls = calls

    async def release(self) -> list[InvokeResult]:
        self._until.touch()
        return await asyncio.gather(*self.calls)


class RecordedIsolation:
    """The best isolation, with a record of the processes that it holds to their share."""

    def __init__(self) -> None:
        self._best = best_isolation()
        self.description = self._best.description
        self.confined: list[int] = []
        self.in_call: list[int] = []

    def confine(self, pid: int, limits: Limits) -> Confinement:
        self.confined.append(pid)
        return _RecordedConfinement(self._best.confine(pid, limits), pid, self.in_call)


@dataclass
class _RecordedConfinement:
    confinement: Confinement
    pid: int
    in_call: list[int]

    def begin_call(self) -> None:
        self.in_call.append(self.pid)
        self.confinement.begin_call()

    def release(self) -> None:
        self.confinement.release()


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


@contextlib.asynccontextmanager
async def running_pool(
    harness: Harness, clock: Clock | None = None, **limits: Any
) -> AsyncIterator[Harness]:
    """Run the harness's pool until the block ends."""
    # How fast this machine starts an instance decides nothing.
    settings = {"init_limit_s": 120, **limits}
    async with InstancePool(
        resolve=harness.resolve, log=harness.lines.append, clock=clock, **settings
    ) as pool:
        harness.pool = pool
        yield harness


StartHarness = Callable[..., Awaitable[Harness]]


@pytest.fixture
async def start(
    runtime_python: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[StartHarness]:
    """Starts a pool with the given limits.

    Afterwards it is stopped, has left no process, and nothing went wrong unseen.
    """
    harnesses: list[Harness] = []
    async with contextlib.AsyncExitStack() as stack:

        async def start_harness(*, clock: Clock | None = None, **limits: Any) -> Harness:
            pool = running_pool(Harness(runtime_python, tmp_path), clock, **limits)
            harnesses.append(await stack.enter_async_context(pool))
            return harnesses[-1]

        yield start_harness
    assert [harness.processes() for harness in harnesses] == [[] for _ in harnesses]
    records = [*caplog.get_records("call"), *caplog.records]
    names = {record.name for record in records if record.levelno >= logging.WARNING}
    assert names.isdisjoint({"asyncio", "aiohttp.server"})
