"""Hartigan and Hartigan's dip test: whether a distribution has more than one peak.

The dip is the largest distance between the samples' distribution function and the nearest one with
one peak (The Dip Test of Unimodality, Annals of Statistics 13, 1985), computed by their algorithm
AS 217 (Applied Statistics 34, 1985). Packages of it have licences that this project cannot use.
"""

import functools
import itertools
import math
import random
from collections.abc import Sequence

_SIMULATIONS = 400
_LEVEL = 0.95
_MOST_SIMULATED = 1000  # beyond, the dip times the root of the number hardly changes


def has_one_peak(values: Sequence[float]) -> bool:
    """Return whether nothing speaks against one peak, at a level of 5 %.

    The dip is compared with that of as many uniform values: of all distributions with one peak, the
    uniform one has the largest. Few values hardly ever show two peaks.

    Args:
        values: in any order.
    """
    simulated = min(len(values), _MOST_SIMULATED)
    return dip(values) <= _critical(simulated) * math.sqrt(simulated / max(len(values), 1))


def dip(values: Sequence[float]) -> float:
    """Return Hartigan's dip of samples, from 1 / (2 n) to a quarter."""
    x = sorted(values)
    count = len(x)
    if count < 4 or x[0] == x[-1]:
        return 1 / (2 * max(count, 1))
    below, above = _minorant(x), _majorant(x)
    low, high, largest = 0, count - 1, 1.0
    while True:
        convex = _chain(below, high, low)
        concave = _chain(above, low, high)
        distance, first, last = _widest(x, convex, concave)
        if distance < largest:
            break
        left = itertools.pairwise(reversed(convex[first:]))
        right = itertools.pairwise(concave[last:])
        off = [_off(x, *each, 1) for each in left] + [_off(x, *each, -1) for each in right]
        largest = max(largest, *off, 0.0)
        if (low, high) == (convex[first], concave[last]):
            break
        low, high = convex[first], concave[last]
    return largest / (2 * count)


@functools.cache
def _critical(count: int) -> float:
    """Return the dip that as many uniform values exceed in one of twenty cases."""
    rng = random.Random(count)
    dips = sorted(dip([rng.random() for _ in range(count)]) for _ in range(_SIMULATIONS))
    return dips[math.ceil(_LEVEL * _SIMULATIONS) - 1]


def _minorant(x: Sequence[float]) -> list[int]:
    """Return, for each value, the one before it on the greatest convex minorant up to it."""
    before = [0] * len(x)
    for at in range(1, len(x)):
        before[at] = at - 1
        while (one := before[at]) != 0:
            two = before[one]
            if (x[at] - x[one]) * (one - two) < (x[one] - x[two]) * (at - one):
                break
            before[at] = two
    return before


def _majorant(x: Sequence[float]) -> list[int]:
    """Return, for each value, the one after it on the least concave majorant from it."""
    end = len(x) - 1
    after = [end] * len(x)
    for at in range(end - 1, -1, -1):
        after[at] = at + 1
        while (one := after[at]) != end:
            two = after[one]
            if (x[at] - x[one]) * (one - two) < (x[one] - x[two]) * (at - one):
                break
            after[at] = two
    return after


def _chain(step: Sequence[int], begin: int, end: int) -> list[int]:
    chain = [begin]
    while chain[-1] != end:
        chain.append(step[chain[-1]])
    return chain


def _widest(
    x: Sequence[float], convex: Sequence[int], concave: Sequence[int]
) -> tuple[float, int, int]:
    """Return the largest distance of both curves, and their places at the modal interval."""
    first, last = len(convex) - 1, len(concave) - 1
    if first == last == 1:
        return 1.0, first, last
    distance, i, j = 0.0, first - 1, 1
    while True:
        at, of = convex[i], concave[j]
        if at > of:
            begin = convex[i + 1]
            width = (of - begin + 1) - (x[of] - x[begin]) * (at - begin) / (x[at] - x[begin])
            j += 1
            if width >= distance:
                distance, first, last = width, i + 1, j - 1
        else:
            begin = concave[j - 1]
            width = (x[at] - x[begin]) * (of - begin) / (x[of] - x[begin]) - (at - begin - 1)
            i -= 1
            if width >= distance:
                distance, first, last = width, i + 1, j
        i, j = max(i, 0), min(j, len(concave) - 1)
        if convex[i] == concave[j]:
            return distance, first, last


def _off(x: Sequence[float], begin: int, end: int, sign: int) -> float:
    """Return the largest distance of values between two places from the line, at least 1."""
    if end - begin <= 1 or x[end] == x[begin]:
        return 1.0
    slope = (end - begin) / (x[end] - x[begin])
    return max(
        1.0,
        *(sign * (at - begin - (x[at] - x[begin]) * slope) + 1 for at in range(begin, end + 1)),
    )
