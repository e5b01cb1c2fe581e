"""The plain-Python simulation: the oracle of `warmlens.planner.kernel`."""

import math
from collections.abc import Callable, Iterable

from lab.oracle.fleet import SimulatedFleet
from lab.oracle.random import Random, draw
from lab.oracle.warmer import Warmer
from warmlens.planner.outcome import HOURLY, Outcome, bin_of, rounded_up_ms
from warmlens.planner.rng import LIFETIMES, SERVICE, WAKE_SERVICE, WAKES
from warmlens.planner.scenario import (
    HOUR_S,
    SAMPLE_S,
    Scenario,
    WakeAhead,
    in_order,
    provisioned_s,
)


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
        arrivals_s: when users call, ascending, from 0 on; read one at a time, without wakes ahead.
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

    wake_service = Random(seed, WAKE_SERVICE)
    calls = in_order(arrivals_s, horizon_s)
    for now_s, kind in _events(calls, scenario.wake_ahead, Random(seed, WAKES)):
        while warmer and warmer.next_s() <= now_s:
            sample_until(warmer.next_s())
            warmer.act(fleet, outcome)
        sample_until(now_s)
        if kind == "call":
            _serve(scenario, now_s, fleet, service, outcome, warmer)
        else:
            assert scenario.wake_ahead
            work_s = draw(scenario.wake_ahead.service, wake_service)
            _wake(scenario.wake_ahead, now_s, kind == "a page", work_s, fleet, outcome)
    while warmer and warmer.next_s() < math.inf:
        sample_until(warmer.next_s())
        warmer.act(fleet, outcome)
    sample_until(horizon_s)
    outcome.instances += fleet.count
    outcome.horizon_s += horizon_s
    outcome.provisioned_instance_s += provisioned_s(scenario, horizon_s)
    return outcome


def _events(
    calls_s: Iterable[float], wake_ahead: WakeAhead | None, random: Random
) -> Iterable[tuple[float, str]]:
    """Return calls and their wakes in the order of time; at one moment, by their names."""
    if wake_ahead is None:
        return ((call_s, "call") for call_s in calls_s)
    events = []
    for call_s in calls_s:
        pause_s = draw(wake_ahead.pause, random) if wake_ahead.from_page else None
        upload_s = draw(wake_ahead.upload, random)
        if pause_s is not None:
            events.append((max(0.0, call_s - upload_s - pause_s), "a page"))
        if wake_ahead.from_upload:
            events.append((max(0.0, call_s - upload_s), "an upload"))
        events.append((call_s, "call"))
    return sorted(events)


def _wake(
    policy: WakeAhead,
    now_s: float,
    from_page: bool,
    work_s: float,
    fleet: SimulatedFleet,
    outcome: Outcome,
) -> None:
    held_s = 0.0

    def duration_s(begin_s: float) -> float:
        nonlocal held_s
        held_s = max(work_s, now_s + policy.hold_s - begin_s)
        return held_s

    outcome.wakes += 1
    outcome.page_wakes += from_page
    served = fleet.call(now_s, duration_s, synchronous=from_page)
    if served.instance is None:
        outcome.wakes_throttled += 1
        return
    billed_s = held_s
    if served.init_s is not None:
        outcome.wakes_cold += 1
        billed_s += served.init_s - served.platform_s
    outcome.wakes_s += held_s
    outcome.wakes_billed_ms += rounded_up_ms(billed_s)


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
    occupied_s = billed_s = work_s
    if served.init_s is not None:
        occupied_s = served.init_s + work_s
        billed_s = occupied_s - served.platform_s
        outcome.cold += 1
        outcome.hour_cold[hour] += 1
        outcome.init_s += served.init_s
        if warmer and warmer.holds_until_s > now_s:
            outcome.slowed += 1
    outcome.busy_s += occupied_s
    if served.instance < 0:
        outcome.provisioned_billed_ms += rounded_up_ms(billed_s)
    else:
        outcome.billed_ms += rounded_up_ms(billed_s)
    outcome.latency_s += served.end_s - now_s
    at = bin_of(served.end_s - now_s)
    outcome.latencies[at] = outcome.latencies.get(at, 0) + 1
