"""Replay of a trace on a local cloud: users' calls and the warmer's runs."""

import asyncio
import json
import math
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.bench.speed.versions import MODEL
from lab.load import Response, api_client, post, send_at
from lab.statistics import percentile
from warmlens.local.aws import LocalAws
from warmlens.local.buckets import PAPER_PATH
from warmlens.local.cloud import CloudInfo, Steps, local_cloud
from warmlens.planner.scenario import InstanceLifetimes
from warmlens.registry.serving import ALIAS
from warmlens.runtime.idle_expiry import IdleExpiry

CONCURRENCY = 50
LEAD_S = 0.02  # a skip ends this long before the next call
_CALL = {"method": "classification", "file_path": PAPER_PATH}


class SkippingClock:
    """A pool clock that skips time without calls.

    Tasks that sleep past the skipped time continue at once.
    """

    def __init__(self) -> None:
        self._begun_s = time.monotonic()
        self._skipped_s = 0.0
        self._skip = asyncio.Event()

    def monotonic(self) -> float:
        """Return the seconds since the clock's creation, including skipped time."""
        return time.monotonic() - self._begun_s + self._skipped_s

    async def sleep(self, delay_s: float) -> None:
        """Return once `delay_s` seconds have passed or been skipped."""
        wake_s = self.monotonic() + delay_s
        while (left_s := wake_s - self.monotonic()) > 0:
            skip = self._skip
            try:
                await asyncio.wait_for(skip.wait(), left_s)
            except TimeoutError:
                return

    async def wait_until(self, moment_s: float, pending: set[asyncio.Task[Any]]) -> None:
        """Wait for a moment, and skip time without calls in flight."""
        while pending and (left_s := moment_s - self.monotonic()) > 0:
            await asyncio.wait(pending, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        if not pending:
            await self.skip_to(moment_s - LEAD_S)
        await self.sleep(moment_s - self.monotonic())

    async def skip_to(self, moment_s: float) -> None:
        """Skip to a moment, if it is in the future."""
        left_s = moment_s - self.monotonic()
        if left_s <= 0:
            return
        self._skipped_s += left_s
        skip, self._skip = self._skip, asyncio.Event()
        skip.set()
        for _ in range(
            20
        ):  # tasks that were woken end their instances within a few turns of the loop
            await asyncio.sleep(0)


@dataclass
class ReplayResult:
    """The results of a replay.

    Attributes:
        latencies_ms: from the intended send time to the answer.
        cold_ms, warm_ms: latencies with and without a cold start.
        function_ms: time of warm calls in the function.
        errors: status and body of failed calls.
        coverages: share of the instances that each run of the warmer reached.
    """

    latencies_ms: list[float] = field(default_factory=list)
    cold_ms: list[float] = field(default_factory=list)
    warm_ms: list[float] = field(default_factory=list)
    function_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    coverages: list[float] = field(default_factory=list)

    @property
    def cold_share(self) -> float:
        """The share of users' calls with a cold start."""
        return len(self.cold_ms) / len(self.latencies_ms)

    def percentile_ms(self, percent: int) -> float:
        """Return a percentile of the latencies."""
        return percentile(self.latencies_ms, percent)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The calls and settings of a replay.

    Attributes:
        arrivals_s: moments of users' calls, ascending.
        horizon_s: duration of the replay.
        memory_mb: the classifier's memory, which brings its processor share.
        warm: instances that each run of the warmer wakes; 0 for no warmer.
        hold_ms: the hold of a wakeup.
        period_s: time between its runs.
        lifetimes: of instances; their lifetime is the pool's.
        seed: draws the idle expiries.
    """

    arrivals_s: Sequence[float]
    horizon_s: float
    memory_mb: int
    warm: int
    hold_ms: int = 400
    period_s: float = 300.0
    lifetimes: InstanceLifetimes = field(default_factory=InstanceLifetimes)
    seed: int = 1

    def events(self) -> list[tuple[float, bool]]:
        """Return each moment in order with "is a user's call"; the warmer comes first at ties."""
        runs = math.ceil(self.horizon_s / self.period_s) if self.warm else 0
        warming = [(number * self.period_s, False) for number in range(runs)]
        return sorted([*warming, *((moment, True) for moment in self.arrivals_s)])


async def replay(what: Replay, folder: Path) -> ReplayResult:
    """Replay the calls on a local cloud of their own.

    The classifier, the warmer, the emulator and the pool are those of `make run`. Time without a
    call in flight is skipped on the pool's clock.

    Args:
        what: the calls.
        folder: folder for the cloud's state and logs.

    Raises:
        WarmlensError: the local cloud cannot start.
    """
    result, clock = ReplayResult(), SkippingClock()
    async with _cloud(what, folder, clock) as info, api_client(connections=CONCURRENCY) as client:
        aws = LocalAws(info.endpoint_url, info.keys)
        await asyncio.to_thread(_configure, aws, info.outputs, what)
        events = what.events()

        async def call(number: int) -> Response | None:
            if events[number][1]:
                return await post(client, f"{info.url}/classification", _CALL)
            result.coverages.append(await _warm(aws, info, what.warm))
            return None

        for timed in await send_at([moment_s for moment_s, _ in events], call, clock=clock):
            if timed.result is not None:
                _add(result, timed.result, timed.latency_ms)
    return result


@asynccontextmanager
async def _cloud(what: Replay, folder: Path, clock: SkippingClock) -> AsyncIterator[CloudInfo]:
    lifetimes = what.lifetimes
    expiry = IdleExpiry(
        lifetimes.shortest_idle_s, lifetimes.longest_idle_s, random.Random(what.seed)
    )
    quiet = Steps(lambda name: None, lambda name, took_s: None)
    async with local_cloud(
        folder=folder,
        steps=quiet,
        model=MODEL,
        concurrency=CONCURRENCY,
        idle_expiry_s=expiry,
        clock=clock,
    ) as info:
        yield info


def _configure(aws: LocalAws, outputs: Mapping[str, str], what: Replay) -> None:
    """Set the warmer's hold, and publish a classifier version with the replay's memory size."""
    warmer, classifier = outputs["WarmerFunction"], outputs["ClassifierFunction"]
    present = aws.lambda_.get_function_configuration(FunctionName=warmer)["Environment"]
    aws.lambda_.update_function_configuration(
        FunctionName=warmer,
        Environment={"Variables": {**present["Variables"], "HOLD_MS": str(what.hold_ms)}},
    )
    aws.lambda_.update_function_configuration(FunctionName=classifier, MemorySize=what.memory_mb)
    version = aws.lambda_.publish_version(FunctionName=classifier)["Version"]
    aws.lambda_.update_alias(FunctionName=classifier, Name=ALIAS, FunctionVersion=version)


def _add(result: ReplayResult, answer: Response, latency_ms: float) -> None:
    if answer.status != 200:
        result.errors.append(f"{answer.status}: {dict(answer.body)}")
        return
    result.latencies_ms.append(latency_ms)
    if answer.body["cold_start"]:
        result.cold_ms.append(latency_ms)
    else:
        result.warm_ms.append(latency_ms)
        result.function_ms.append(answer.body["time"] * 1000)


async def _warm(aws: LocalAws, info: CloudInfo, count: int) -> float:
    """Run the warmer and return its coverage."""
    payload = json.dumps({"instances": count}).encode()
    response = await asyncio.to_thread(
        aws.lambda_.invoke, FunctionName=info.outputs["WarmerFunction"], Payload=payload
    )
    coverage: float = json.loads(response["Payload"].read())["coverage"]
    return coverage
