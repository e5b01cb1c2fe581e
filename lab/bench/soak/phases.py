"""Phases of the soak test: 80 % of the capacity, three times the capacity, and 80 % again."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
import psutil

from lab.bench.soak.hostile import Draw, Mix, Tally, send
from lab.bench.soak.lost import LostInstances
from lab.load import Response, Timed, api_client, poisson_moments, post, send_at, send_in_loop
from lab.statistics import percentile
from warmlens.errors import WarmlensError
from warmlens.local.buckets import PAPER_PATH
from warmlens.records import Record, machine, today

COMMAND = "python -m lab bench soak"
CLIENTS = 8
LOAD_SHARE = 0.8
STEP_FACTOR = 3
IN_A_ROW = 20  # after this many calls as fast as before, the service has recovered
CLASSIFY = {"method": "classification", "file_path": PAPER_PATH}

Call = Timed[Response]


@dataclass(frozen=True, kw_only=True)
class Durations:
    """Durations of the phases in seconds.

    Attributes:
        capacity_s: closed load, which measures the capacity.
        steady_s: 80 % of the capacity.
        step_s: three times the capacity.
        recovery_s: 80 % again.
        settle_s: no calls, at most, until idle connections are closed, which takes 15 to 90 s.
    """

    capacity_s: float
    steady_s: float
    step_s: float
    recovery_s: float
    settle_s: float


@dataclass(frozen=True)
class Usage:
    """Resources used by all processes of one kind.

    Attributes:
        rss_mb: resident memory in MiB.
        files: open files, connections included.
        processes: number of processes.
    """

    rss_mb: float
    files: int
    processes: int


def usage(pid: int, emulator_pid: int) -> dict[str, Usage]:
    """Return the usage of `server` (the program and its pool), `emulator` and `instances`.

    Args:
        pid: the local cloud's process.
        emulator_pid: the emulator's, one of its children.
    """
    server = psutil.Process(pid)
    kinds = defaultdict(list)
    kinds["server"].append(server)
    for child in server.children(recursive=True):
        inside = child.pid == emulator_pid or emulator_pid in [up.pid for up in child.parents()]
        kinds["emulator" if inside else "instances"].append(child)
    return {kind: _sum(processes) for kind, processes in kinds.items()}


def _sum(processes: list[psutil.Process]) -> Usage:
    rss_bytes, files, count = 0, 0, 0
    for process in processes:
        try:
            with process.oneshot():
                rss, opened = process.memory_info().rss, process.num_fds()
        except psutil.NoSuchProcess:
            continue
        rss_bytes, files, count = rss_bytes + rss, files + opened, count + 1
    return Usage(rss_bytes / 2**20, files, count)


async def classify_in_loop(
    client: aiohttp.ClientSession, url: str, *, clients: int, duration_s: float
) -> list[Call]:
    """Keep a constant number of classifications in flight.

    Args:
        client: the HTTP client.
        url: root of the API.
        clients: number of calls in flight.
        duration_s: time after which no further call begins.
    """
    return await send_in_loop(
        lambda: post(client, f"{url}/classification", CLASSIFY),
        clients=clients,
        more=lambda _, elapsed_s: elapsed_s < duration_s,
    )


async def soak(
    url: str,
    durations: Durations,
    *,
    used: Callable[[], Mapping[str, Usage]],
    seed: int,
    rate_rps: float | None,
    mix: Mix,
    lost: LostInstances,
) -> AsyncIterator[Record]:
    """Load a running local cloud, phase by phase.

    Args:
        url: root of its API.
        durations: duration of each phase.
        used: returns the present usage of its processes.
        seed: draws the arrivals.
        rate_rps: calls a second before and after the step; 80 % of the capacity if None.
        mix: hostile photos among the calls.
        lost: counts the instances that are lost.

    Raises:
        WarmlensError: ``no_capacity``: no call was answered.
    """
    rng = random.Random(seed)
    tally = Tally()
    async with api_client() as client:
        half_s = durations.capacity_s / 2
        await classify_in_loop(client, url, clients=CLIENTS, duration_s=half_s)  # warms up
        calls = await classify_in_loop(
            client, url, clients=CLIENTS, duration_s=durations.capacity_s
        )
        answered = [each for each in calls if each.result.status == 200]
        if not answered:
            message = "No call was answered while the capacity was measured."
            raise WarmlensError("no_capacity", message)
        # Refused calls do not count: a fast machine reaches the API's throttle first.
        capacity_rps = len(answered) / durations.capacity_s
        expected = answered[-1].result.body.get("TOP1_ID")
        for record in _outcome("capacity", calls, expected, {"clients": CLIENTS}):
            yield record
        yield _record("capacity", "capacity_rps", capacity_rps, "1/s", {"clients": CLIENTS})

        before = used()
        steady_ms = 0.0
        steady_rps = capacity_rps * LOAD_SHARE if rate_rps is None else rate_rps
        phases = (
            ("steady", steady_rps, durations.steady_s),
            ("step", capacity_rps * STEP_FACTOR, durations.step_s),
            ("recovery", steady_rps, durations.recovery_s),
        )
        for name, phase_rps, duration_s in phases:
            moments_s = poisson_moments(phase_rps, duration_s, rng)
            draws = mix.draws(name, len(moments_s))

            async def classify(number: int, draws: list[Draw | None] = draws) -> Response:
                draw = draws[number]
                if draw is None:
                    return await post(client, f"{url}/classification", CLASSIFY)
                return await send(client, url, draw)

            all_calls = await send_at(moments_s, classify)
            calls = [call for call, draw in zip(all_calls, draws, strict=True) if draw is None]
            conditions = {"rate_rps": round(phase_rps, 1), "duration_s": duration_s}
            for record in _outcome(name, calls, expected, conditions):
                yield record
            hostile = [(draw, call) for call, draw in zip(all_calls, draws, strict=True) if draw]
            for record in _hostile_outcome(
                name, hostile, tally, {**conditions, "share": mix.share}
            ):
                yield record
            if name == "steady":
                good_ms = [each.latency_ms for each in calls if each.result.status == 200]
                steady_ms = percentile(good_ms, 99) if good_ms else 0.0
                for record in _growth("steady", before, used()):
                    yield record
        recovered_s = recovered_after_s(calls, steady_ms)
        within = {"within_ms": round(steady_ms), "in_a_row": IN_A_ROW}
        yield _record("recovery", "recovered", recovered_s is not None, "1", within)
        if recovered_s is not None:
            yield _record("recovery", "recovered_after_s", recovered_s, "s", within)
        after = await _settled(used, before, durations.settle_s)
        for record in _growth("whole", before, after):
            yield record
        lost.look()
        ids = {"instances": sorted(lost.ids)} if lost.ids else {}
        yield _record("whole", "lost_instances", len(lost.ids), "1", ids)
        drawn: dict[str, Any] = {"seed": mix.seed, "share": mix.share, "photos": tally.photos}
        for coding, code, count in tally.by_coding():
            which = {"coding": coding, "answer": code, **drawn}
            yield _record("hostile", "answers", count, "1", which)


async def _settled(
    used: Callable[[], Mapping[str, Usage]], before: Mapping[str, Usage], limit_s: float
) -> Mapping[str, Usage]:
    """Return the usage once server and emulator closed idle connections, or after the limit."""
    deadline_s = time.monotonic() + limit_s
    while True:
        after = used()
        settled = all(after[kind].files <= before[kind].files for kind in ("server", "emulator"))
        if settled or time.monotonic() >= deadline_s:
            return after
        await asyncio.sleep(1)


def recovered_after_s(calls: list[Call], within_ms: float) -> float | None:
    """Return the seconds until twenty answers in a row came within a limit.

    Args:
        calls: those of the phase after the step, in any order.
        within_ms: the limit.

    Returns:
        When the first of the twenty was sent, in seconds since the step ended; None if there were
        no twenty.
    """
    in_a_row = 0
    ordered = sorted(calls, key=lambda each: each.sent_s)
    for number, call in enumerate(ordered):
        in_a_row = in_a_row + 1 if call.result.status == 200 and call.latency_ms <= within_ms else 0
        if in_a_row == IN_A_ROW:
            return ordered[number - IN_A_ROW + 1].sent_s
    return None


def _outcome(
    name: str, calls: list[Call], expected: str | None, conditions: dict[str, Any]
) -> list[Record]:
    good = [each for each in calls if each.result.status == 200]
    counts = {
        "calls": len(calls),
        "answered": len(good),
        "throttled": sum(each.result.status == 429 for each in calls),
        "other_errors": sum(each.result.status not in (200, 429) for each in calls),
        "wrong_class": sum(each.result.body.get("TOP1_ID") != expected for each in good),
    }
    records = [_record(name, metric, count, "1", conditions) for metric, count in counts.items()]
    for metric, answers in (
        ("latency_ms", good),
        ("refusal_ms", [each for each in calls if each.result.status == 429]),
    ):
        times_ms = [each.latency_ms for each in answers]
        if times_ms:
            slowest = {**conditions, "max_ms": round(max(times_ms))}
            records.append(_record(name, metric, percentile(times_ms, 50), "ms", slowest, times_ms))
    return records


def _hostile_outcome(
    name: str, pairs: list[tuple[Draw, Call]], tally: Tally, conditions: dict[str, Any]
) -> list[Record]:
    if not pairs:
        return []
    wrong = tally.add(pairs)
    statuses = [call.result.status for _, call in pairs]
    served_ms = [call.latency_ms for _, call in pairs if call.result.status != 429]
    counts = {
        "hostile_calls": len(pairs),
        "hostile_answered": statuses.count(200),
        "hostile_refused": sum(400 <= each < 500 and each != 429 for each in statuses),
        "hostile_throttled": statuses.count(429),
    }
    records = [_record(name, metric, count, "1", conditions) for metric, count in counts.items()]
    about = {**conditions, "first": wrong["first"]} if wrong["first"] else conditions
    records.append(_record(name, "hostile_wrong", wrong["count"], "1", about))
    if served_ms:
        slowest = {**conditions, "max_ms": round(max(served_ms))}
        median_ms = percentile(served_ms, 50)
        records.append(_record(name, "hostile_ms", median_ms, "ms", slowest, served_ms))
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
        p95=percentile(samples, 95) if samples else None,
        p99=percentile(samples, 99) if samples else None,
    )
