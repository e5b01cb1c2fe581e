"""Runs the compiled kernel: arrays from a scenario, chunks of arrivals, an outcome from arrays."""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from warmlens.planner import kernel as k
from warmlens.planner.kernel_arrivals import draw_arrivals
from warmlens.planner.kernel_chance import Floats, Ints, states_of
from warmlens.planner.outcome import BINS, Outcome
from warmlens.planner.rng import ARRIVALS, BURSTS, LIVES, SERVICE
from warmlens.planner.scenario import (
    HOUR_S,
    Scenario,
    WarmingPolicy,
    by_hour,
    check_arrival,
    provisioned_s,
)
from warmlens.planner.traffic import Profile, Traffic

CHUNK = 65_536


def simulate(scenario: Scenario, traffic: Traffic, *, horizon_s: float, seed: int) -> Outcome:
    """Serve users' calls; what comes of it is what `reference.simulate` gives.

    Args:
        scenario: the function and how it is run.
        traffic: the users.
        horizon_s: how long.
        seed: draws arrivals, times and lifetimes.

    Raises:
        WarmlensError: an arrival of a trace is out of order.
    """
    state = _state(scenario, horizon_s, seed)
    last_s = 0.0
    for chunk, count in _chunks(traffic, seed, horizon_s):
        served = k.serve(state, chunk, count)
        if served < count:
            check_arrival(chunk[served], chunk[served - 1] if served else last_s, horizon_s)
        last_s = chunk[count - 1]
    k.finish(state)
    return _outcome(state, scenario, horizon_s)


def _chunks(traffic: Traffic, seed: int, horizon_s: float) -> Iterator[tuple[Floats, int]]:
    if not isinstance(traffic, Profile):
        moments = traffic.arrivals(seed, horizon_s)
        while taken := list(itertools.islice(moments, CHUNK)):
            yield np.array(taken), len(taken)
        return
    chunk = np.empty(CHUNK)
    draw = _drawer(traffic, seed, horizon_s)
    count = CHUNK
    while count == CHUNK:
        count = draw(chunk)
        if count:
            yield chunk, count


def _drawer(profile: Profile, seed: int, horizon_s: float) -> Callable[[Floats], int]:
    bursts = profile.bursts if profile.bursts and profile.bursts.per_hour > 0 else None
    size = bursts.size if bursts else 0
    per_s = bursts.per_hour / HOUR_S if bursts else 0.0
    step_s = bursts.within_s / bursts.size if bursts else 0.0
    rates = np.array(profile.rates_per_s)
    states = states_of(seed, ARRIVALS, BURSTS)
    a, b = np.zeros(5), np.zeros(3, dtype=np.int64)

    def draw(chunk: Floats) -> int:
        return draw_arrivals(
            chunk, rates, profile.segment_s, size, per_s, step_s, horizon_s, states, a, b
        )

    return draw


def _state(scenario: Scenario, horizon_s: float, seed: int) -> k.State:
    # No more instances than calls at once are ever there: a new one is made when none is idle.
    room = scenario.concurrency + max(scenario.provisioned_by_hour)
    lifetimes, warming = scenario.lifetimes, scenario.warming or WarmingPolicy(by_hour=by_hour(0))

    def ints(*values: int) -> Ints:
        return np.array(values, dtype=np.int64)

    def zeros(*shape: int) -> Ints:
        return np.zeros(shape, dtype=np.int64)

    return k.State(
        ends=np.zeros(room + 1),
        busy=zeros(room + 1),
        idle=zeros(room),
        unused=np.arange(room, dtype=np.int64),
        numbers=zeros(room),
        facts=np.zeros((room, 4)),
        started=np.zeros(scenario.scaling_per_10_s),
        seen_in=zeros(room),
        n=ints(0, 0, room, 0, 0, 0),
        provisioned=ints(*scenario.provisioned_by_hour),
        warm=ints(*warming.by_hour),
        times=np.array(
            (
                horizon_s,
                lifetimes.shortest_idle_s,
                lifetimes.longest_idle_s,
                lifetimes.shortest_lifetime_s,
                lifetimes.longest_lifetime_s,
                warming.period_s,
                warming.spread_s,
                warming.hold_s,
                warming.budget_s,
                warming.wakeup_s,
            )
        ),
        rules=ints(
            scenario.concurrency,
            scenario.scaling_per_10_s,
            int(scenario.when_full == "wait"),
            int(scenario.warming is not None),
            int(warming.shared_deadline),
            warming.rounds,
            scenario.init.code,
            scenario.service.code,
        ),
        init_values=np.array(scenario.init.values_s),
        init_quantiles=np.array(scenario.init.quantiles, dtype=np.float64),
        service_values=np.array(scenario.service.values_s),
        service_quantiles=np.array(scenario.service.quantiles, dtype=np.float64),
        w=zeros(7),
        t=np.array((0.0, 0.0, 0.0, 0.0, -1.0, 0.0)),
        states=states_of(seed, SERVICE, LIVES),
        counts=zeros(len(k.COUNTS)),
        sums=np.zeros(len(k.SUMS)),
        hours=zeros(len(k.HOURS), math.ceil(horizon_s / HOUR_S)),
        latencies=zeros(BINS),
        busy_seen=zeros(scenario.concurrency + 1),
    )


def _outcome(state: k.State, scenario: Scenario, horizon_s: float) -> Outcome:
    (occupied,) = state.latencies.nonzero()
    counts = state.latencies[occupied]
    outcome = Outcome(
        horizon_s=horizon_s,
        provisioned_instance_s=provisioned_s(scenario, horizon_s),
        latencies=dict(zip(occupied.tolist(), counts.tolist(), strict=True)),
        busy_seen=state.busy_seen.tolist(),
    )
    for name, count in zip(k.COUNTS, state.counts.tolist(), strict=True):
        setattr(outcome, name, count)
    for name, total in zip(k.SUMS, state.sums.tolist(), strict=True):
        setattr(outcome, name, total)
    for name, by_hour_ in zip(k.HOURS, state.hours.tolist(), strict=True):
        setattr(outcome, f"hour_{name}", by_hour_)
    return outcome
