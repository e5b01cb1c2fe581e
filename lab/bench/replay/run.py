"""Sends the calls of a trace and the warmer's runs to a local cloud, and says what they met."""

import asyncio
import json
import math
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lab.bench.replay.skipping_clock import SkippingClock
from warmlens.local.aws import LocalAws
from warmlens.local.cloud import PAPER_PATH, CloudInfo, Steps, local_cloud
from warmlens.planner.scenario import InstanceLifetimes
from warmlens.registry.serving import ALIAS
from warmlens.runtime.idle_expiry import IdleExpiry

CONCURRENCY = 50
LEAD_S = 0.02  # skips end so long before what comes next
_CALL = {"method": "classification", "file_path": PAPER_PATH}


@dataclass
class Met:
    """What users met in a replay.

    Attributes:
        latencies_ms: from the intended moment to the answer.
        cold_ms, warm_ms: the same, of those that met a cold start and of those that did not.
        function_ms: time of warm calls in the function, as the answers tell it.
        errors: answers that were none.
        coverages: what each run of the warmer reached, as a share.
    """

    latencies_ms: list[float] = field(default_factory=list)
    cold_ms: list[float] = field(default_factory=list)
    warm_ms: list[float] = field(default_factory=list)
    function_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    coverages: list[float] = field(default_factory=list)

    @property
    def cold_share(self) -> float:
        """Users that met a cold start, as a share of all."""
        return len(self.cold_ms) / len(self.latencies_ms)

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the latencies, by nearest rank."""
        ranked = sorted(self.latencies_ms)
        return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What is replayed.

    Attributes:
        arrivals_s: moments of users' calls, ascending.
        horizon_s: how long.
        memory_mb: the classifier's memory, which brings its processor share.
        warm: instances that each run of the warmer wakes; 0: no warmer.
        hold_ms: how long it holds them.
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
        """Return moments in order, and whether it is a user's call; the warmer comes first."""
        runs = math.ceil(self.horizon_s / self.period_s) if self.warm else 0
        warming = [(number * self.period_s, False) for number in range(runs)]
        return sorted([*warming, *((moment, True) for moment in self.arrivals_s)])


async def replay(what: Replay, folder: Path) -> Met:
    """Run a local cloud and send it everything at its moment.

    The classifier, the warmer, the emulator and the pool are those of `make run`. Time in which
    nothing is under way and nothing is due is skipped on the clock of the pool.

    Args:
        what: the calls.
        folder: folder for the cloud's state and logs.

    Raises:
        WarmlensError: the local cloud cannot start.
    """
    met, clock = Met(), SkippingClock()
    async with _cloud(what, folder, clock) as (info, client):
        aws = LocalAws(info.endpoint_url)
        await asyncio.to_thread(_configure, aws, info.outputs, what)
        under_way: set[asyncio.Task[None]] = set()
        begin_s = clock.monotonic()
        for moment_s, is_user in what.events():
            due_s = begin_s + moment_s
            while under_way and clock.monotonic() < due_s:
                await asyncio.wait(
                    under_way,
                    timeout=due_s - clock.monotonic(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
            if not under_way:
                await clock.skip_to(due_s - LEAD_S)
            await clock.sleep(due_s - clock.monotonic())
            if is_user:
                action = _user(client, info, clock, due_s, met)
            else:
                action = _warm(aws, info, what.warm, met)
            task = asyncio.create_task(action)
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way)
    return met


@asynccontextmanager
async def _cloud(
    what: Replay, folder: Path, clock: SkippingClock
) -> AsyncIterator[tuple[CloudInfo, httpx.AsyncClient]]:
    lifetimes = what.lifetimes
    expiry = IdleExpiry(
        lifetimes.shortest_idle_s, lifetimes.longest_idle_s, random.Random(what.seed)
    )
    quiet = Steps(lambda name: None, lambda name, took_s: None)
    async with (
        local_cloud(
            folder=folder,
            steps=quiet,
            concurrency=CONCURRENCY,
            idle_expiry_s=expiry,
            clock=clock,
        ) as info,
        httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=CONCURRENCY)) as client,
    ):
        yield info, client


def _configure(aws: LocalAws, outputs: Mapping[str, str], what: Replay) -> None:
    """Set the warmer's hold, and the classifier's memory by a new version, as a deploy does."""
    warmer, classifier = outputs["WarmerFunction"], outputs["ClassifierFunction"]
    present = aws.lambda_.get_function_configuration(FunctionName=warmer)["Environment"]
    aws.lambda_.update_function_configuration(
        FunctionName=warmer,
        Environment={"Variables": {**present["Variables"], "HOLD_MS": str(what.hold_ms)}},
    )
    aws.lambda_.update_function_configuration(FunctionName=classifier, MemorySize=what.memory_mb)
    version = aws.lambda_.publish_version(FunctionName=classifier)["Version"]
    aws.lambda_.update_alias(FunctionName=classifier, Name=ALIAS, FunctionVersion=version)


async def _user(
    client: httpx.AsyncClient, info: CloudInfo, clock: SkippingClock, due_s: float, met: Met
) -> None:
    response = await client.post(f"{info.url}/classification", json=_CALL)
    latency_ms = (clock.monotonic() - due_s) * 1000
    answer: dict[str, Any] = response.json()
    if response.status_code != 200:
        met.errors.append(f"{response.status_code}: {answer}")
        return
    met.latencies_ms.append(latency_ms)
    if answer["cold_start"]:
        met.cold_ms.append(latency_ms)
    else:
        met.warm_ms.append(latency_ms)
        met.function_ms.append(answer["time"] * 1000)


async def _warm(aws: LocalAws, info: CloudInfo, count: int, met: Met) -> None:
    payload = json.dumps({"instances": count}).encode()
    response = await asyncio.to_thread(
        aws.lambda_.invoke, FunctionName=info.outputs["WarmerFunction"], Payload=payload
    )
    met.coverages.append(json.loads(response["Payload"].read())["coverage"])
