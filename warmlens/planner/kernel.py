"""The simulation kernel, on arrays of numbers so that Numba can compile it.

It runs interpreted on Python's lists, or compiled by Numba on NumPy's arrays (`numba_kernel.py`),
with the same results. So it uses numbers, `math` and functions of this package only. `lab/oracle`
has the same rules as objects; tests compare all results of both.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from warmlens.planner.arrivals import ArrivalProcess, draw_arrivals
from warmlens.planner.outcome import bin_of, rounded_up_ms
from warmlens.planner.rng import Floats, Ints, States, draw, uniform
from warmlens.planner.scenario import (
    BUDGET_S,
    DAY_H,
    HOUR_S,
    LONGER_HOLD,
    MAX_ROUNDS,
    SAMPLE_S,
    SCALING_WINDOW_S,
    SPACING_S,
    WAKEUP_S,
)

PROVISIONED, REFUSED = -1, -2

COUNTS = (
    *("requests", "cold", "slowed", "throttled", "billed_ms", "provisioned_billed_ms"),
    *("pings", "pings_cold", "pings_throttled", "pings_billed_ms", "runs", "rounds"),
    *("instances", "peak_busy"),
)
"""The fields of Outcome that are in `State.counts`."""
_REQUESTS, _COLD, _SLOWED, _THROTTLED, _BILLED, _PROVISIONED_BILLED = range(6)
_PINGS, _PINGS_COLD, _PINGS_THROTTLED, _PINGS_BILLED, _RUNS, _ROUNDS = range(6, 12)
_INSTANCES, _PEAK = 12, 13
SUMS = ("busy_s", "init_s", "held_s", "pings_init_s", "runs_s", "latency_s")
"""Those in `State.sums`."""
_BUSY_S, _INIT_S, _HELD_S, _PINGS_INIT_S, _RUNS_S, _LATENCY_S = range(6)

_N_BUSY, _N_IDLE, _N_UNUSED, _N_PROVISIONED, _N_STARTED, _N_SAMPLES = range(6)
_W_RUNS, _W_COUNT, _W_ROUNDS, _W_SENT, _W_THROTTLED, _W_REACHED, _W_ROUND_ID = range(7)
N_WARMER = 7
_T_BEGUN, _T_ROUND, _T_ENDS, _T_HOLD, _T_HOLDS_UNTIL = range(5)
FIRST_TIMES = (0.0, 0.0, 0.0, 0.0, -1.0)


class State(NamedTuple):
    """The scenario, and the state of its simulation at one moment.

    Attributes:
        horizon_s to service: the scenario and its warming policy, as numbers.
        init_values to service_quantiles: its distributions.
        provisioned, warm: instances for each hour of the day.
        ends, busy: a heap of the calls in progress: the end of each, and its instance's slot.
        idle: slots of idle instances, the one used last at the end; expired ones are removed late.
        unused: slots without an instance.
        numbers: number of each slot's instance, in the order of their start.
        born, idle_since, expiry, lifetime: times of each slot's instance, in seconds.
        seen_in: the last round of the warmer that reached each slot.
        started: start times of the latest instances, as many as the scaling rate covers.
        n: numbers of busy, idle and other slots, `_N_*`.
        w, t: counts and times of the warmer, `_W_*` and `_T_*`.
        states: random number streams of service times and of lifetimes.
        counts to busy_seen: the fields of Outcome.
    """

    horizon_s: float
    idle_range_s: tuple[float, float]
    lifetime_range_s: tuple[float, float]
    concurrency: int
    scaling: int
    waits: bool
    warming: bool
    period_s: float
    hold_s: float
    init: int
    service: int
    init_values: Floats
    init_quantiles: Floats
    service_values: Floats
    service_quantiles: Floats
    provisioned: Ints
    warm: Ints
    ends: Floats
    busy: Ints
    idle: Ints
    unused: Ints
    numbers: Ints
    born: Floats
    idle_since: Floats
    expiry: Floats
    lifetime: Floats
    seen_in: Ints
    started: Floats
    n: Ints
    w: Ints
    t: Floats
    states: States
    counts: Ints
    sums: Floats
    hour_requests: Ints
    hour_cold: Ints
    hour_throttled: Ints
    hour_busy: Ints
    hour_alive: Ints
    hour_samples: Ints
    latencies: Ints
    busy_seen: Ints


def _ends_before(s: State, a: int, b: int) -> bool:
    if s.ends[a] != s.ends[b]:
        return s.ends[a] < s.ends[b]
    slot_a, slot_b = s.busy[a], s.busy[b]
    number_a = s.numbers[slot_a] if slot_a >= 0 else PROVISIONED
    number_b = s.numbers[slot_b] if slot_b >= 0 else PROVISIONED
    return number_a < number_b


def _swap(s: State, a: int, b: int) -> None:
    s.ends[a], s.ends[b] = s.ends[b], s.ends[a]
    s.busy[a], s.busy[b] = s.busy[b], s.busy[a]


def _begin(s: State, end_s: float, slot: int) -> None:
    at = s.n[_N_BUSY]
    s.ends[at], s.busy[at] = end_s, slot
    s.n[_N_BUSY] += 1
    while at > 0:
        parent = (at - 1) // 2
        if not _ends_before(s, at, parent):
            break
        _swap(s, at, parent)
        at = parent


def _end_one(s: State) -> None:
    end_s, slot = s.ends[0], s.busy[0]
    last = s.n[_N_BUSY] - 1
    s.n[_N_BUSY] = last
    s.ends[0], s.busy[0] = s.ends[last], s.busy[last]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and _ends_before(s, child + 1, child):
            child += 1
        if not _ends_before(s, child, at):
            break
        _swap(s, at, child)
        at = child
    if slot < 0:
        s.n[_N_PROVISIONED] -= 1
    else:
        s.idle_since[slot] = end_s
        s.idle[s.n[_N_IDLE]] = slot
        s.n[_N_IDLE] += 1


def _end_until(s: State, now_s: float) -> None:
    while s.n[_N_BUSY] > 0 and s.ends[0] <= now_s:
        _end_one(s)


def _stays(s: State, slot: int, now_s: float) -> bool:
    return now_s - s.idle_since[slot] < s.expiry[slot] and now_s - s.born[slot] < s.lifetime[slot]


def _seat(s: State, now_s: float) -> tuple[int, float, float]:
    """Find an instance: its slot, PROVISIONED or REFUSED; its init or -1; when its work begins."""
    begin_s = now_s
    if s.n[_N_BUSY] >= s.concurrency:
        if not s.waits:
            return REFUSED, -1.0, now_s
        begin_s = s.ends[0]
        _end_one(s)
    if s.n[_N_PROVISIONED] < s.provisioned[int(begin_s // HOUR_S) % DAY_H]:
        s.n[_N_PROVISIONED] += 1
        return PROVISIONED, -1.0, begin_s
    while s.n[_N_IDLE] > 0:
        s.n[_N_IDLE] -= 1
        slot = s.idle[s.n[_N_IDLE]]
        if _stays(s, slot, begin_s):
            return slot, -1.0, begin_s
        s.unused[s.n[_N_UNUSED]] = slot
        s.n[_N_UNUSED] += 1
    at = s.n[_N_STARTED] % s.scaling
    if s.n[_N_STARTED] >= s.scaling and begin_s - s.started[at] < SCALING_WINDOW_S:
        return REFUSED, -1.0, now_s
    s.started[at] = begin_s
    s.n[_N_STARTED] += 1
    s.n[_N_UNUSED] -= 1
    slot = s.unused[s.n[_N_UNUSED]]
    s.numbers[slot] = s.n[_N_STARTED]
    s.born[slot] = begin_s
    low, high = s.idle_range_s
    s.expiry[slot] = low + (high - low) * uniform(s.states, 1)
    low, high = s.lifetime_range_s
    s.lifetime[slot] = low + (high - low) * uniform(s.states, 1)
    init_s = draw(s.init, s.init_values, s.init_quantiles, s.states, 1)
    return slot, init_s, begin_s + init_s


def _sample_until(s: State, now_s: float) -> None:
    while True:
        at_s = (s.n[_N_SAMPLES] + 0.5) * SAMPLE_S
        if at_s > now_s or at_s >= s.horizon_s:
            return
        _end_until(s, at_s)
        alive = 0
        for each in range(s.n[_N_IDLE]):
            if _stays(s, s.idle[each], at_s):
                alive += 1
        hour = int(at_s // HOUR_S)
        provisioned = max(s.n[_N_PROVISIONED], s.provisioned[hour % DAY_H])
        s.hour_busy[hour] += s.n[_N_BUSY]
        s.hour_alive[hour] += alive + s.n[_N_BUSY] - s.n[_N_PROVISIONED] + provisioned
        s.hour_samples[hour] += 1
        s.n[_N_SAMPLES] += 1


def _next_ping_s(s: State) -> float:
    if s.w[_W_COUNT] > 0:
        return s.t[_T_ROUND] + s.w[_W_SENT] * SPACING_S
    scheduled_s = s.w[_W_RUNS] * s.period_s
    if not s.warming or scheduled_s >= s.horizon_s:
        return math.inf
    return max(scheduled_s, s.t[_T_ENDS])


def _begin_round(s: State, now_s: float) -> None:
    s.w[_W_ROUNDS] += 1
    s.counts[_ROUNDS] += 1
    s.t[_T_ROUND] = now_s
    s.w[_W_SENT] = 0
    s.w[_W_THROTTLED] = 0
    s.w[_W_REACHED] = 0
    s.w[_W_ROUND_ID] += 1


def _begin_run(s: State, now_s: float) -> None:
    s.w[_W_RUNS] += 1
    s.counts[_RUNS] += 1
    s.t[_T_BEGUN] = now_s
    s.t[_T_ENDS] = now_s
    this = s.warm[int(now_s // HOUR_S) % DAY_H]
    following = s.warm[int((now_s + s.period_s) // HOUR_S) % DAY_H]
    s.w[_W_COUNT] = max(this, following)
    s.t[_T_HOLD] = s.hold_s
    s.w[_W_ROUNDS] = 0
    if s.w[_W_COUNT] > 0:
        _begin_round(s, now_s)


def _end_round(s: State) -> None:
    longer_s = s.t[_T_HOLD] * LONGER_HOLD
    if (
        s.w[_W_REACHED] >= s.w[_W_COUNT] - s.w[_W_THROTTLED]
        or s.w[_W_ROUNDS] >= MAX_ROUNDS
        or s.t[_T_ENDS] + longer_s > s.t[_T_BEGUN] + BUDGET_S
    ):
        s.sums[_RUNS_S] += s.t[_T_ENDS] - s.t[_T_BEGUN]
        s.w[_W_COUNT] = 0
        return
    s.t[_T_HOLD] = longer_s
    _begin_round(s, s.t[_T_ENDS])


def _ping(s: State, now_s: float) -> None:
    _end_until(s, now_s)
    slot, init_s, begin_s = _seat(s, now_s)
    s.w[_W_SENT] += 1
    s.counts[_PINGS] += 1
    if slot == REFUSED:
        s.w[_W_THROTTLED] += 1
        s.counts[_PINGS_THROTTLED] += 1
    else:
        held_s = max(WAKEUP_S, s.t[_T_ROUND] + s.t[_T_HOLD] - begin_s)
        end_s = begin_s + held_s
        _begin(s, end_s, slot)
        if s.seen_in[slot] != s.w[_W_ROUND_ID]:
            s.seen_in[slot] = s.w[_W_ROUND_ID]
            s.w[_W_REACHED] += 1
        s.t[_T_ENDS] = max(s.t[_T_ENDS], end_s)
        s.t[_T_HOLDS_UNTIL] = max(s.t[_T_HOLDS_UNTIL], end_s)
        s.sums[_HELD_S] += held_s
        billed_s = held_s
        if init_s >= 0:
            s.counts[_PINGS_COLD] += 1
            s.sums[_PINGS_INIT_S] += init_s
            billed_s += init_s
        s.counts[_PINGS_BILLED] += rounded_up_ms(billed_s)
    if s.w[_W_SENT] == s.w[_W_COUNT]:
        _end_round(s)


def _warm_until(s: State, now_s: float) -> None:
    while True:
        ping_s = _next_ping_s(s)
        if ping_s > now_s or ping_s == math.inf:
            return
        _sample_until(s, ping_s)
        if s.w[_W_COUNT] > 0:
            _ping(s, ping_s)
        else:
            _begin_run(s, ping_s)


def _user(s: State, now_s: float) -> None:
    work_s = draw(s.service, s.service_values, s.service_quantiles, s.states, 0)
    hour = int(now_s // HOUR_S)
    s.counts[_REQUESTS] += 1
    s.hour_requests[hour] += 1
    _end_until(s, now_s)
    busy = s.n[_N_BUSY]
    s.busy_seen[busy] += 1
    slot, init_s, begin_s = _seat(s, now_s)
    if slot == REFUSED:
        s.counts[_THROTTLED] += 1
        s.hour_throttled[hour] += 1
        return
    s.counts[_PEAK] = max(s.counts[_PEAK], min(busy + 1, s.concurrency))
    occupied_s = work_s
    if init_s >= 0:
        occupied_s = init_s + work_s
        s.counts[_COLD] += 1
        s.hour_cold[hour] += 1
        s.sums[_INIT_S] += init_s
        if s.t[_T_HOLDS_UNTIL] > now_s:
            s.counts[_SLOWED] += 1
    end_s = begin_s + work_s
    _begin(s, end_s, slot)
    s.sums[_BUSY_S] += occupied_s
    s.counts[_PROVISIONED_BILLED if slot == PROVISIONED else _BILLED] += rounded_up_ms(occupied_s)
    s.sums[_LATENCY_S] += end_s - now_s
    s.latencies[bin_of(end_s - now_s)] += 1


def serve(s: State, arrivals: Floats, count: int) -> None:
    """Serve the first calls of a chunk, in the order of time."""
    for at in range(count):
        now_s = arrivals[at]
        if s.warming:
            _warm_until(s, now_s)
        if (s.n[_N_SAMPLES] + 0.5) * SAMPLE_S <= now_s:
            _sample_until(s, now_s)
        _user(s, now_s)


def finish(s: State) -> None:
    """Finish the warmer's runs, and take the last samples."""
    _warm_until(s, math.inf)
    _sample_until(s, s.horizon_s)
    s.counts[_INSTANCES] = s.n[_N_STARTED]


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """The kernel's functions, interpreted or compiled, and the arrays that they take.

    Attributes:
        serve, finish, draw_arrivals: the functions.
        chunk: number of arrivals to draw at a time.
        floats, ints, states: return an array of values.
        zeros, counters: return an array of zeros, as floats or integers.
        histogram: returns an empty histogram of latencies.
        counts_of: returns an array as a list.
        bins_of: returns the bins of a histogram that have calls.
    """

    serve: Callable[[State, Floats, int], None]
    finish: Callable[[State], None]
    draw_arrivals: Callable[[Floats, ArrivalProcess], int]
    chunk: int
    floats: Callable[[Sequence[float]], Floats]
    ints: Callable[[Sequence[int]], Ints]
    states: Callable[[Sequence[int]], States]
    zeros: Callable[[int], Floats]
    counters: Callable[[int], Ints]
    histogram: Callable[[], Ints]
    counts_of: Callable[[Ints], list[int]]
    bins_of: Callable[[Ints], dict[int, int]]


INTERPRETED = Kernel(
    serve=serve,
    finish=finish,
    draw_arrivals=draw_arrivals,
    chunk=1024,
    floats=list,
    ints=list,
    states=list,
    zeros=lambda count: [0.0] * count,
    counters=lambda count: [0] * count,
    histogram=lambda: cast(Any, defaultdict(int)),
    counts_of=list,
    bins_of=lambda bins: dict(sorted(cast(Any, bins).items())),
)
