"""Simulation of the warming policies for all users, as records."""

from collections.abc import Iterable, Iterator

from lab.bench.warming.policies import (
    PERIOD_S,
    SERVICE_S,
    Policy,
    scenarios_of,
)
from lab.bench.warming.workloads import WORKLOADS, Workload
from lab.oracle import reference
from lab.oracle.warmer import OtherPolicy
from warmlens.planner.bill import total_usd
from warmlens.planner.cost import Deployment, warming_items
from warmlens.planner.outcome import Outcome, Outcomes
from warmlens.planner.scenario import Scenario
from warmlens.planner.simulate import simulate
from warmlens.planner.traffic import DAY_S
from warmlens.prices import read_prices
from warmlens.records import Record, today
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

COMMAND = "python -m lab bench warming"
INSTANCES = 5
MEMORY_MB = MEMORY_MB_PER_VCPU


def compare(workloads: Iterable[Workload] = WORKLOADS, *, seed: int = 1) -> Iterator[Record]:
    """Simulate the policies with the same calls and yield their records.

    Args:
        workloads: the users.
        seed: seed of the first simulation; each further one has the next seed.
    """
    for workload in workloads:
        for name, scenario in scenarios_of(workload).items():
            yield from _records(name, workload, simulated(scenario, workload, seed), seed)


def simulated(scenario: Scenario, workload: Workload, seed: int = 1) -> Outcomes:
    """Return the outcomes of all simulations of a workload."""
    total, horizon_s = Outcomes(), workload.horizon_s
    for each in range(seed, seed + workload.seeds):
        if isinstance(scenario.warming, OtherPolicy):  # the kernel has only our own rounds
            arrivals = workload.traffic.arrivals(each, horizon_s)
            outcome = reference.simulate(scenario, arrivals, horizon_s=horizon_s, seed=each)
        else:
            outcome = simulate(scenario, workload.traffic, horizon_s=horizon_s, seed=each)
        total.add(outcome)
    return total


def cold_interval(outcomes: Outcomes) -> tuple[float, float] | None:
    """Return the 95 % interval of the share of cold starts; None for one simulation alone.

    Users of one simulation share its instances: how simulations differ widens the interval.
    """
    if outcomes.times < 2:
        return None
    share = outcomes.cold_share()
    return round(share.low, 6), round(share.high, 6)


def usd_per_month(outcome: Outcome, *, snapstart: bool = False) -> float:
    """Return the cost of warming in 30 days, at the prices of us-east-1."""
    what = Deployment(memory_mb=MEMORY_MB, snapstart=snapstart)
    return total_usd(warming_items(outcome, what, read_prices()))


def _records(name: str, workload: Workload, outcomes: Outcomes, seed: int) -> Iterator[Record]:
    outcome = outcomes.total
    days = outcome.horizon_s / DAY_S
    conditions = {
        "workload": workload.name,
        "instances": workload.instances,
        "period_s": PERIOD_S,
        "days": round(days, 2),
        "seed": seed,
        "init_s": workload.init_s,
        "service_s": SERVICE_S,
        "memory_mb": MEMORY_MB,
    }
    usd = usd_per_month(outcome, snapstart=name == Policy.SNAPSTART)
    p50, p95, p99, worst = (outcome.percentile_ms(percent) for percent in (50, 95, 99, 100))
    values: tuple[tuple[str, float, str, float | None, float | None], ...] = (
        ("cold_share", outcome.cold_share, "1", None, None),
        ("slowed_by_round_share", outcome.slowed_share, "1", None, None),
        ("latency_ms", p50, "ms", p95, p99),
        ("longest_ms", worst, "ms", None, None),
        ("held_instance_s_per_day", outcome.held_s / days, "s", None, None),
        ("pings_per_day", outcome.pings / days, "1", None, None),
        ("wakes_per_day", outcome.wakes / days, "1", None, None),
        ("warming_usd_per_month", usd, "USD", None, None),
    )
    for metric, value, unit, p95_value, p99_value in values:
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
            samples=outcome.served,
            interval=cold_interval(outcomes) if metric == "cold_share" else None,
            p95=p95_value,
            p99=p99_value,
        )
