"""Simulation of all warming policies under all workloads, as records."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lab.bench.warming.arrivals import Workload, bursts, day_profile, poisson
from lab.bench.warming.policies import PERIOD_S, policies
from lab.bench.warming.simulation import (
    CONCURRENCY,
    MEMORY_MB,
    Times,
    days_of,
    simulate,
    usd_per_month,
)
from warmlens.planner.outcome import Outcome
from warmlens.records import Record, today

COMMAND = "python -m lab bench warming"
INSTANCES = 5


@dataclass(frozen=True)
class Case:
    """A workload and its number of simulated days; rare arrivals need more days."""

    days: int
    workload: Callable[[int], Workload]


CASES = (
    Case(100, lambda seed: poisson(2, seed)),
    Case(50, lambda seed: poisson(12, seed)),
    Case(20, lambda seed: poisson(60, seed)),
    Case(10, lambda seed: poisson(360, seed)),
    Case(50, lambda seed: bursts(1, seed)),
    Case(20, lambda seed: bursts(5, seed)),
    Case(10, lambda seed: bursts(10, seed)),
    Case(5, lambda seed: bursts(50, seed)),
    Case(20, lambda seed: day_profile(120, seed)),
)


def compare(
    cases: Iterable[Case] = CASES, *, instances: int = INSTANCES, seed: int = 1
) -> Iterator[Record]:
    """Simulate every policy under the same arrivals and yield its records.

    Args:
        cases: the workloads.
        instances: the number of instances that each policy aims to keep warm.
        seed: seed of the first day; each further day has the next seed.
    """
    for case in cases:
        for policy in policies(instances):
            outcome = Outcome()
            name = ""
            for day in range(case.days):
                workload = case.workload(seed + day)
                name = workload.name
                simulate(workload, policy, outcome, seed=seed + day)
            yield from _records(policy.name, name, outcome, instances, seed)


def _records(
    policy: str, workload: str, outcome: Outcome, instances: int, seed: int
) -> Iterator[Record]:
    times = Times()
    conditions = {
        "workload": workload,
        "instances": instances,
        "period_s": PERIOD_S,
        "days": round(days_of(outcome)),
        "seed": seed,
        "cold_start_s": times.cold_start_s,
        "service_s": times.service_s,
        "idle_expiry_s": [times.lifetimes.shortest_idle_s, times.lifetimes.longest_idle_s],
        "lifetime_s": [times.lifetimes.shortest_lifetime_s, times.lifetimes.longest_lifetime_s],
        "concurrency": CONCURRENCY,
        "memory_mb": MEMORY_MB,
    }

    def record(
        metric: str, value: float, unit: str, p95: float | None = None, p99: float | None = None
    ) -> Record:
        return Record(
            name=policy,
            metric=metric,
            value=value,
            unit=unit,
            kind="simulated",
            conditions=conditions,
            command=COMMAND,
            machine="",
            date=today(),
            samples=outcome.served,
            p95=p95,
            p99=p99,
        )

    p50, p95, p99 = (outcome.percentile_ms(percent) for percent in (50, 95, 99))
    yield record("cold_share", outcome.cold_share, "1")
    yield record("slowed_by_round_share", outcome.slowed_share, "1")
    yield record("latency_ms", p50, "ms", p95=p95, p99=p99)
    yield record("held_instance_s_per_day", outcome.held_s / days_of(outcome), "s")
    yield record("pings_per_day", outcome.pings / days_of(outcome), "1")
    yield record("warming_usd_per_month", usd_per_month(outcome), "USD")
