"""The plain-Python simulation: the oracle of `warmlens.planner.kernel`."""

import math
from collections.abc import Callable, Iterable

from lab.oracle.fleet import PROVISIONED, SimulatedFleet
from lab.oracle.random import Random, draw
from lab.oracle.warmer import Warmer
from warmlens.planner.outcome import HOURLY, Outcome, bin_of, rounded_up_ms
from warmlens.planner.rng import LIFETIMES, SERVICE
from warmlens.planner.scenario import HOUR_S, SAMPLE_S, Scenario, in_order, provisioned_s


def simulate(
    scenario: Scenario,
    arrivals_s: Iterable[float],
    *,
    horizon_s: float,
    seed: int,
    into: Outcome | None = None,
    draw_lifetime: Callable[[], float] | None = None,
    fleet: SimulatedFleet | None = None,
) -> Outcome:
    """Serve users' calls in the order of time.

    Args:
        scenario: the function, its limits and its warming.
        arrivals_s: when users call, ascending, from 0 on; read one at a time.
        horizon_s: duration; arrivals must come before it.
        seed: draws the times of service and the lives of instances.
        into: an outcome to add to, instead of a new one.
        draw_lifetime: draws the lifetimes of instances instead.
        fleet: serves the calls, instead of a new one of the scenario.

    Raises:
        WarmlensError: an arrival is before the one before it, negative, or not before the horizon.
    """
    outcome = into or Outcome()
    hours = math.ceil(horizon_s / HOUR_S)
    for counts in (getattr(outcome, name) for name in HOURLY):
        counts.extend([0] * (hours - len(counts)))
    outcome.busy_seen.extend([0] * (scenario.concurrency + 1 - len(outcome.busy_seen)))
    fleet = fleet or SimulatedFleet(scenario, draw_lifetime or Random(seed, LIFETIMES))
    warmer = Warmer(scenario.warming, horizon_s) if scenario.warming else None
    service = Random(seed, SERVICE)
    samples = 0

    def sample_until(now_s: float) -> None:
        nonlocal samples
        while (at_s := (samples + 0.5) * SAMPLE_S) <= now_s and at_s < horizon_s:
            hour = int(at_s // HOUR_S)
            outcome.hour_busy[hour] += fleet.busy(at_s)
            outcome.hour_alive[hour] += fleet.alive(at_s)
            outcome.hour_samples[hour] += 1
            samples += 1

    for now_s in in_order(arrivals_s, horizon_s):
        while warmer and warmer.next_s() <= now_s:
            sample_until(warmer.next_s())
            warmer.act(fleet, outcome)
        sample_until(now_s)
        _serve(scenario, now_s, fleet, service, outcome, warmer)
    while warmer and warmer.next_s() < math.inf:
        sample_until(warmer.next_s())
        warmer.act(fleet, outcome)
    sample_until(horizon_s)
    outcome.instances += fleet.count
    outcome.horizon_s += horizon_s
    outcome.provisioned_instance_s += provisioned_s(scenario, horizon_s)
    return outcome


def _serve(
    scenario: Scenario,
    now_s: float,
    fleet: SimulatedFleet,
    service: Random,
    outcome: Outcome,
    warmer: Warmer | None,
) -> None:
    # Drawn also for a refused call, so that later calls' times do not depend on the refusal.
    work_s = draw(scenario.service, service)
    hour = int(now_s // HOUR_S)
    outcome.requests += 1
    outcome.hour_requests[hour] += 1
    busy = fleet.busy(now_s)
    outcome.busy_seen[busy] += 1
    served = fleet.call(now_s, lambda _: work_s)
    if served.instance is None:
        outcome.throttled += 1
        outcome.hour_throttled[hour] += 1
        return
    outcome.peak_busy = max(outcome.peak_busy, min(busy + 1, scenario.concurrency))
    occupied_s = work_s
    if served.init_s is not None:
        occupied_s = served.init_s + work_s
        outcome.cold += 1
        outcome.hour_cold[hour] += 1
        outcome.init_s += served.init_s
        if warmer and warmer.holds_until_s > now_s:
            outcome.slowed += 1
    outcome.busy_s += occupied_s
    if served.instance == PROVISIONED:
        outcome.provisioned_billed_ms += rounded_up_ms(occupied_s)
    else:
        outcome.billed_ms += rounded_up_ms(occupied_s)
    outcome.latency_s += served.end_s - now_s
    at = bin_of(served.end_s - now_s)
    outcome.latencies[at] = outcome.latencies.get(at, 0) + 1
