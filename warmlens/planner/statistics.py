"""Confidence intervals of shares and percentiles over several simulated days.

Calls of one simulated day are correlated, so they show less than as many independent ones. The
design effect says how much less: it is the variance between days as a multiple of the binomial
variance. The exact binomial interval is of the calls divided by it (Korn and Graubard, "Confidence
intervals for proportions with small expected number of positive counts estimated from survey
data", Survey Methodology 24, 1998).
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Z_975 = statistics.NormalDist().inv_cdf(0.975)
_FEW = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


def t_975(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t.

    Args:
        degrees: of freedom, from 1. A table for few, then Cornish and Fisher's expansion.
    """
    if degrees <= len(_FEW):
        return _FEW[degrees - 1]
    z = Z_975
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


TAIL = 0.025  # on each side of a 95 % interval
_STEPS = 60


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % confidence interval.

    Attributes:
        value: over all calls.
        low, high: of the interval; high is infinite where too few calls were simulated.
    """

    value: float
    low: float
    high: float


def share(counts: Sequence[int], totals: Sequence[int], tail: float = TAIL) -> Estimate:
    """Return the share of the calls that were counted, with its interval.

    Args:
        counts: the counted calls of each simulation.
        totals: all calls of each simulation.
        tail: probability on each side of the interval.
    """
    count, total = sum(counts), sum(totals)
    if not total:
        return Estimate(0.0, 0.0, 1.0)
    ratio = effective_sample_size(counts, totals) / total
    low, high = exact_binomial(count * ratio, total * ratio, tail)
    return Estimate(count / total, low, high)


def effective_sample_size(counts: Sequence[int], totals: Sequence[int]) -> float:
    """Return the number of independent calls with as narrow an interval as these clustered ones."""
    times, count, total = sum(each > 0 for each in totals), sum(counts), sum(totals)
    if times < 2 or not 0 < count < total:
        return float(total)
    at = count / total
    spread = sum((each - at * of) ** 2 for each, of in zip(counts, totals, strict=True))
    variance = times / (times - 1) * spread / total**2
    effect = max(1.0, variance / (at * (1 - at) / total))
    # The effect itself is uncertain with few times: Korn and Graubard's factor for that.
    return total / effect * min(1.0, (Z_975 / t_975(times - 1)) ** 2)


def exact_binomial(count: float, total: float, tail: float = TAIL) -> tuple[float, float]:
    """Return Clopper and Pearson's interval (Biometrika 26, 1934) of a share of calls, 95 %.

    Count and total may have fractions. At a count of 0 the upper end is about 3.7 / total.
    """
    low = 0.0 if count <= 0 else _least(lambda p: binomial_above(count - 1, total, p) > tail)
    high = 1.0 if count >= total else _least(lambda p: binomial_above(count, total, p) >= 1 - tail)
    return low, high


def calls_to_show(limit: float) -> int:
    """Return the fewest calls, none of them counted, that show a share below a limit."""
    return math.ceil(math.log(TAIL) / math.log1p(-limit))


def most_above(limit: float, total: float, tail: float = TAIL) -> float | None:
    """Return the most counted calls that still show a share below a limit.

    It is None if even a count of 0 does not show it. The total is of independent calls.
    """
    if binomial_above(0, total, limit) < 1 - tail:
        return None
    return total * _least(lambda at: binomial_above(at * total, total, limit) < 1 - tail)


def fewest_above(limit: float, total: float, tail: float = TAIL) -> float:
    """Return the fewest counted calls that show a share above a limit."""
    return total * _least(lambda at: binomial_above(at * total - 1, total, limit) <= tail)


def binomial_above(count: float, total: float, probability: float) -> float:
    """Return the probability that more calls than a count are counted, each with a probability."""
    if count < 0:
        return 1.0
    if count >= total:
        return 0.0
    return _beta(probability, count + 1, total - count)


def _least(true_from: Callable[[float], bool]) -> float:
    """Return where between 0 and 1 a condition begins to hold, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if true_from(middle) else (middle, high)
    return high


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function (DLMF 8.17), by its continued fraction 8.17.22."""
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    log_factor = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    factor = math.exp(log_factor + a * math.log(x) + b * math.log1p(-x)) / a
    return min(1.0, factor / _continued(x, a, b))


def _continued(x: float, a: float, b: float) -> float:
    """Lentz's algorithm: 1 + d1 / (1 + d2 / (1 + ...))."""
    tiny = 1e-300
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, 10_000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + term * d or tiny)
        c = 1 + term / c or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-13:
            break
    return value
