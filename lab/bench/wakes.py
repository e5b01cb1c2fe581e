"""Benchmark of wakes ahead: what a hold gains for users who come together, and what it costs."""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.bench.small_cloud import SmallCloud, small_cloud
from lab.intervals import Interval, median_interval, share_interval
from lab.markdown import figure_cell, measured_by
from warmlens.planner.statistics import share
from warmlens.records import Record, machine, today
from warmlens.runtime.instance import State

COMMAND = "python -m lab bench wakes"
HOLDS_MS = (0, 50, 100, 200, 400)
GROUPS = (5, 10)
UPLOAD_S = 1.0  # from a wake to the call of the same user
SERVICE_MS = 50
OTHER_AFTER_S = 0.03  # from a wake to the call of somebody else
_ROOM = 16


@dataclass(frozen=True)
class Group:
    """One group of users.

    Attributes:
        woken: distinct instances that served their wakes.
        cold: their calls that waited for a new instance.
        latencies_ms: of their calls.
        other_cold: whether somebody else's call, sent shortly after one wake, was cold.
    """

    woken: int
    cold: int
    latencies_ms: tuple[float, ...]
    other_cold: bool


async def measure_wakes(runs: int) -> AsyncIterator[Record]:
    """Let groups of users wake instances ahead and call, with each hold in turns.

    Each run begins with one warm instance. Before it, on one warm instance too, one wake is sent
    and then a call of somebody else, whose photo was already uploaded.

    Args:
        runs: runs for each group and hold.
    """
    with tempfile.TemporaryDirectory() as folder:
        async with small_cloud(Path(folder), concurrency=2 * max(GROUPS) + _ROOM) as cloud:
            for size in GROUPS:
                found: dict[int, list[Group]] = {hold_ms: [] for hold_ms in HOLDS_MS}
                for _ in range(runs):
                    for hold_ms in HOLDS_MS:
                        found[hold_ms].append(await _group(cloud, size, hold_ms))
                for record in _records(found, size):
                    yield record


async def _group(cloud: SmallCloud, size: int, hold_ms: int) -> Group:
    await _one_warm(cloud)
    await cloud.send(_wake(hold_ms))
    await asyncio.sleep(OTHER_AFTER_S)
    other = await cloud.call({"sleep_time": SERVICE_MS})

    await _one_warm(cloud)
    before = {each.id: each.calls for each in cloud.pool.instances()}
    await asyncio.gather(*(cloud.send(_wake(hold_ms)) for _ in range(size)))
    await asyncio.sleep(UPLOAD_S)
    await _idle(cloud)
    woken = sum(each.calls > before.get(each.id, 0) for each in cloud.pool.instances())
    calls = await asyncio.gather(*(_timed_call(cloud) for _ in range(size)))
    cold = sum(was_cold for was_cold, _ in calls)
    return Group(woken, cold, tuple(taken_ms for _, taken_ms in calls), other["cold_start"])


def _wake(hold_ms: int) -> dict[str, object]:
    return {"method": "wakeup", "sleep_time": hold_ms}


async def _one_warm(cloud: SmallCloud) -> None:
    await _idle(cloud)
    await cloud.pool.end_all("a run with one warm instance")
    await cloud.call(_wake(0))


async def _idle(cloud: SmallCloud) -> None:
    """Wait until no call is in progress; the pool has no event for it."""
    while any(each.state is not State.IDLE for each in cloud.pool.instances()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def _timed_call(cloud: SmallCloud) -> tuple[bool, float]:
    begun_s = asyncio.get_running_loop().time()
    answer = await cloud.call({"sleep_time": SERVICE_MS})
    return answer["cold_start"], (asyncio.get_running_loop().time() - begun_s) * 1000


def _records(found: Mapping[int, Sequence[Group]], size: int) -> Iterator[Record]:
    for hold_ms, groups in found.items():
        conditions = {
            "users": size,
            "hold_ms": hold_ms,
            "upload_s": UPLOAD_S,
            "service_ms": SERVICE_MS,
            "other_after_s": OTHER_AFTER_S,
            "woken": sorted(group.woken for group in groups),
            "function": "answering, no model",
        }
        latencies_ms = [taken_ms for group in groups for taken_ms in group.latencies_ms]
        runs, calls = len(groups), len(latencies_ms)
        all_woken = [float(group.woken) for group in groups]
        woken = statistics.median(all_woken)
        cold = sum(group.cold for group in groups)
        others_cold = sum(group.other_cold for group in groups)
        # Calls of one group share its instances, so that groups are what differs.
        cold_share = share([group.cold for group in groups], [size] * runs)
        others = share_interval(others_cold, runs)
        values: tuple[tuple[str, float, str, int, Interval | None], ...] = (
            ("instances_woken", woken, "1", runs, median_interval([[each] for each in all_woken])),
            ("cold_share", cold / calls, "1", calls, (cold_share.low, cold_share.high)),
            ("others_cold_share", others_cold / runs, "1", runs, others),
            ("latency_ms", statistics.median(latencies_ms), "ms", calls, None),
        )
        for metric, value, unit, samples, interval in values:
            yield Record(
                name="wake ahead",
                metric=metric,
                value=value,
                unit=unit,
                kind="measured",
                conditions=conditions,
                command=COMMAND,
                machine=machine(),
                date=today(),
                samples=samples,
                interval=interval,
            )


def wakes_table(records: Sequence[Record]) -> str:
    """Return the table of wakes ahead by their hold."""
    woken = [each for each in records if each.metric == "instances_woken"]
    too_short = [each for each in woken if each.value < each.conditions["users"]]
    enough_ms = min(
        each.conditions["hold_ms"]
        for each in woken
        if all(each.conditions["hold_ms"] > short.conditions["hold_ms"] for short in too_short)
    )
    lines = [
        f"{measured_by(records)}, {woken[0].samples} runs of each. From a hold of {enough_ms} ms "
        "on, the median group wakes as many instances as it has users.",
        "",
        "| users at once | hold, ms | instances woken, median | their calls that were cold "
        "| calls of others that were cold |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for key in dict.fromkeys((r.conditions["users"], r.conditions["hold_ms"]) for r in records):
        same = {
            each.metric: each
            for each in records
            if (each.conditions["users"], each.conditions["hold_ms"]) == key
        }
        count, *shares = (
            same[metric] for metric in ("instances_woken", "cold_share", "others_cold_share")
        )
        cells = [
            figure_cell(count.value, count.interval, "g"),
            *(figure_cell(share.value, share.interval, ".0%") for share in shares),
        ]
        lines.append(f"| {key[0]} | {key[1]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
