"""Plain-Python arrival times of a traffic profile: the oracle of `warmlens.planner.arrivals`."""

import math
from collections.abc import Iterator

from lab.oracle.random import Random
from warmlens.planner.rng import ARRIVALS, BURSTS
from warmlens.planner.scenario import HOUR_S
from warmlens.planner.traffic import Profile


def arrivals(profile: Profile, seed: int, horizon_s: float) -> Iterator[float]:
    """Yield the moments of the calls, drawn from the seed."""
    base, bursts = _base(profile, seed, horizon_s), _bursts(profile, seed, horizon_s)
    base_s, burst_s = next(base), next(bursts)
    while True:
        if base_s <= burst_s:
            now_s, base_s = base_s, next(base, math.inf)
        else:
            now_s, burst_s = burst_s, next(bursts, math.inf)
        if now_s >= horizon_s:
            return
        yield now_s


def _base(profile: Profile, seed: int, horizon_s: float) -> Iterator[float]:
    """Yield the moments at which the expected count has grown by exponential steps of mean 1."""
    random = Random(seed, ARRIVALS)
    now_s, segment = 0.0, 0
    while True:
        step = -math.log(1.0 - random())
        while True:
            if now_s >= horizon_s:
                yield math.inf
                return
            rate = profile.rates_per_s[segment % len(profile.rates_per_s)]
            end_s = (segment + 1) * profile.segment_s
            if rate > 0 and now_s + step / rate < end_s:
                now_s += step / rate
                break
            step -= (end_s - now_s) * rate
            now_s = end_s
            segment += 1
        yield now_s


def _bursts(profile: Profile, seed: int, horizon_s: float) -> Iterator[float]:
    bursts = profile.bursts
    if bursts is None or bursts.per_hour == 0:
        yield math.inf
        return
    random, moment_s, begin_s = Random(seed, BURSTS), 0.0, 0.0
    rate = bursts.per_hour / HOUR_S
    step_s = bursts.within_s / bursts.size
    while begin_s < horizon_s:
        moment_s += -math.log(1.0 - random()) / rate
        begin_s = max(moment_s, begin_s)
        for number in range(bursts.size):
            yield begin_s + number * step_s
        begin_s += bursts.size * step_s
    yield math.inf
