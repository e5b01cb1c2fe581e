"""A plain-Python SplitMix64 random number generator: the oracle of `warmlens.planner.rng`."""

import math
from collections.abc import Callable

from warmlens.planner.distribution import Distribution

_MASK = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15


class Random:
    """A generator of numbers from 0 to 1, 1 excluded.

    Args:
        seed: the same seed gives the same draws.
        stream: one of the seed's independent streams.
    """

    def __init__(self, seed: int, stream: int) -> None:
        self._state = _mixed((seed * 4 + stream % 4 + 1) * _STEP & _MASK)
        if stream > 3:
            self._state = _mixed(self._state)

    def __call__(self) -> float:
        """Return the next draw."""
        self._state = (self._state + _STEP) & _MASK
        return (_mixed(self._state) >> 11) / 2**53


def draw(distribution: Distribution, random: Callable[[], float]) -> float:
    """Draw a time in seconds; a constant uses no random number."""
    if distribution.kind == "constant":
        return distribution.values_s[0]
    share = random()
    if distribution.kind == "exponential":
        return -math.log(1.0 - share) * distribution.values_s[0]
    quantiles, values_s = distribution.quantiles, distribution.values_s
    at = next(at for at, high in enumerate(quantiles[1:]) if share <= high)
    width = quantiles[at + 1] - quantiles[at]
    return values_s[at] + (values_s[at + 1] - values_s[at]) * ((share - quantiles[at]) / width)


def _mixed(bits: int) -> int:
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB & _MASK
    return bits ^ (bits >> 31)
