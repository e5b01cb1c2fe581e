"""Simulation of the warmer's own choices, hold and instances, on two weeks of real traffic.

`warm_instances = "auto"` learns from week 1. Week 2 is compared with every number that could be
picked by hand. Days are simulated one by one, each from an empty pool.
"""

import heapq
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lab.bench.warming.comparison import usd_per_month
from lab.bench.warming.policies import FUNCTION, ping
from lab.bench.warming.traces import load_balancer
from lab.bench.warming.workloads import GROUP_S, PROGRAM_S, WEEK_S
from lab.oracle.fleet import SimulatedFleet
from lab.oracle.random import Random
from lab.oracle.warmer import Warmer
from warmlens.planner.outcome import Outcome
from warmlens.planner.rng import LIFETIMES
from warmlens.planner.scenario import WarmingPolicy
from warmlens.planner.simulate import simulate
from warmlens.planner.traffic import DAY_S
from warmlens.records import Record, today

COMMAND = "python -m lab bench chosen"
GROUP = 5
WITHIN_S = (PROGRAM_S, GROUP_S)
DAYS = 7
BY_HAND = (*range(13), 15, 20)
BOUNDS = (10, 20)  # of auto; 10 is the default of warm_instances_max
HOLDS_S = (0.1, 0.22, 0.4, None)  # None: the warmer finds it
HELD = 10  # instances for the comparison of holds


@dataclass(frozen=True)
class Moments:
    """Calls at given moments of one day."""

    moments_s: Sequence[float]
    description: str = "a day"

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Yield the moments; the seed has no effect."""
        yield from self.moments_s

    def expected(self, horizon_s: float) -> float:
        """Return the number of calls."""
        return float(len(self.moments_s))


@dataclass(frozen=True)
class Week:
    """The second week: its counts, and the instances that were kept each day."""

    outcome: Outcome
    instances: tuple[int, ...]


def compare(seeds: Sequence[int] = range(1, 4)) -> Iterator[Record]:
    """Simulate the second week with what is chosen and what is picked by hand.

    Args:
        seeds: seeds of the moments of the calls and of the instances' lifetimes.
    """
    for within_s in WITHIN_S:
        found: dict[str, list[Week]] = {}
        for seed in seeds:
            for name, week in _weeks(_days(within_s, seed), seed):
                found.setdefault(name, []).append(week)
        for name, weeks in found.items():
            yield from _records(name, weeks, within_s, list(seeds))


def _weeks(days: Sequence[Sequence[float]], seed: int) -> Iterator[tuple[str, Week]]:
    second = days[DAYS:]
    for hold_s in HOLDS_S:
        held = "that it finds" if hold_s is None else f"of {hold_s * 1000:.0f} ms"
        yield f"hold {held}", by_hand(second, HELD, seed, hold_s)
    for count in BY_HAND:
        yield f"{count} by hand", by_hand(second, count, seed)
    for bound in BOUNDS:
        yield f"auto, up to {bound}", auto(days, seed, bound)


def by_hand(
    days: Iterable[Sequence[float]], count: int, seed: int, hold_s: float | None = None
) -> Week:
    """Simulate days with one number of instances.

    Args:
        days: the moments of each day's calls.
        count: instances to keep.
        seed: seed of the instances' lifetimes.
        hold_s: the hold; the one that the warmer finds itself unless given.
    """
    scenario = replace(FUNCTION, warming=ping(count, hold_s) if count else None)
    total, number = Outcome(), 0
    for day in days:
        total.add(simulate(scenario, Moments(day), horizon_s=DAY_S, seed=seed))
        number += 1
    return Week(total, (count,) * number)


def auto(days: Sequence[Sequence[float]], seed: int, bound: int) -> Week:
    """Simulate `warm_instances = "auto"`: the most calls of users at once in seven days.

    The warmer asks every hour; here it asks every midnight. It begins with one instance.

    Args:
        days: the moments of each day's calls.
        seed: seed of the instances' lifetimes.
        bound: the most instances.
    """
    counts: list[int] = []
    peaks: list[int] = []
    total = Outcome()
    for number, day in enumerate(days):
        counts.append(max(1, min(max(peaks[-DAYS:], default=1), bound)))
        outcome, peak = day_with_peak(day, ping(counts[-1]), seed)
        peaks.append(peak)
        if number >= len(days) - DAYS:
            total.add(outcome)
    return Week(total, tuple(counts[-DAYS:]))


def day_with_peak(
    moments_s: Iterable[float], warming: WarmingPolicy, seed: int
) -> tuple[Outcome, int]:
    """Simulate a day, and count the most calls of users at once, without the warmer's.

    Args:
        moments_s: the moments of the users' calls.
        warming: the warmer's policy.
        seed: seed of the instances' lifetimes.
    """
    fleet = SimulatedFleet(FUNCTION, Random(seed, LIFETIMES))
    warmer, outcome = Warmer(warming, DAY_S), Outcome(horizon_s=DAY_S)
    (work_s,) = FUNCTION.service.values_s
    ends_s: list[float] = []
    peak = 0
    for now_s in moments_s:
        while warmer.next_s() <= now_s:
            warmer.act(fleet, outcome)
        served = fleet.call(now_s, lambda _: work_s)
        outcome.requests += 1
        outcome.throttled += served.instance is None
        outcome.cold += served.cold
        outcome.slowed += served.cold and warmer.holds_until_s > now_s
        while ends_s and ends_s[0] <= now_s:
            heapq.heappop(ends_s)
        heapq.heappush(ends_s, served.end_s)
        peak = max(peak, len(ends_s))
    while warmer.next_s() < DAY_S:
        warmer.act(fleet, outcome)
    return outcome, peak


def _days(within_s: float, seed: int) -> list[list[float]]:
    days: list[list[float]] = [[] for _ in range(2 * DAYS)]
    for moment_s in load_balancer(GROUP, within_s).arrivals(seed, 2 * WEEK_S):
        day, second_s = divmod(moment_s, DAY_S)
        days[int(day)].append(second_s)
    return days


def _records(
    name: str, weeks: Sequence[Week], within_s: float, seeds: list[int]
) -> Iterator[Record]:
    conditions = {
        "traffic": "load balancer, week 2",
        "group": GROUP,
        "within_s": within_s,
        "seeds": seeds,
        "instances": [week.instances for week in weeks],
        "cold_starts": [week.outcome.cold for week in weeks],
    }
    values = (
        ("cold_starts", statistics.fmean(week.outcome.cold for week in weeks), "1"),
        ("cold_in_rounds", statistics.fmean(week.outcome.slowed for week in weeks), "1"),
        (
            "warming_usd_per_month",
            statistics.fmean(usd_per_month(week.outcome) for week in weeks),
            "USD",
        ),
    )
    for metric, value, unit in values:
        yield Record(
            name=name,
            metric=metric,
            value=value,
            unit=unit,
            kind="simulated",
            conditions=conditions,
            command=COMMAND,
            machine="",
            date=today(),
            samples=len(weeks),
        )
