"""Percentile of samples."""

import statistics
from collections.abc import Sequence


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
