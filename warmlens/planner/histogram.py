"""Latencies in bins a thousandth wide, so that percentiles take the same memory for any number."""

import math
from collections.abc import Mapping

PER_OCTAVE = 1024
LOWEST_EXPONENT, HIGHEST_EXPONENT = -20, 14  # from about a microsecond to four hours
BINS = (HIGHEST_EXPONENT - LOWEST_EXPONENT) * PER_OCTAVE


def bin_of(value_s: float) -> int:
    """Return a latency's bin; 1,024 equal ones between each power of two and the next."""
    if value_s <= 0:
        return 0
    mantissa, exponent = math.frexp(value_s)
    at = (exponent - LOWEST_EXPONENT) * PER_OCTAVE + int((mantissa - 0.5) * 2 * PER_OCTAVE)
    return min(max(at, 0), BINS - 1)


def middle_s(at: int) -> float:
    """Return the middle of a bin; a latency in it is at most 0.05 % away."""
    exponent, part = divmod(at, PER_OCTAVE)
    return math.ldexp(0.5 + (part + 0.5) / (2 * PER_OCTAVE), exponent + LOWEST_EXPONENT)


def percentile_s(bins: Mapping[int, int], percent: float) -> float:
    """Return a percentile by nearest rank, 0 where nothing was counted."""
    total = sum(bins.values())
    if not total:
        return 0.0
    rank = max(1, math.ceil(total * percent / 100 - 1e-9))
    seen = 0
    for at, count in sorted(bins.items()):
        seen += count
        if seen >= rank:
            return middle_s(at)
    raise AssertionError("the rank is at most the total")
