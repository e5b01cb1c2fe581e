"""Simulation of one warming policy under one workload."""

import random
from dataclasses import dataclass, field

from lab.bench.warming.arrivals import DAY_S, Workload
from lab.bench.warming.policies import PERIOD_S, Policy
from lab.oracle.reference import simulate as simulate_model
from lab.oracle.warmer import OtherPolicy
from warmlens.planner.cost import Deployment, total_usd, warming_items
from warmlens.planner.distribution import constant
from warmlens.planner.outcome import Outcome
from warmlens.planner.scenario import InstanceLifetimes, Scenario, by_hour
from warmlens.prices import read_prices
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

MEMORY_MB = MEMORY_MB_PER_VCPU
CONCURRENCY = 1000
MONTH_D = 30
_NO_BUDGET_S = 1e9


@dataclass(frozen=True, kw_only=True)
class Times:
    """Assumed durations.

    Attributes:
        cold_start_s: from a call to the start of its work, on a new instance.
        service_s: one user's request on a warm instance.
        ping_s: a wakeup that does not hold.
        lifetimes: of instances.
    """

    cold_start_s: float = 1.5
    service_s: float = 0.1
    ping_s: float = 0.002
    lifetimes: InstanceLifetimes = field(default_factory=InstanceLifetimes)


def scenario_of(policy: Policy, times: Times) -> Scenario:
    """Return a policy as a scenario of the planner."""
    warming = OtherPolicy(
        by_hour=by_hour(policy.pings),
        period_s=PERIOD_S,
        spacing_s=policy.spread_s / max(1, policy.pings - 1),
        hold_s=policy.hold_s,
        shared_deadline=policy.shared_deadline,
        rounds=policy.rounds,
        budget_s=_NO_BUDGET_S,
        wakeup_s=times.ping_s,
    )
    return Scenario(
        init=constant(times.cold_start_s),
        service=constant(times.service_s),
        lifetimes=times.lifetimes,
        concurrency=CONCURRENCY,
        provisioned_by_hour=by_hour(policy.provisioned),
        warming=warming if policy.pings else None,
    )


def simulate(
    workload: Workload, policy: Policy, outcome: Outcome, *, seed: int, times: Times | None = None
) -> None:
    """Add a day of the workload to the outcome.

    Args:
        workload: the users.
        policy: the warming policy.
        outcome: the outcome that the day is added to.
        seed: draws each instance's idle expiry and lifetime.
        times: the assumed durations.
    """
    simulate_model(
        scenario_of(policy, times or Times()),
        (moment for moment in workload.arrivals_s if moment < DAY_S),
        horizon_s=DAY_S,
        seed=seed,
        into=outcome,
        draw_lifetime=random.Random(seed).random,
    )


def days_of(outcome: Outcome) -> float:
    """Return the number of simulated days in an outcome."""
    return outcome.horizon_s / DAY_S


def usd_per_month(outcome: Outcome) -> float:
    """Return the cost of warming in 30 days, at the prices of us-east-1."""
    what = Deployment(memory_mb=MEMORY_MB)
    return total_usd(warming_items(outcome, what, read_prices()))
