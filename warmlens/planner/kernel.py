"""The fleet and the warmer compiled by Numba: the same rules, draws and sums in the same order.

`reference.py` is what it must agree with, to the last bit; tests compare all that both count. What
are objects there are a few arrays here, since the state must live through chunks of arrivals.
Imported only when Numba is installed and wanted (the extra `planner`).
"""

import math
from typing import NamedTuple

from warmlens.planner import outcome, scenario
from warmlens.planner.kernel_chance import Floats, Ints, States, compiled, draw, unit

_BINS, _PER_OCTAVE, _LOWEST = outcome.BINS, outcome.PER_OCTAVE, outcome.LOWEST_EXPONENT
_HOUR_S, _DAY_H, _SAMPLE_S = scenario.HOUR_S, scenario.DAY_H, scenario.SAMPLE_S
_WINDOW_S, _LONGER = scenario.SCALING_WINDOW_S, scenario.LONGER_HOLD
PROVISIONED, REFUSED = -1, -2

COUNTS = (
    "requests",
    "cold",
    "slowed",
    "throttled",
    "billed_ms",
    "provisioned_billed_ms",
    "pings",
    "pings_cold",
    "pings_throttled",
    "pings_billed_ms",
    "runs",
    "rounds",
    "instances",
    "peak_busy",
)
"""The fields of Outcome that are in `State.counts`."""
(
    _REQUESTS,
    _COLD,
    _SLOWED,
    _THROTTLED,
    _BILLED,
    _PROVISIONED_BILLED,
    _PINGS,
    _PINGS_COLD,
    _PINGS_THROTTLED,
    _PINGS_BILLED,
    _RUNS,
    _ROUNDS,
    _INSTANCES,
    _PEAK,
) = range(len(COUNTS))
SUMS = ("busy_s", "init_s", "held_s", "pings_init_s", "runs_s", "latency_s")
"""Those in `State.sums`."""
_BUSY_S, _INIT_S, _HELD_S, _PINGS_INIT_S, _RUNS_S, _LATENCY_S = range(len(SUMS))
HOURS = ("requests", "cold", "throttled", "busy", "alive", "samples")
"""Those in `State.hours`, without their `hour_`."""
_BY_REQUESTS, _BY_COLD, _BY_THROTTLED, _BY_BUSY, _BY_ALIVE, _BY_SAMPLES = range(len(HOURS))
TIMES = (
    "horizon",
    "shortest_idle",
    "longest_idle",
    "shortest_lifetime",
    "longest_lifetime",
    "period",
    "spread",
    "hold",
    "budget",
    "ping",
)
"""What is in `State.times`."""
(
    _HORIZON,
    _IDLE_LOW,
    _IDLE_HIGH,
    _LIFE_LOW,
    _LIFE_HIGH,
    _PERIOD,
    _SPREAD,
    _HOLD,
    _BUDGET,
    _PING,
) = range(len(TIMES))
RULES = ("concurrency", "scaling", "waits", "pings", "common", "rounds", "init", "service")
"""What is in `State.rules`."""
_CONCURRENCY, _SCALING, _WAITS, _WITH_PINGS, _COMMON, _MAX_ROUNDS, _INIT, _SERVICE = range(8)

N_BUSY, N_IDLE, N_UNUSED, N_PROVISIONED, N_STARTED, N_SAMPLES = range(6)
W_RUNS, W_COUNT, W_ROUNDS, W_SENT, W_THROTTLED, W_REACHED, W_ROUND_ID = range(7)
T_BEGUN, T_ROUND, T_ENDS, T_HOLD, T_HOLDS_UNTIL, T_LAST = range(6)
F_BORN, F_IDLE_SINCE, F_EXPIRY, F_LIFETIME = range(4)


class State(NamedTuple):
    """All that a simulation is at a moment.

    Attributes:
        ends, busy: a heap of the calls under way: when each ends, and its instance's slot.
        idle: slots, the one used last at the end; some may be gone, which is seen when looked at.
        unused: slots without an instance.
        numbers: of each slot's instance; instances are numbered as they are started.
        facts: of each slot's instance, in the order of `F_*`.
        started: when the latest instances were started, as many as the scaling rate looks at.
        seen_in: for each slot the round of the warmer that reached it last.
        n: `N_*`. provisioned, warm: instances for each hour of the day.
        times, rules: the scenario, in the order of `TIMES` and `RULES`.
        w, t: the warmer, `W_*` and `T_*`.
        states: streams of chance for service, then lifetimes.
        counts, sums, hours, latencies, busy_seen: what Outcome has.
    """

    ends: Floats
    busy: Ints
    idle: Ints
    unused: Ints
    numbers: Ints
    facts: Floats
    started: Floats
    seen_in: Ints
    n: Ints
    provisioned: Ints
    warm: Ints
    times: Floats
    rules: Ints
    init_values: Floats
    init_quantiles: Floats
    service_values: Floats
    service_quantiles: Floats
    w: Ints
    t: Floats
    states: States
    counts: Ints
    sums: Floats
    hours: Ints
    latencies: Ints
    busy_seen: Ints


@compiled
def _bin_of(value_s: float) -> int:
    if value_s <= 0:
        return 0
    mantissa, exponent = math.frexp(value_s)
    at = (exponent - _LOWEST) * _PER_OCTAVE + int((mantissa - 0.5) * 2 * _PER_OCTAVE)
    return min(max(at, 0), _BINS - 1)


@compiled
def _rounded_up_ms(duration_s: float) -> int:
    return math.ceil(duration_s * 1000.0 - 1e-6)


@compiled
def _number(s: State, at: int) -> int:
    slot = s.busy[at]
    return PROVISIONED if slot < 0 else int(s.numbers[slot])


@compiled
def _ends_before(s: State, a: int, b: int) -> bool:
    if s.ends[a] != s.ends[b]:
        return bool(s.ends[a] < s.ends[b])
    return _number(s, a) < _number(s, b)


@compiled
def _swap(s: State, a: int, b: int) -> None:
    s.ends[a], s.ends[b] = s.ends[b], s.ends[a]
    s.busy[a], s.busy[b] = s.busy[b], s.busy[a]


@compiled
def _begin(s: State, end_s: float, slot: int) -> None:
    at = s.n[N_BUSY]
    s.ends[at], s.busy[at] = end_s, slot
    s.n[N_BUSY] += 1
    while at > 0:
        parent = (at - 1) // 2
        if not _ends_before(s, at, parent):
            break
        _swap(s, at, parent)
        at = parent


@compiled
def _end_one(s: State) -> None:
    end_s, slot = s.ends[0], s.busy[0]
    s.n[N_BUSY] -= 1
    last = s.n[N_BUSY]
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
        s.n[N_PROVISIONED] -= 1
    else:
        s.facts[slot, F_IDLE_SINCE] = end_s
        s.idle[s.n[N_IDLE]] = slot
        s.n[N_IDLE] += 1


@compiled
def _let_end(s: State, now_s: float) -> None:
    while s.n[N_BUSY] > 0 and s.ends[0] <= now_s:
        _end_one(s)


@compiled
def _stays(s: State, slot: int, now_s: float) -> bool:
    return bool(
        now_s - s.facts[slot, F_IDLE_SINCE] < s.facts[slot, F_EXPIRY]
        and now_s - s.facts[slot, F_BORN] < s.facts[slot, F_LIFETIME]
    )


@compiled
def _seat(s: State, now_s: float) -> tuple[int, float, float]:
    """Find an instance: its slot, PROVISIONED or REFUSED; its init or -1; when its work begins."""
    _let_end(s, now_s)
    begin_s = now_s
    if s.n[N_BUSY] >= s.rules[_CONCURRENCY]:
        if s.rules[_WAITS] == 0:
            return REFUSED, -1.0, now_s
        begin_s = s.ends[0]
        _end_one(s)
    if s.n[N_PROVISIONED] < s.provisioned[int(begin_s // _HOUR_S) % _DAY_H]:
        s.n[N_PROVISIONED] += 1
        return PROVISIONED, -1.0, begin_s
    while s.n[N_IDLE] > 0:
        s.n[N_IDLE] -= 1
        slot = s.idle[s.n[N_IDLE]]
        if _stays(s, slot, begin_s):
            return int(slot), -1.0, begin_s
        s.unused[s.n[N_UNUSED]] = slot
        s.n[N_UNUSED] += 1
    limit = s.rules[_SCALING]
    at = s.n[N_STARTED] % limit
    if s.n[N_STARTED] >= limit and begin_s - s.started[at] < _WINDOW_S:
        return REFUSED, -1.0, now_s
    s.started[at] = begin_s
    s.n[N_STARTED] += 1
    s.n[N_UNUSED] -= 1
    slot = s.unused[s.n[N_UNUSED]]
    s.numbers[slot] = s.n[N_STARTED]
    s.facts[slot, F_BORN] = begin_s
    low, high = s.times[_IDLE_LOW], s.times[_IDLE_HIGH]
    s.facts[slot, F_EXPIRY] = low + (high - low) * unit(s.states, 1)
    low, high = s.times[_LIFE_LOW], s.times[_LIFE_HIGH]
    s.facts[slot, F_LIFETIME] = low + (high - low) * unit(s.states, 1)
    init_s = draw(s.rules[_INIT], s.init_values, s.init_quantiles, s.states, 1)
    return int(slot), init_s, begin_s + init_s


@compiled
def _sample_until(s: State, now_s: float) -> None:
    while True:
        at_s = (s.n[N_SAMPLES] + 0.5) * _SAMPLE_S
        if at_s > now_s or at_s >= s.times[_HORIZON]:
            return
        _let_end(s, at_s)
        alive = 0
        for each in range(s.n[N_IDLE]):
            if _stays(s, s.idle[each], at_s):
                alive += 1
        provisioned = s.provisioned[int(at_s // _HOUR_S) % _DAY_H]
        alive += s.n[N_BUSY] - s.n[N_PROVISIONED] + max(s.n[N_PROVISIONED], provisioned)
        hour = int(at_s // _HOUR_S)
        s.hours[_BY_BUSY, hour] += s.n[N_BUSY]
        s.hours[_BY_ALIVE, hour] += alive
        s.hours[_BY_SAMPLES, hour] += 1
        s.n[N_SAMPLES] += 1


@compiled
def _next_ping_s(s: State) -> float:
    if s.w[W_COUNT] > 0:
        return float(s.t[T_ROUND] + s.w[W_SENT] * s.times[_SPREAD])
    scheduled_s = s.w[W_RUNS] * s.times[_PERIOD]
    if s.rules[_WITH_PINGS] == 0 or scheduled_s >= s.times[_HORIZON]:
        return math.inf
    return float(max(scheduled_s, s.t[T_ENDS]))


@compiled
def _begin_round(s: State, now_s: float) -> None:
    s.w[W_ROUNDS] += 1
    s.counts[_ROUNDS] += 1
    s.t[T_ROUND] = now_s
    s.w[W_SENT] = 0
    s.w[W_THROTTLED] = 0
    s.w[W_REACHED] = 0
    s.w[W_ROUND_ID] += 1


@compiled
def _begin_run(s: State, now_s: float) -> None:
    s.w[W_RUNS] += 1
    s.counts[_RUNS] += 1
    s.t[T_BEGUN] = now_s
    s.t[T_ENDS] = now_s
    this = s.warm[int(now_s // _HOUR_S) % _DAY_H]
    following = s.warm[int((now_s + s.times[_PERIOD]) // _HOUR_S) % _DAY_H]
    s.w[W_COUNT] = max(this, following)
    s.t[T_HOLD] = s.times[_HOLD]
    s.w[W_ROUNDS] = 0
    if s.w[W_COUNT] > 0:
        _begin_round(s, now_s)


@compiled
def _end_round(s: State) -> None:
    longer_s = s.t[T_HOLD] * _LONGER
    if (
        s.w[W_REACHED] >= s.w[W_COUNT] - s.w[W_THROTTLED]
        or s.w[W_ROUNDS] >= s.rules[_MAX_ROUNDS]
        or s.t[T_ENDS] + longer_s > s.t[T_BEGUN] + s.times[_BUDGET]
    ):
        s.sums[_RUNS_S] += s.t[T_ENDS] - s.t[T_BEGUN]
        s.w[W_COUNT] = 0
        return
    s.t[T_HOLD] = longer_s
    _begin_round(s, s.t[T_ENDS])


@compiled
def _ping(s: State, now_s: float) -> None:
    slot, init_s, begin_s = _seat(s, now_s)
    s.w[W_SENT] += 1
    s.counts[_PINGS] += 1
    if slot == REFUSED:
        s.w[W_THROTTLED] += 1
        s.counts[_PINGS_THROTTLED] += 1
    else:
        if s.rules[_COMMON] == 1:
            held_s = max(s.times[_PING], s.t[T_ROUND] + s.t[T_HOLD] - begin_s)
        else:
            held_s = max(s.times[_PING], s.t[T_HOLD])
        end_s = begin_s + held_s
        _begin(s, end_s, slot)
        if s.seen_in[slot] != s.w[W_ROUND_ID]:
            s.seen_in[slot] = s.w[W_ROUND_ID]
            s.w[W_REACHED] += 1
        s.t[T_ENDS] = max(s.t[T_ENDS], end_s)
        s.t[T_HOLDS_UNTIL] = max(s.t[T_HOLDS_UNTIL], end_s)
        s.sums[_HELD_S] += held_s
        billed_s = held_s
        if init_s >= 0:
            s.counts[_PINGS_COLD] += 1
            s.sums[_PINGS_INIT_S] += init_s
            billed_s += init_s
        s.counts[_PINGS_BILLED] += _rounded_up_ms(billed_s)
    if s.w[W_SENT] == s.w[W_COUNT]:
        _end_round(s)


@compiled
def _warm_until(s: State, now_s: float) -> None:
    while True:
        wakeup_s = _next_ping_s(s)
        if wakeup_s > now_s or wakeup_s == math.inf:
            return
        _sample_until(s, wakeup_s)
        if s.w[W_COUNT] > 0:
            _ping(s, wakeup_s)
        else:
            _begin_run(s, wakeup_s)


@compiled
def _user(s: State, now_s: float) -> None:
    work_s = draw(s.rules[_SERVICE], s.service_values, s.service_quantiles, s.states, 0)
    hour = int(now_s // _HOUR_S)
    s.counts[_REQUESTS] += 1
    s.hours[_BY_REQUESTS, hour] += 1
    _let_end(s, now_s)
    busy = s.n[N_BUSY]
    s.busy_seen[busy] += 1
    slot, init_s, begin_s = _seat(s, now_s)
    if slot == REFUSED:
        s.counts[_THROTTLED] += 1
        s.hours[_BY_THROTTLED, hour] += 1
        return
    s.counts[_PEAK] = max(s.counts[_PEAK], min(busy + 1, s.rules[_CONCURRENCY]))
    occupied_s = work_s
    if init_s >= 0:
        occupied_s = init_s + work_s
        s.counts[_COLD] += 1
        s.hours[_BY_COLD, hour] += 1
        s.sums[_INIT_S] += init_s
        if s.t[T_HOLDS_UNTIL] > now_s:
            s.counts[_SLOWED] += 1
    end_s = begin_s + work_s
    _begin(s, end_s, slot)
    s.sums[_BUSY_S] += occupied_s
    s.counts[_PROVISIONED_BILLED if slot == PROVISIONED else _BILLED] += _rounded_up_ms(occupied_s)
    s.sums[_LATENCY_S] += end_s - now_s
    s.latencies[_bin_of(end_s - now_s)] += 1


@compiled
def serve(s: State, arrivals: Floats, count: int) -> int:
    """Serve the first calls of a chunk; return how many, fewer where one is out of order."""
    for at in range(count):
        now_s = arrivals[at]
        if now_s < s.t[T_LAST] or not now_s < s.times[_HORIZON]:
            return at
        s.t[T_LAST] = now_s
        if s.rules[_WITH_PINGS] == 1:
            _warm_until(s, now_s)
        if (s.n[N_SAMPLES] + 0.5) * _SAMPLE_S <= now_s:
            _sample_until(s, now_s)
        _user(s, now_s)
    return count


@compiled
def finish(s: State) -> None:
    """Let the warmer do what is left of its runs, and take the last samples."""
    _warm_until(s, math.inf)
    _sample_until(s, s.times[_HORIZON])
    s.counts[_INSTANCES] = s.n[N_STARTED]
