"""Simulations of a candidate: how many calls, in which windows, and what the whole traffic has."""

import math
from dataclasses import fields

from warmlens.planner.kernel import self_set_hold_s
from warmlens.planner.objective import Objective
from warmlens.planner.outcome import Outcome, rounded_up_ms
from warmlens.planner.scenario import (
    DAY_H,
    HOUR_S,
    SPACING_S,
    WAKEUP_S,
    PerEnvironmentLimit,
    Scenario,
    WarmingPolicy,
    provisioned_s,
)
from warmlens.planner.traffic import DAY_S

AMPLE, LEAST = 5, 2
"""A check simulates this many times the calls that suffice when all are fast and warm, and the
least where that takes more steps than `MOST_STEPS`."""
MOST_STEPS = 60_000
"""Calls and wakeups of a check."""
CHECK_WINDOWS = 24
LOOKS: tuple[int, ...] = (5, 10, 14, CHECK_WINDOWS)
"""Windows of a check, and their number at each look at the result."""
SCREEN_WINDOWS, SCREEN_PART = 6, 4
"""Windows of screening, and how much shorter they are."""
ENOUGH_RUNS = 30

_WARMER = (
    *("pings", "pings_cold", "pings_throttled", "held_s", "pings_init_s", "pings_billed_ms"),
    *("runs", "rounds", "runs_s"),
)


def calls_of_a_check(objective: Objective, scenario: Scenario, calls_per_s: float) -> int:
    """Return the number of calls that show whether a scenario meets an objective."""
    steps = 1.0
    if scenario.warming:
        policy = scenario.warming
        steps += sum(policy.by_hour) / DAY_H / policy.period_s / calls_per_s
    needed = objective.calls_needed
    return math.ceil(min(AMPLE * needed, max(LEAST * needed, MOST_STEPS / steps)))


def settling_s(scenario: Scenario) -> float:
    """Return the time in which calls in progress settle, and a quota of requests a second."""
    limited = scenario.per_environment_limit is PerEnvironmentLimit.ENVIRONMENT
    return max(1.5 if limited else 0.2, 5 * scenario.service.mean_s)


def planned(scenario: Scenario, horizon_s: float) -> Outcome:
    """Return what warming takes where users change nothing: one round a run, all instances warm."""
    outcome = Outcome(
        horizon_s=horizon_s, provisioned_instance_s=provisioned_s(scenario, horizon_s)
    )
    policy = scenario.warming
    if policy is None:
        return outcome
    day, runs = Outcome(), math.ceil(DAY_S / policy.period_s)
    for run in range(runs):
        count = _count(policy, run * policy.period_s)
        hold_s = self_set_hold_s(count) if policy.hold_s is None else policy.hold_s
        held = [max(WAKEUP_S, hold_s - number * SPACING_S) for number in range(count)]
        day.rounds += min(1, count)
        day.pings += count
        day.held_s += sum(held)
        day.pings_billed_ms += sum(map(rounded_up_ms, held))
        day.runs_s += max((number * SPACING_S + s for number, s in enumerate(held)), default=0)
    days = horizon_s / DAY_S
    outcome.runs, outcome.rounds = round(runs * days), round(day.rounds * days)
    outcome.pings, outcome.pings_billed_ms = (
        round(day.pings * days),
        round(day.pings_billed_ms * days),
    )
    outcome.held_s, outcome.runs_s = day.held_s * days, day.runs_s * days
    return outcome


def _count(policy: WarmingPolicy, now_s: float) -> int:
    moments = now_s, now_s + policy.period_s
    return max(policy.by_hour[int(each // HOUR_S) % DAY_H] for each in moments)


def of_the_traffic(
    outcome: Outcome, scenario: Scenario, *, calls: float, horizon_s: float
) -> Outcome:
    """Return what the whole traffic has, from windows of it.

    Args:
        outcome: the pooled windows.
        scenario: the scenario that was simulated.
        calls: calls of the traffic.
        horizon_s: its length.
    """
    whole = planned(scenario, horizon_s)
    by_calls = calls / max(1, outcome.requests)
    by_time = whole.runs / outcome.runs if outcome.runs >= ENOUGH_RUNS else 0.0
    for each in fields(Outcome):
        name, value = each.name, getattr(outcome, each.name)
        if isinstance(value, list | dict) or name in ("provisioned_instance_s", "horizon_s"):
            continue
        factor = 1.0 if name == "peak_busy" else by_time if name in _WARMER else by_calls
        if factor:
            setattr(
                whole, name, round(value * factor) if isinstance(value, int) else value * factor
            )
    # The mean of the times that were drawn is known.
    drawn_s, served = outcome.busy_s - outcome.init_s, outcome.served
    excess = (scenario.service.mean_s * served - drawn_s) * 1000 * by_calls
    name = "provisioned_billed_ms" if outcome.provisioned_billed_ms else "billed_ms"
    setattr(whole, name, max(0, round(getattr(whole, name) + excess)))
    return whole
