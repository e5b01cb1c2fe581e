"""Comparison of our warmer with lambda-warmer-py by the instances that each reaches.

lambda-warmer-py 0.6.0 (https://github.com/robhowley/lambda-warmer-py) is called as its README
says: `{"warmer": true, "concurrency": N}`. The instance that gets this calls the function N - 1
times, one call after the other, and each call keeps its instance for `delay` ms.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.bench.small_cloud import SmallCloud, small_cloud
from warmlens.local.image_functions import instance_command
from warmlens.records import Record, machine, today
from warmlens.runtime.instance import State

COMMAND = "python -m lab bench peer"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
HANDLER = "warmed_by_peer.handler"
OURS, PEER, PATIENT = "ours", "lambda-warmer-py", "lambda-warmer-py, 400 ms"
EMPTY, WARM = "empty", "warm"
_ROOM = 16  # concurrency beyond the wanted instances
_INIT_LIMIT_S = 120.0  # fifty starts at once share this machine's processors
_FILL_HOLD_MS = 2000
_ANSWERED_WITHIN_S = 60.0


@dataclass(frozen=True)
class Reach:
    """One run: distinct instances that served a call of it, its calls, and its duration."""

    instances: int
    calls: int
    run_s: float


async def ours(cloud: SmallCloud, count: int) -> None:
    """Run the warmer of `lambda_src/warmer`."""
    await cloud.warm(instances=count)


def peer(flag: str) -> Callable[[SmallCloud, int], Awaitable[None]]:
    """Return a run of lambda-warmer-py whose decorator has this flag."""

    async def run(cloud: SmallCloud, count: int) -> None:
        await cloud.call({flag: True, "concurrency": count})

    return run


WARMERS: Mapping[str, Callable[[SmallCloud, int], Awaitable[None]]] = {
    OURS: ours,
    PEER: peer("warmer"),
    PATIENT: peer("patient_warmer"),
}


async def compare(python: Path, counts: Sequence[int], runs: int) -> AsyncIterator[Record]:
    """Run the warmers in turns on the same instances, from an empty pool and from a warm one.

    Args:
        python: an interpreter with lambda-warmer-py and AWS's runtime client.
        counts: numbers of instances to wake.
        runs: runs of each warmer from an empty pool, for each number; three times as many follow
            from a pool with as many idle instances as are wanted.
    """
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            async with small_cloud(
                Path(folder), concurrency=count + _ROOM, init_limit_s=_INIT_LIMIT_S
            ) as cloud:
                cloud.spec = replace(
                    cloud.spec, handler=HANDLER, command=instance_command(python, HANDLER)
                )
                found = await _runs(cloud, count, runs)
        for record in _records(found, count):
            yield record


async def _runs(cloud: SmallCloud, count: int, runs: int) -> dict[tuple[str, str], list[Reach]]:
    found: dict[tuple[str, str], list[Reach]] = {
        (name, start): [] for name in WARMERS for start in (EMPTY, WARM)
    }
    for _ in range(runs):
        for first in WARMERS:
            await cloud.pool.end_all("a run from an empty pool")
            found[first, EMPTY].append(await _reach(cloud, first, count))
            await _fill(cloud, count)
            for name in WARMERS:
                found[name, WARM].append(await _reach(cloud, name, count))
    return found


async def _reach(cloud: SmallCloud, name: str, count: int) -> Reach:
    before = _calls(cloud)
    begun_s = time.monotonic()
    await WARMERS[name](cloud, count)
    run_s = time.monotonic() - begun_s
    # The peer's calls are asynchronous, and may come after its answer.
    deadline_s = time.monotonic() + _ANSWERED_WITHIN_S
    while time.monotonic() < deadline_s:
        made = sum(_calls(cloud).values()) - sum(before.values())
        if made >= count and all(each.state is State.IDLE for each in cloud.pool.instances()):
            break
        await asyncio.sleep(0.05)
    more = {each: calls - before.get(each, 0) for each, calls in _calls(cloud).items()}
    return Reach(sum(calls > 0 for calls in more.values()), sum(more.values()), run_s)


def _calls(cloud: SmallCloud) -> dict[str, int]:
    return {each.id: each.calls for each in cloud.pool.instances()}


async def _fill(cloud: SmallCloud, count: int) -> None:
    """Start instances until as many are idle as are wanted."""
    while len(cloud.pool.instances()) < count:
        until_ms = int(time.time() * 1000) + _FILL_HOLD_MS
        event: dict[str, Any] = {"method": "wakeup", "hold_until": until_ms}
        await asyncio.gather(*(cloud.call(event) for _ in range(count)))


def _records(found: Mapping[tuple[str, str], Sequence[Reach]], count: int) -> Iterator[Record]:
    for (name, start), reaches in found.items():
        instances = sorted(reach.instances for reach in reaches)
        values: dict[str, tuple[float, str]] = {
            "instances_reached": (statistics.median(instances), "1"),
            "exact_share": (sum(each == count for each in instances) / len(instances), "1"),
            "run_s": (statistics.median(reach.run_s for reach in reaches), "s"),
        }
        conditions = {
            "instances": count,
            "start": start,
            "reached": instances,
            "calls": sorted(reach.calls for reach in reaches),
            "function": "answering, no model, with boto3",
            "peer": "lambda-warmer-py 0.6.0",
        }
        for metric, (value, unit) in values.items():
            yield Record(
                name=name,
                metric=metric,
                value=value,
                unit=unit,
                kind="measured",
                conditions=conditions,
                command=COMMAND,
                machine=machine(),
                date=today(),
                samples=len(reaches),
            )
