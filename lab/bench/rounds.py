"""Benchmark of the warmer: how often it wakes exactly the wanted number of instances."""

import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from lab.bench.small_cloud import HOLD_MS, SmallCloud, small_cloud
from warmlens.records import Record, machine, today

COMMAND = "python -m lab bench rounds"
EMPTY_EVERY = 10
_ROOM = 16  # concurrency beyond the wanted instances


async def measure_rounds(counts: Sequence[int], runs: int) -> AsyncIterator[Record]:
    """Run the warmer repeatedly against a pool of real but cheap instances.

    Every tenth run begins with an empty pool, so that all its instances start cold.

    Args:
        counts: numbers of instances to wake.
        runs: runs for each number.
    """
    for count in counts:
        # A new cloud for each number, so that no instances are left from the one before.
        with tempfile.TemporaryDirectory() as folder:
            async with small_cloud(Path(folder), concurrency=count + _ROOM) as cloud:
                for record in await _measure(cloud, count, runs):
                    yield record


async def _measure(cloud: SmallCloud, count: int, runs: int) -> list[Record]:
    exact, rounds, told_wrong, holds_ms = 0, 0, 0, list[float]()
    for number in range(runs):
        if number % EMPTY_EVERY == 0:
            await cloud.pool.end_all("a run from an empty pool")
        answer = await cloud.warm(instances=count)
        report = answer.report or {"distinct": 0, "rounds": 0, "hold_ms": 0}
        exact += report["distinct"] == count
        told_wrong += report["distinct"] != len(cloud.pool.instances())
        rounds += report["rounds"]
        holds_ms.append(report["hold_ms"])
    conditions = {
        "instances": count,
        "longest_first_hold_ms": HOLD_MS,
        "function": "answering, no model",
        "empty_pool_every": EMPTY_EVERY,
    }

    def record(metric: str, value: float, unit: str = "1") -> Record:
        return Record(
            name="warmer",
            metric=metric,
            value=value,
            unit=unit,
            kind="measured",
            conditions=conditions,
            command=COMMAND,
            machine=machine(),
            date=today(),
            samples=runs,
        )

    return [
        record("exact_share", exact / runs),
        record("told_wrong_share", told_wrong / runs),
        record("rounds_per_run", rounds / runs),
        record("first_hold_ms", statistics.median(holds_ms), "ms"),
    ]
