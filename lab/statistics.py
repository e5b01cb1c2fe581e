"""Percentiles of samples, and intervals of their ratios."""

import random
import statistics
from collections.abc import Sequence

_RESAMPLES = 2000


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile, interpolated linearly between the two nearest values.

    This is type 7 of Hyndman and Fan (1996): NumPy's default, `PERCENTILE.INC` of spreadsheets.

    Args:
        values: at least one, in any order.
        percent: from 1 to 99.
    """
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def ratio_interval(values: Sequence[float], base: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of medians, by bootstrap (Efron's percentiles).

    Args:
        values: at least one, in any order.
        base: what they are compared with, at least one.
    """
    rng = random.Random(1)
    ratios = [
        statistics.median(rng.choices(values, k=len(values)))
        / statistics.median(rng.choices(base, k=len(base)))
        for _ in range(_RESAMPLES)
    ]
    cuts = statistics.quantiles(ratios, n=40, method="inclusive")
    return cuts[0], cuts[-1]
