"""Percentiles that samples carry, and ratios of samples taken in turns."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lab.intervals import Blocks, Interval, mean_interval, median_interval, ratio_interval
from lab.modality import has_one_peak


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


def fewest_for(percent: int) -> int:
    """Return the fewest samples that carry a percentile: 59 for p95, 299 for p99.

    Among as many, one lies beyond the true percentile with 95 %; on average three do. With fewer
    the figure says more of the largest sample than of the percentile (Wilks, Determination of
    sample sizes for setting tolerance limits, Annals of Mathematical Statistics 12, 1941).
    """
    return math.ceil(math.log(0.05) / math.log(percent / 100))


def carried(values: Sequence[float], percent: int) -> float | None:
    """Return a percentile, or None where there are too few samples for it."""
    return percentile(values, percent) if len(values) >= fewest_for(percent) else None


def summary(values: Sequence[float], *, turn: int = 1) -> dict[str, Any]:
    """Return the fields of a record that samples alone determine; its value is their median.

    Args:
        values: at least one, in the order in which they were taken.
        turn: how many were taken after each other, before others had their turn.
    """
    turns = in_turns(values, turn)
    return {
        "value": statistics.median(values),
        "interval": median_interval(turns),
        "mean": statistics.fmean(values),
        "mean_interval": mean_interval(turns),
        "p95": carried(values, 95),
        "p99": carried(values, 99),
        "largest": max(values),
        "samples": len(values),
    }


def in_turns(values: Sequence[float], turn: int) -> list[Sequence[float]]:
    """Return the values of each turn."""
    return [values[begin : begin + turn] for begin in range(0, len(values), turn)]


@dataclass(frozen=True)
class Ratio:
    """A ratio of two samples' medians, or means, with its 95 % interval.

    Attributes:
        of: `medians`, or `means` where one of both distributions has more than one peak.
        interval: None with too few samples of either.
    """

    value: float
    of: Literal["medians", "means"]
    interval: Interval | None

    @property
    def fields(self) -> dict[str, Any]:
        """The ratio as a record keeps it."""
        return {"value": self.value, "of": self.of, "interval": self.interval}


def ratio_of(values: Sequence[float], base: Sequence[float], *, turn: int = 1) -> Ratio:
    """Return the ratio of two samples that were taken in turns.

    Args:
        values: at least one, in the order in which they were taken.
        base: what they are compared with, taken in turns with them.
        turn: how many were taken after each other.
    """
    return ratio_of_blocks(in_turns(values, turn), in_turns(base, turn))


def ratio_of_blocks(blocks: Blocks, base: Blocks) -> Ratio:
    """Return the ratio of two samples.

    Where a distribution has two peaks, its median lies on one of both by chance, or between them
    where hardly a sample is: the ratio is that of means then.

    Args:
        blocks: the values of each turn.
        base: those of what they are compared with.
    """
    flat, flat_base = ([value for block in each for value in block] for each in (blocks, base))
    one_peak = has_one_peak(flat) and has_one_peak(flat_base)
    average = statistics.median if one_peak else statistics.fmean
    interval = ratio_interval(blocks, base, of_means=not one_peak)
    return Ratio(average(flat) / average(flat_base), "medians" if one_peak else "means", interval)
