"""Distributions that service times and cold starts are drawn from."""

import bisect
import math
import statistics
from dataclasses import dataclass, replace
from typing import Literal

from warmlens.errors import WarmlensError

CONSTANT, EXPONENTIAL, TABLE = range(3)
_KINDS = {"constant": CONSTANT, "exponential": EXPONENTIAL, "table": TABLE}


@dataclass(frozen=True)
class Distribution:
    """A distribution of times.

    Attributes:
        kind: `constant`; `exponential`; or `table`, quantiles with straight lines between them.
        values_s: the constant, the mean, or the value at each quantile.
        quantiles: for a table, from 0 to 1, ascending.

    Raises:
        WarmlensError: a value is negative or not a number, or the quantiles do not ascend.
    """

    kind: Literal["constant", "exponential", "table"]
    values_s: tuple[float, ...]
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.values_s or not all(0 <= value < math.inf for value in self.values_s):
            raise WarmlensError("bad_time", f"times of {self.values_s} s: give 0 or more")
        if self.kind != "table":
            return
        pairs = list(zip(self.quantiles, self.quantiles[1:], strict=False))
        if (
            len(self.quantiles) != len(self.values_s)
            or self.quantiles[:1] != (0.0,)
            or self.quantiles[-1:] != (1.0,)
            or not all(low < high for low, high in pairs)
            or list(self.values_s) != sorted(self.values_s)
        ):
            why = f"quantiles {self.quantiles} of {self.values_s} s"
            raise WarmlensError("bad_quantiles", f"{why}: both must ascend, quantiles from 0 to 1")

    @property
    def code(self) -> int:
        """The kind as a number, for the kernel."""
        return _KINDS[self.kind]

    @property
    def mean_s(self) -> float:
        """The mean."""
        if self.kind != "table":
            return self.values_s[0]
        pieces = zip(
            self.quantiles, self.quantiles[1:], self.values_s, self.values_s[1:], strict=False
        )
        return sum((high - low) * (a + b) / 2 for low, high, a, b in pieces)

    def quantile_s(self, share: float) -> float:
        """Return the time that a share of all is at most."""
        if self.kind == "constant":
            return self.values_s[0]
        if self.kind == "exponential":
            return -math.log1p(-share) * self.values_s[0]
        at = max(0, bisect.bisect_left(self.quantiles, share) - 1)
        low, high = self.quantiles[at : at + 2]
        a, b = self.values_s[at : at + 2]
        return a + (b - a) * (share - low) / (high - low)

    def scaled(self, factor: float) -> "Distribution":
        """Return the distribution of a time that is longer by a factor."""
        return replace(self, values_s=tuple(each * factor for each in self.values_s))


def constant(value_s: float) -> Distribution:
    """Return the distribution of a time that is always the same."""
    return Distribution("constant", (value_s,))


def exponential(mean_s: float) -> Distribution:
    """Return the exponential distribution with a mean."""
    return Distribution("exponential", (mean_s,))


def later(distribution: Distribution, by_s: float) -> Distribution:
    """Return the distribution of a time that is longer by a constant."""
    if distribution.kind == "exponential" and by_s:
        raise ValueError("an exponential time plus a constant is not exponential")
    return replace(distribution, values_s=tuple(each + by_s for each in distribution.values_s))


_SHARES = (0.001, 0.01, 0.05, *(at / 10 for at in range(1, 10)), 0.95, 0.99, 0.999)


def lognormal(median_s: float, sigma: float) -> Distribution:
    """Return a lognormal distribution as a table of quantiles; it ends at 99.9 %.

    Args:
        median_s: the median.
        sigma: standard deviation of the logarithm.
    """
    normal = statistics.NormalDist()
    values_s = [median_s * math.exp(sigma * normal.inv_cdf(share)) for share in _SHARES]
    quantiles = (0.0, *_SHARES[1:-1], 1.0)
    return Distribution("table", tuple(values_s), quantiles)
