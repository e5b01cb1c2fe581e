"""The hold of a run's first round, from the spread of arrivals that earlier runs measured.

All calls of a round are held until one moment, so they overlap if all arrive before it: a hold
need only be as long as the calls' arrivals are spread. The spread depends on the number of calls,
so each number has an estimate of its own.
"""

from dataclasses import dataclass

# As TCP estimates how long to wait for an answer: RFC 6298, section 2.
_GAIN_OF_MEAN = 1 / 8
_GAIN_OF_DEVIATION = 1 / 4
_DEVIATIONS = 4
_EXTRA_MS = 25  # clocks of instances differ a little, and a call takes time to reach its handler
MIN_HOLD_MS = 50


@dataclass(frozen=True)
class Spread:
    """Estimate of a round's spread of arrivals: its mean and mean deviation, in milliseconds."""

    mean_ms: float
    deviation_ms: float

    @classmethod
    def first(cls, measured_ms: float) -> "Spread":
        """Return the estimate after one measurement."""
        return cls(measured_ms, measured_ms / 2)

    def after(self, measured_ms: float) -> "Spread":
        """Return the estimate after a further measurement."""
        error_ms = measured_ms - self.mean_ms
        return Spread(
            self.mean_ms + _GAIN_OF_MEAN * error_ms,
            self.deviation_ms + _GAIN_OF_DEVIATION * (abs(error_ms) - self.deviation_ms),
        )

    @property
    def hold_ms(self) -> float:
        """A hold within which nearly all rounds' calls arrive, in milliseconds."""
        return max(MIN_HOLD_MS, self.mean_ms + _DEVIATIONS * self.deviation_ms + _EXTRA_MS)


def first_hold_ms(spread: Spread | None, *, calls: int, longest_ms: int) -> int:
    """Return the hold of a run's first round, in milliseconds.

    Args:
        spread: the estimate for this number of calls; None before the first measurement.
        calls: calls of the round; a single one overlaps with nothing, and is not held.
        longest_ms: the hold is never longer, and is this long where nothing is known.
    """
    if calls == 1:
        return 0
    return longest_ms if spread is None else min(round(spread.hold_ms), longest_ms)
