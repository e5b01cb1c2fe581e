"""The arrivals of a profile, compiled: the same moments that `Profile.arrivals` gives."""

import math

from warmlens.planner.kernel_chance import Floats, Ints, States, compiled, unit

# The generator of arrivals: times, and the integers beside them.
_A_NOW, _A_BASE, _A_MOMENT, _A_BEGIN, _A_NEXT_BURST = range(5)
_B_SEGMENT, _B_SENT, _B_DONE = range(3)


@compiled
def _next_base(
    rates: Floats, segment_s: float, horizon_s: float, states: States, a: Floats, b: Ints
) -> float:
    step = -math.log(1.0 - unit(states, 0))
    while True:
        if a[_A_NOW] >= horizon_s:
            return math.inf
        rate = rates[b[_B_SEGMENT] % len(rates)]
        end_s = (b[_B_SEGMENT] + 1) * segment_s
        if rate > 0 and a[_A_NOW] + step / rate < end_s:
            a[_A_NOW] += step / rate
            return float(a[_A_NOW])
        step -= (end_s - a[_A_NOW]) * rate
        a[_A_NOW] = end_s
        b[_B_SEGMENT] += 1


@compiled
def _next_burst(
    size: int, per_s: float, step_s: float, horizon_s: float, states: States, a: Floats, b: Ints
) -> float:
    if size == 0:
        return math.inf
    if b[_B_SENT] == size:
        a[_A_BEGIN] += size * step_s
        b[_B_SENT] = 0
    if b[_B_SENT] == 0:
        if a[_A_BEGIN] >= horizon_s:
            return math.inf
        a[_A_MOMENT] += -math.log(1.0 - unit(states, 1)) / per_s
        a[_A_BEGIN] = max(a[_A_MOMENT], a[_A_BEGIN])
    arrival_s = a[_A_BEGIN] + b[_B_SENT] * step_s
    b[_B_SENT] += 1
    return float(arrival_s)


@compiled
def draw_arrivals(
    chunk: Floats,
    rates: Floats,
    segment_s: float,
    size: int,
    per_s: float,
    step_s: float,
    horizon_s: float,
    states: States,
    a: Floats,
    b: Ints,
) -> int:
    """Fill a chunk with the next arrivals of a profile; return how many, fewer at the end."""
    if b[_B_DONE] == 0:
        b[_B_DONE] = 1
        a[_A_BASE] = _next_base(rates, segment_s, horizon_s, states, a, b)
        a[_A_NEXT_BURST] = _next_burst(size, per_s, step_s, horizon_s, states, a, b)
    for at in range(len(chunk)):
        if a[_A_BASE] <= a[_A_NEXT_BURST]:
            now_s = a[_A_BASE]
            if now_s >= horizon_s:
                return at
            a[_A_BASE] = _next_base(rates, segment_s, horizon_s, states, a, b)
        else:
            now_s = a[_A_NEXT_BURST]
            if now_s >= horizon_s:
                return at
            a[_A_NEXT_BURST] = _next_burst(size, per_s, step_s, horizon_s, states, a, b)
        chunk[at] = now_s
    return len(chunk)
