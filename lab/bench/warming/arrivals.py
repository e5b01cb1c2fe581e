"""Seeded random arrivals of users for the comparison of warming policies."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True)
class Workload:
    """A day of user requests.

    Attributes:
        name: a name for people.
        arrivals_s: intended send times, ascending, in seconds from midnight.
    """

    name: str
    arrivals_s: tuple[float, ...]


def poisson(per_hour: float, seed: int) -> Workload:
    """Return Poisson arrivals at a constant rate."""
    name = f"{per_hour:g} an hour"
    return Workload(name, tuple(_thinned(lambda _: per_hour / 3600, per_hour / 3600, seed)))


def bursts(size: int, seed: int, per_hour: float = 4.0, within_s: float = 0.1) -> Workload:
    """Return bursts of `size` users within `within_s` seconds, at random moments."""
    rng = random.Random(f"{size} {seed}")
    moments = _thinned(lambda _: per_hour / 3600, per_hour / 3600, seed)
    arrivals = [moment + rng.uniform(0, within_s) for moment in moments for _ in range(size)]
    return Workload(f"bursts of {size}", tuple(sorted(arrivals)))


def day_profile(peak_per_hour: float, seed: int) -> Workload:
    """Return arrivals of a day with its peak at 16:00 and a tenth of it at 4:00."""

    def rate(now_s: float) -> float:
        wave = (1 - math.cos(2 * math.pi * (now_s / DAY_S - 4 / 24))) / 2
        return peak_per_hour / 3600 * (0.1 + 0.9 * wave)

    name = f"a day, peak {peak_per_hour:g} an hour"
    return Workload(name, tuple(_thinned(rate, peak_per_hour / 3600, seed)))


def _thinned(rate: Callable[[float], float], highest: float, seed: int) -> list[float]:
    """Return arrivals at a varying rate, by thinning (Lewis and Shedler, 1979)."""
    rng, now_s = random.Random(seed), 0.0
    arrivals: list[float] = []
    while True:
        now_s += rng.expovariate(highest)
        if now_s >= DAY_S:
            return arrivals
        if rng.random() * highest <= rate(now_s):
            arrivals.append(now_s)
