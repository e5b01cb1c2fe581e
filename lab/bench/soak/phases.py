"""The soak: capacity, 80 % of it for long, three times as much, and back."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from lab.bench.soak.load import CALL_TIMEOUT_S, Answered, Load, percentile
from lab.bench.soak.usage import Usage
from warmlens.records import Record, machine, today

COMMAND = "python -m lab bench soak"
CLIENTS = 8
LOAD_SHARE = 0.8
STEP_FACTOR = 3
IN_A_ROW = 20  # calls answered as fast as before, one after another: the service has recovered


class NoCapacityError(Exception):
    """The service answered nothing, so there is no load to hold."""


@dataclass(frozen=True, kw_only=True)
class Durations:
    """How long each phase lasts, in seconds.

    Attributes:
        capacity_s: calls by as many clients as the service bears.
        steady_s: 80 % of what came of that.
        step_s: three times as much.
        recovery_s: 80 % again.
        settle_s: no calls, until what is used is looked at; connections are closed after 15 to 30.
    """

    capacity_s: float
    steady_s: float
    step_s: float
    recovery_s: float
    settle_s: float


async def soak(
    url: str, durations: Durations, *, used: Callable[[], Mapping[str, Usage]], seed: int
) -> AsyncIterator[Record]:
    """Load a running local cloud, phase after phase.

    Args:
        url: root of its API.
        durations: how long each phase lasts.
        used: what its processes use now.
        seed: draws the arrivals.

    Raises:
        NoCapacityError: no call was answered.
    """
    chance = random.Random(seed)
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        load = Load(url, session)
        await load.closed(clients=CLIENTS, duration_s=durations.capacity_s / 2)  # warms up
        calls = await load.closed(clients=CLIENTS, duration_s=durations.capacity_s)
        answered = [each for each in calls if each.status == 200]
        if not answered:
            raise NoCapacityError("no call was answered while the capacity was measured")
        # Refusals are no capacity: a fast machine meets the API's throttle before its own limit.
        capacity_rps = len(answered) / durations.capacity_s
        expected = answered[-1].class_id
        for record in _outcome("capacity", calls, expected, {"clients": CLIENTS}):
            yield record
        yield _record("capacity", "capacity_rps", capacity_rps, "1/s", {"clients": CLIENTS})

        before = used()
        steady_ms = 0.0
        phases = (
            ("steady", LOAD_SHARE, durations.steady_s),
            ("step", STEP_FACTOR, durations.step_s),
            ("recovery", LOAD_SHARE, durations.recovery_s),
        )
        for name, factor, duration_s in phases:
            rate_rps = capacity_rps * factor
            calls = await load.open(rate_rps=rate_rps, duration_s=duration_s, chance=chance)
            conditions = {"rate_rps": round(rate_rps, 1), "duration_s": duration_s}
            for record in _outcome(name, calls, expected, conditions):
                yield record
            if name == "steady":
                good_ms = [each.latency_ms for each in calls if each.status == 200]
                steady_ms = percentile(good_ms, 0.99) if good_ms else 0.0
                for record in _growth("steady", before, used()):
                    yield record
        recovered_s = recovered_after_s(calls, steady_ms)
        within = {"within_ms": round(steady_ms), "in_a_row": IN_A_ROW}
        yield _record("recovery", "recovered", recovered_s is not None, "1", within)
        if recovered_s is not None:
            yield _record("recovery", "recovered_after_s", recovered_s, "s", within)
        await asyncio.sleep(durations.settle_s)
        for record in _growth("whole", before, used()):
            yield record


def recovered_after_s(calls: list[Answered], within_ms: float) -> float | None:
    """Return when the service was as before: twenty answers in a row within this time.

    Args:
        calls: those of the phase after the step, in any order.
        within_ms: the time.

    Returns:
        When the first of the twenty was sent, in seconds since the step ended; None if there were
        no twenty.
    """
    in_a_row = 0
    ordered = sorted(calls, key=lambda each: each.sent_s)
    for number, call in enumerate(ordered):
        in_a_row = in_a_row + 1 if call.status == 200 and call.latency_ms <= within_ms else 0
        if in_a_row == IN_A_ROW:
            return ordered[number - IN_A_ROW + 1].sent_s
    return None


def _outcome(
    name: str, calls: list[Answered], expected: str | None, conditions: dict[str, Any]
) -> list[Record]:
    good = [each for each in calls if each.status == 200]
    counts = {
        "calls": len(calls),
        "answered": len(good),
        "throttled": sum(each.status == 429 for each in calls),
        "other_errors": sum(each.status not in (200, 429) for each in calls),
        "wrong_class": sum(each.class_id != expected for each in good),
    }
    records = [_record(name, metric, count, "1", conditions) for metric, count in counts.items()]
    for metric, answers in (
        ("latency_ms", good),
        ("refusal_ms", [each for each in calls if each.status == 429]),
    ):
        times_ms = [each.latency_ms for each in answers]
        if times_ms:
            slowest = {**conditions, "max_ms": round(max(times_ms))}
            records.append(
                _record(name, metric, percentile(times_ms, 0.5), "ms", slowest, times_ms)
            )
    return records


def _growth(name: str, before: Mapping[str, Usage], after: Mapping[str, Usage]) -> list[Record]:
    none = Usage(0, 0, 0)
    records = []
    for kind in sorted({*before, *after}):
        was, now = asdict(before.get(kind, none)), asdict(after.get(kind, none))
        records += [
            _record(
                name,
                f"{kind}_{what}",
                now[what],
                "MiB" if what == "rss_mb" else "1",
                {"before": round(was[what], 1)},
            )
            for what in was
        ]
    return records


def _record(
    name: str,
    metric: str,
    value: float,
    unit: str,
    conditions: dict[str, Any],
    samples: list[float] | None = None,
) -> Record:
    return Record(
        name=name,
        metric=metric,
        value=round(value, 3),
        unit=unit,
        kind="measured",
        conditions=conditions,
        command=COMMAND,
        machine=machine(),
        date=today(),
        samples=len(samples) if samples else None,
        p95=percentile(samples, 0.95) if samples else None,
        p99=percentile(samples, 0.99) if samples else None,
    )
