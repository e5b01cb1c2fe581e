"""Confidence intervals of shares and percentiles over several simulated days.

Calls of one simulated day are alike, so that they tell less than as many independent ones. How
much less is the design effect, the variance between days as a multiple of the binomial one; the
calls divided by it are what an exact binomial interval is taken of (Korn and Graubard, "Confidence
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
        degrees: of freedom, from 1; a table for few, then Cornish and Fisher's expansion.
    """
    if degrees <= len(_FEW):
        return _FEW[degrees - 1]
    z = Z_975
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


TAIL = 0.025  # on each side of a 95 % interval
_STEPS = 60


@dataclass(frozen=True)
class Estimate:
    """A figure over all simulated calls, and between what it lies, nineteen times of twenty.

    Attributes:
        value: over all calls.
        low, high: of the interval; high is infinite where too few calls were simulated to tell.
    """

    value: float
    low: float
    high: float


def share(counts: Sequence[int], totals: Sequence[int]) -> Estimate:
    """Return the share of the calls that were counted, with its interval.

    Args:
        counts: for each simulated time, calls of some kind.
        totals: for each, all calls.
    """
    count, total = sum(counts), sum(totals)
    if not total:
        return Estimate(0.0, 0.0, 1.0)
    alike = effective_sample_size(counts, totals) / total
    low, high = exact_binomial(count * alike, total * alike)
    return Estimate(count / total, low, high)


def effective_sample_size(counts: Sequence[int], totals: Sequence[int]) -> float:
    """Return how many independent calls tell as much as these, at most as many as they are."""
    times, count, total = sum(each > 0 for each in totals), sum(counts), sum(totals)
    if times < 2 or not 0 < count < total:
        return float(total)
    at = count / total
    spread = sum((each - at * of) ** 2 for each, of in zip(counts, totals, strict=True))
    variance = times / (times - 1) * spread / total**2
    effect = max(1.0, variance / (at * (1 - at) / total))
    # The effect itself is uncertain with few times: Korn and Graubard's factor for that.
    return total / effect * min(1.0, (Z_975 / t_975(times - 1)) ** 2)


def exact_binomial(count: float, total: float) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % interval (Biometrika 26, 1934) of a share.

    At a count of zero the upper end is about 3.7 divided by the total.

    Args:
        count, total: may be fractions of calls.
    """
    low = 0.0 if count <= 0 else _least(lambda p: binomial_above(count - 1, total, p) > TAIL)
    high = 1.0 if count >= total else _least(lambda p: binomial_above(count, total, p) >= 1 - TAIL)
    return low, high


def calls_to_tell(limit: float) -> int:
    """Return how many calls without a single one counted show that a share is below a limit."""
    return math.ceil(math.log(TAIL) / math.log1p(-limit))


def most_above(limit: float, total: float) -> float | None:
    """Return how many of all calls may be counted, at most, to show that the share is below.

    Args:
        limit: of the share.
        total: independent calls.

    Returns:
        None where even none counted would not show it.
    """
    if binomial_above(0, total, limit) < 1 - TAIL:
        return None
    return total * _least(lambda at: binomial_above(at * total, total, limit) < 1 - TAIL)


def fewest_above(limit: float, total: float) -> float:
    """Return how many of all calls must be counted, at least, to show that the share is above."""
    return total * _least(lambda at: binomial_above(at * total - 1, total, limit) <= TAIL)


def binomial_above(count: float, total: float, chance: float) -> float:
    """Return the probability of more than a count, of so many calls with a chance each."""
    if count < 0:
        return 1.0
    if count >= total:
        return 0.0
    return _beta(chance, count + 1, total - count)


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
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log_front + a * math.log(x) + b * math.log1p(-x)) / a
    return min(1.0, front / _continued(x, a, b))


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


def mean_estimate(values: Sequence[float]) -> Estimate:
    """Return a mean with its 95 % interval, by Student's t distribution.

    Args:
        values: one for each seed; of a single one, the interval is the value itself.
    """
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Estimate(mean, mean, mean)
    half = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)
