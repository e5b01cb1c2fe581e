"""Benchmark of the first visitor's wait, beside a later visitor's in the same run."""

import random
import statistics
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from lab import markdown
from lab.bench.first_visitor.cloud import VisitedCloud, visited_cloud
from lab.bench.first_visitor.link import PhoneLink
from lab.bench.first_visitor.visits import (
    API_ONLY,
    LATER,
    LATER_DIRECT,
    VISITORS,
    Visit,
    Visitor,
    visit,
)
from lab.bench.speed.photos import photo
from lab.markdown import figure_cell, measured_by, ratio_cell, ratio_interval_of, reached_cell
from lab.statistics import ratio_of, summary
from warmlens.planner.assumptions import PLATFORM
from warmlens.records import Record, machine, today
from warmlens.runtime.isolation import PERIOD_MS

COMMAND = "python -m lab bench first-visitor"
PLATFORM_MS = (0, *(round(1000 * PLATFORM.quantile_s(share)) for share in (0.5, 0.975)))
"""None, and what the planner assumes of half of the starts, and of one in forty."""
TARGET = 1.2
_PHOTO_MEGAPIXELS = 2.0

Case = tuple[Visitor, float]  # a visitor and the pause before the tap
CASES: list[Case] = [(each, pause_s) for each in VISITORS for pause_s in each.pauses_s]


async def measure_visits(platform_ms: Sequence[int], rounds: int) -> AsyncIterator[Record]:
    """Visit the page in turns, as each kind of visitor.

    Args:
        platform_ms: Lambda's own part of a cold start in ms; each value by itself.
        rounds: visits of each kind, for each value.

    Raises:
        WarmlensError: the local cloud cannot start, or a visit failed.
    """
    link, picture = PhoneLink(), photo(_PHOTO_MEGAPIXELS)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            visited_cloud(Path(folder)) as cloud,
            link.to(cloud.url) as api_url,
            link.to(cloud.storage_url) as storage_url,
        ):

            async def one(visitor: Visitor, pause_s: float) -> Visit:
                return await visit(
                    cloud, visitor, pause_s, picture, api_url=api_url, storage_url=storage_url
                )

            # Byte-compiles and fills the page cache.
            for visitor in VISITORS:
                await one(visitor, 0.0)
            for each_ms in platform_ms:
                visits = await _visits(cloud, one, each_ms, rounds)
                conditions = {
                    "platform_ms": each_ms,
                    "round_trip_ms": link.round_trip_s * 1000,
                    "up_mbit_per_s": link.up_mbit_per_s,
                    "handshakes": link.handshakes,
                    "photo_bytes": len(picture),
                    "period_ms": PERIOD_MS,
                }
                for case in CASES:
                    yield _record(case, visits, conditions)


async def _visits(
    cloud: VisitedCloud,
    one: Callable[[Visitor, float], Awaitable[Visit]],
    platform_ms: int,
    rounds: int,
) -> dict[Case, list[Visit]]:
    cloud.platform_s = platform_ms / 1000
    visits: dict[Case, list[Visit]] = defaultdict(list)
    first = [case for case in CASES if case[0].finds_cold]
    later = [case for case in CASES if not case[0].finds_cold]
    for number in range(rounds):
        # In another order each round, so that a change of the machine's load meets all alike.
        for case in random.Random(number).sample(first, len(first)):
            visits[case].append(await one(*case))
            if case[0] == API_ONLY:  # whose instances later visitors find
                for each in later:
                    visits[each].append(await one(*each))
    return visits


def _record(case: Case, visits: dict[Case, list[Visit]], conditions: dict[str, float]) -> Record:
    visitor, pause_s = case
    waits_ms = [each.wait_ms for each in visits[case]]
    later = LATER if visitor.uploads else LATER_DIRECT
    later_ms = [each.wait_ms for each in visits[later, later.pauses_s[0]]]
    parts = visits[case][0].parts_ms
    ratio = ratio_of(waits_ms, later_ms)
    return Record(
        name=visitor.name,
        metric="wait_ms",
        unit="ms",
        kind="measured",
        conditions={
            **conditions,
            "pause_s": pause_s,
            "parts_ms": {
                part: statistics.median(each.parts_ms[part] for each in visits[case])
                for part in parts
            },
            "cold_classifications": sum(each.cold_start for each in visits[case]),
        },
        command=COMMAND,
        machine=machine(),
        date=today(),
        ratio=ratio.value,
        ratio_to=later.name,
        ratios={later.name: ratio.fields},
        **summary(waits_ms),
    )


def table(records: Sequence[Record]) -> str:
    """Return the waits as a Markdown table, with machine, date and command."""
    head = records[0]
    times_ms = list(dict.fromkeys(each.conditions["platform_ms"] for each in records))
    cells = {
        (each.name, each.conditions["pause_s"], each.conditions["platform_ms"]): each
        for each in records
    }
    rows = []
    for name, pause_s in dict.fromkeys((each, pause) for each, pause, _ in cells):
        of_time = [cells[name, pause_s, each_ms] for each_ms in times_ms]
        rows.append((name, f"{pause_s:g}", *(_cell(each) for each in of_time), _reached(of_time)))
    columns = " | ".join(f"platform time {each_ms:,} ms" for each_ms in times_ms)
    interval = (
        ", each with its 95 % interval (bootstrap)"
        if ratio_interval_of(head)
        else f"; {head.samples} are too few for an interval"
    )
    return (
        f"{measured_by(records)}; medians of {head.samples} visits of each kind in one run, in "
        f"turns, with the ratio to a later visitor's wait{interval}.\n\n"
        + markdown.table(f"visitor | pause, s | {columns} | at most {TARGET:g} times", rows)
    )


def _reached(records: Sequence[Record]) -> str:
    """Return whether the ratios reach the target, or at which platform times some do."""
    if any(each.name == each.ratio_to for each in records):
        return ""
    found: dict[str, list[str]] = {}
    for each in records:
        assert each.ratio is not None
        reached = reached_cell(each.ratio, ratio_interval_of(each), TARGET)
        found.setdefault(reached, []).append(f"{each.conditions['platform_ms']:,}")
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{reached} at {', '.join(at_ms)} ms" for reached, at_ms in found.items())


def _cell(record: Record) -> str:
    text = f"{figure_cell(record.value, record.interval, ',.0f')} ms"
    return text if record.name == record.ratio_to else f"{text}, {ratio_cell(record)}"
