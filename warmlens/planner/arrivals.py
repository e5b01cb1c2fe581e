"""Arrival times of users: a Poisson process whose rate changes by the hour, and bursts."""

import math
from typing import NamedTuple

from warmlens.planner.rng import Floats, Ints, States, uniform

_NOW, _BASE, _MOMENT, _BEGIN, _NEXT_BURST = range(5)
_SEGMENT, _SENT, _STARTED = range(3)


class ArrivalProcess(NamedTuple):
    """The rates of arrivals, and the state of drawing them.

    Attributes:
        rates_per_s: rate of each segment, from midnight on; they repeat after the last one.
        segment_s: length of a segment.
        horizon_s: end of the arrivals.
        burst_size: users in a burst; 0: no bursts.
        bursts_per_s: rate of bursts.
        burst_step_s: time between users of a burst.
        states: random number streams of arrivals and of bursts.
        times: the next arrivals, and the moments that they were drawn from.
        counts: the segment, the users drawn of the current burst, and 1 after the first draw.
    """

    rates_per_s: Floats
    segment_s: float
    horizon_s: float
    burst_size: int
    bursts_per_s: float
    burst_step_s: float
    states: States
    times: Floats
    counts: Ints


def _next_base(p: ArrivalProcess) -> float:
    """The moment at which the expected count has grown by an exponential step of mean 1."""
    step = -math.log(1.0 - uniform(p.states, 0))
    while True:
        now_s = p.times[_NOW]
        if now_s >= p.horizon_s:
            return math.inf
        segment = p.counts[_SEGMENT]
        rate = p.rates_per_s[segment % len(p.rates_per_s)]
        end_s = (segment + 1) * p.segment_s
        if rate > 0 and now_s + step / rate < end_s:
            now_s += step / rate
            p.times[_NOW] = now_s
            return now_s
        step -= (end_s - now_s) * rate
        p.times[_NOW] = end_s
        p.counts[_SEGMENT] += 1


def _next_burst(p: ArrivalProcess) -> float:
    if p.burst_size == 0:
        return math.inf
    if p.counts[_SENT] == p.burst_size:
        p.times[_BEGIN] += p.burst_size * p.burst_step_s
        p.counts[_SENT] = 0
    if p.counts[_SENT] == 0:
        if p.times[_BEGIN] >= p.horizon_s:
            return math.inf
        p.times[_MOMENT] += -math.log(1.0 - uniform(p.states, 1)) / p.bursts_per_s
        p.times[_BEGIN] = max(p.times[_MOMENT], p.times[_BEGIN])
    arrival_s = p.times[_BEGIN] + p.counts[_SENT] * p.burst_step_s
    p.counts[_SENT] += 1
    return arrival_s


def draw_arrivals(chunk: Floats, p: ArrivalProcess) -> int:
    """Fill a chunk with the next arrivals; return their number, fewer at the end."""
    if p.counts[_STARTED] == 0:
        p.counts[_STARTED] = 1
        p.times[_BASE] = _next_base(p)
        p.times[_NEXT_BURST] = _next_burst(p)
    for at in range(len(chunk)):
        from_burst = p.times[_NEXT_BURST] < p.times[_BASE]
        now_s = p.times[_NEXT_BURST] if from_burst else p.times[_BASE]
        if now_s >= p.horizon_s:
            return at
        if from_burst:
            p.times[_NEXT_BURST] = _next_burst(p)
        else:
            p.times[_BASE] = _next_base(p)
        chunk[at] = now_s
    return len(chunk)
