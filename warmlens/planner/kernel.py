"""The simulation kernel, on arrays of numbers so that Numba can compile it.

It runs interpreted on Python's lists, or compiled by Numba on NumPy's arrays (`numba_kernel.py`),
with the same results. So it uses numbers, `math` and functions of this package only. `lab/oracle`
has the same rules as objects; tests compare all results of both.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from warmlens.planner.arrivals import ArrivalProcess, draw_arrivals
from warmlens.planner.instances import REFUSED, RESTING, begin, end_until, seat, stays
from warmlens.planner.outcome import bin_of, rounded_up_ms
from warmlens.planner.quiet import skip_quiet_runs
from warmlens.planner.rng import Floats, Ints, States, draw
from warmlens.planner.scenario import (
    BUDGET_S,
    DAY_H,
    HOLD_MARGIN_S,
    HOUR_S,
    LEAST_HOLD_S,
    LONGER_HOLD,
    MAX_ROUNDS,
    MOST_HOLD_S,
    SAMPLE_S,
    SPACING_S,
    WAKEUP_S,
)
from warmlens.planner.state import (
    BILLED,
    BUSY_S,
    COLD,
    HELD_S,
    INIT_S,
    INSTANCES,
    LATENCY_S,
    N_BUSY,
    N_IDLE,
    N_PROVISIONED,
    N_RESTING,
    N_SAMPLES,
    N_STARTED,
    PAGE_WAKES,
    PEAK,
    PINGS,
    PINGS_BILLED,
    PINGS_COLD,
    PINGS_INIT_S,
    PINGS_THROTTLED,
    PROVISIONED_BILLED,
    REQUESTS,
    ROUNDS,
    RUNS,
    RUNS_S,
    SERVICES,
    SLOWED,
    T_BEGUN,
    T_ENDS,
    T_HOLD,
    T_HOLDS_UNTIL,
    T_PLATFORM,
    T_ROUND,
    THROTTLED,
    W_COUNT,
    W_REACHED,
    W_ROUND_ID,
    W_ROUNDS,
    W_RUNS,
    W_SENT,
    W_THROTTLED,
    WAKE_SERVICES,
    WAKES,
    WAKES_BILLED,
    WAKES_COLD,
    WAKES_S,
    WAKES_THROTTLED,
    State,
)
from warmlens.planner.wakes import CALL, PAGE_WAKE, Wakes, draw_wakes


def _sample_until(s: State, now_s: float) -> None:
    while True:
        at_s = (s.n[N_SAMPLES] + 0.5) * SAMPLE_S
        if at_s > now_s or at_s >= s.horizon_s:
            return
        end_until(s, at_s)
        alive = 0
        for each in range(s.n[N_IDLE]):
            if stays(s, s.idle[each], at_s):
                alive += 1
        hour = int(at_s // HOUR_S)
        provisioned = max(s.n[N_PROVISIONED], s.provisioned[hour % DAY_H])
        s.hour_busy[hour] += s.n[N_BUSY]
        on_demand = s.n[N_BUSY] + s.n[N_RESTING] - s.n[N_PROVISIONED]
        s.hour_alive[hour] += alive + on_demand + provisioned
        s.hour_samples[hour] += 1
        s.n[N_SAMPLES] += 1


def _next_ping_s(s: State) -> float:
    if s.w[W_COUNT] > 0:
        return s.t[T_ROUND] + s.w[W_SENT] * SPACING_S
    scheduled_s = s.w[W_RUNS] * s.period_s
    if not s.warming or scheduled_s >= s.horizon_s:
        return math.inf
    return max(scheduled_s, s.t[T_ENDS])


def _begin_round(s: State, now_s: float) -> None:
    s.w[W_ROUNDS] += 1
    s.counts[ROUNDS] += 1
    s.t[T_ROUND] = now_s
    s.w[W_SENT] = 0
    s.w[W_THROTTLED] = 0
    s.w[W_REACHED] = 0
    s.w[W_ROUND_ID] += 1


def self_set_hold_s(count: int) -> float:
    """Return the hold that the warmer finds for calls which arrive evenly spaced."""
    if count <= 1:
        return 0.0
    return min(MOST_HOLD_S, max(LEAST_HOLD_S, (count - 1) * SPACING_S + HOLD_MARGIN_S))


def _count(s: State, now_s: float) -> int:
    this = s.warm[int(now_s // HOUR_S) % DAY_H]
    following = s.warm[int((now_s + s.period_s) // HOUR_S) % DAY_H]
    return max(this, following)


def _begin_run(s: State, now_s: float) -> None:
    s.w[W_RUNS] += 1
    s.counts[RUNS] += 1
    s.t[T_BEGUN] = now_s
    s.t[T_ENDS] = now_s
    s.w[W_COUNT] = _count(s, now_s)
    s.t[T_HOLD] = s.hold_s if s.hold_s >= 0 else self_set_hold_s(s.w[W_COUNT])
    s.w[W_ROUNDS] = 0
    if s.w[W_COUNT] > 0:
        _begin_round(s, now_s)


def _end_round(s: State) -> None:
    longer_s = s.t[T_HOLD] * LONGER_HOLD
    if (
        s.w[W_REACHED] >= s.w[W_COUNT] - s.w[W_THROTTLED]
        or s.w[W_ROUNDS] >= MAX_ROUNDS
        or s.t[T_ENDS] + longer_s > s.t[T_BEGUN] + BUDGET_S
    ):
        s.sums[RUNS_S] += s.t[T_ENDS] - s.t[T_BEGUN]
        s.w[W_COUNT] = 0
        return
    s.t[T_HOLD] = longer_s
    _begin_round(s, s.t[T_ENDS])


def _ping(s: State, now_s: float) -> None:
    end_until(s, now_s)
    slot, init_s, begin_s = seat(s, now_s, True)
    s.w[W_SENT] += 1
    s.counts[PINGS] += 1
    if slot == REFUSED:
        s.w[W_THROTTLED] += 1
        s.counts[PINGS_THROTTLED] += 1
    else:
        held_s = max(WAKEUP_S, s.t[T_ROUND] + s.t[T_HOLD] - begin_s)
        end_s = begin_s + held_s
        begin(s, end_s, slot)
        if s.seen_in[slot] != s.w[W_ROUND_ID]:
            s.seen_in[slot] = s.w[W_ROUND_ID]
            s.w[W_REACHED] += 1
        s.t[T_ENDS] = max(s.t[T_ENDS], end_s)
        s.t[T_HOLDS_UNTIL] = max(s.t[T_HOLDS_UNTIL], end_s)
        s.sums[HELD_S] += held_s
        billed_s = held_s
        if init_s >= 0:
            s.counts[PINGS_COLD] += 1
            s.sums[PINGS_INIT_S] += init_s
            billed_s += init_s - s.t[T_PLATFORM]
        s.counts[PINGS_BILLED] += rounded_up_ms(billed_s)
    if s.w[W_SENT] == s.w[W_COUNT]:
        _end_round(s)


def _warm_until(s: State, now_s: float) -> None:
    while True:
        ping_s = _next_ping_s(s)
        if ping_s > now_s or ping_s == math.inf:
            return
        if s.skips and s.w[W_COUNT] == 0:
            count = _count(s, ping_s)
            hold_s = s.hold_s if s.hold_s >= 0 else self_set_hold_s(count)
            skip_quiet_runs(s, ping_s, count, hold_s, now_s)
            ping_s = _next_ping_s(s)
            if ping_s > now_s or ping_s == math.inf:
                return
        _sample_until(s, ping_s)
        if s.w[W_COUNT] > 0:
            _ping(s, ping_s)
        else:
            _begin_run(s, ping_s)


def _user(s: State, now_s: float) -> None:
    work_s = draw(s.service, s.service_values, s.service_quantiles, s.states, SERVICES)
    hour = int(now_s // HOUR_S)
    s.counts[REQUESTS] += 1
    s.hour_requests[hour] += 1
    end_until(s, now_s)
    busy = s.n[N_BUSY]
    s.busy_seen[busy] += 1
    slot, init_s, begin_s = seat(s, now_s, True)
    if slot == REFUSED:
        s.counts[THROTTLED] += 1
        s.hour_throttled[hour] += 1
        return
    s.counts[PEAK] = max(s.counts[PEAK], min(busy + 1, s.concurrency))
    occupied_s = billed_s = work_s
    if init_s >= 0:
        occupied_s = init_s + work_s
        billed_s = occupied_s - s.t[T_PLATFORM]
        s.counts[COLD] += 1
        s.hour_cold[hour] += 1
        s.sums[INIT_S] += init_s
        if s.t[T_HOLDS_UNTIL] > now_s:
            s.counts[SLOWED] += 1
    end_s = begin_s + work_s
    begin(s, end_s, slot)
    s.sums[BUSY_S] += occupied_s
    s.counts[PROVISIONED_BILLED if s.numbers[slot] < 0 else BILLED] += rounded_up_ms(billed_s)
    s.sums[LATENCY_S] += end_s - now_s
    s.latencies[bin_of(end_s - now_s)] += 1


def _wake(s: State, now_s: float, from_page: bool) -> None:
    """Wake ahead: nobody waits for it, and one that is refused is not repeated."""
    work_s = draw(s.wake_service, s.wake_values, s.wake_quantiles, s.states, WAKE_SERVICES)
    s.counts[WAKES] += 1
    if from_page:
        s.counts[PAGE_WAKES] += 1
    end_until(s, now_s)
    slot, init_s, begin_s = seat(s, now_s, from_page)
    if slot == REFUSED:
        s.counts[WAKES_THROTTLED] += 1
        return
    held_s = max(work_s, now_s + s.wake_hold_s - begin_s)
    billed_s = held_s
    if init_s >= 0:
        s.counts[WAKES_COLD] += 1
        billed_s += init_s - s.t[T_PLATFORM]
    s.sums[WAKES_S] += held_s
    s.counts[WAKES_BILLED] += rounded_up_ms(billed_s)
    if slot != RESTING:
        begin(s, begin_s + held_s, slot)


def serve(s: State, moments: Floats, kinds: Ints, count: int) -> None:
    """Serve the first calls and wakes of a chunk, in the order of time."""
    for at in range(count):
        now_s = moments[at]
        if s.warming:
            _warm_until(s, now_s)
        if (s.n[N_SAMPLES] + 0.5) * SAMPLE_S <= now_s:
            _sample_until(s, now_s)
        if kinds[at] == CALL:
            _user(s, now_s)
        else:
            _wake(s, now_s, kinds[at] == PAGE_WAKE)


def finish(s: State) -> None:
    """Finish the warmer's runs, and take the last samples."""
    _warm_until(s, math.inf)
    _sample_until(s, s.horizon_s)
    s.counts[INSTANCES] = s.n[N_STARTED]


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """The kernel's functions, interpreted or compiled, and the arrays that they take.

    Attributes:
        serve, finish, draw_arrivals, draw_wakes: the functions.
        chunk: number of arrivals to draw at a time.
        floats, ints, states: return an array of values.
        zeros, counters: return an array of zeros, as floats or integers.
        joined: returns two arrays as one.
        in_order: sorts moments and their kinds, by both.
        histogram: returns an empty histogram of latencies.
        counts_of: returns an array as a list.
        bins_of: returns the bins of a histogram that have calls.
    """

    serve: Callable[[State, Floats, Ints, int], None]
    finish: Callable[[State], None]
    draw_arrivals: Callable[[Floats, ArrivalProcess], int]
    draw_wakes: Callable[[Floats, Ints, Floats, int, Wakes], int]
    chunk: int
    floats: Callable[[Sequence[float]], Floats]
    ints: Callable[[Sequence[int]], Ints]
    states: Callable[[Sequence[int]], States]
    zeros: Callable[[int], Floats]
    counters: Callable[[int], Ints]
    joined: Callable[[Any, Any], Any]
    in_order: Callable[[Floats, Ints], tuple[Floats, Ints]]
    histogram: Callable[[], Ints]
    counts_of: Callable[[Ints], list[int]]
    bins_of: Callable[[Ints], dict[int, int]]


def _in_order(moments: Floats, kinds: Ints) -> tuple[Floats, Ints]:
    pairs = sorted(zip(moments, kinds, strict=True))
    return [each[0] for each in pairs], [each[1] for each in pairs]


INTERPRETED = Kernel(
    serve=serve,
    finish=finish,
    draw_arrivals=draw_arrivals,
    draw_wakes=draw_wakes,
    chunk=1024,
    floats=list,
    ints=list,
    states=list,
    zeros=lambda count: [0.0] * count,
    counters=lambda count: [0] * count,
    joined=lambda first, second: first + second,
    in_order=_in_order,
    histogram=lambda: cast(Any, defaultdict(int)),
    counts_of=list,
    bins_of=lambda bins: dict(sorted(cast(Any, bins).items())),
)
