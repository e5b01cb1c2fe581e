"""What several simulated times came to, together: every call counts alike, whatever its day."""

from dataclasses import dataclass, field

from warmlens.planner import evidence
from warmlens.planner.evidence import Estimate
from warmlens.planner.histogram import middle_s
from warmlens.planner.outcome import Outcome


@dataclass
class Pool:
    """Outcomes of several seeds. What is kept grows with the seeds, not with the calls.

    Attributes:
        total: all of them added up.
        cold, served: calls of each seed.
        latencies: of each seed, how many calls in each bin of `histogram` that has any.
    """

    total: Outcome = field(default_factory=Outcome)
    cold: list[int] = field(default_factory=list)
    served: list[int] = field(default_factory=list)
    latencies: list[dict[int, int]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Add what a further seed came to."""
        self.total.add(outcome)
        self.cold.append(outcome.cold)
        self.served.append(outcome.served)
        self.latencies.append(outcome.latencies)

    @property
    def times(self) -> int:
        """How many seeds there are."""
        return len(self.served)

    def cold_share(self) -> Estimate:
        """Return the users that met a cold start, as a share of those that were served."""
        return evidence.share(self.cold, self.served)

    def percentile_ms(self, percent: float) -> Estimate:
        """Return a percentile of the users' latency by nearest rank, right to 0.05 %.

        Its interval is of latencies that are shown to have more, or not shown to have less, than
        the percentile's share of all calls above them.
        """
        total = sum(self.served)
        if not total:
            return Estimate(0.0, 0.0, float("inf"))
        limit = 1 - percent / 100
        merged = _Descending(self.total.latencies)
        at = merged.last_with_at_most(total * limit + 1e-9)
        above = [sum(n for b, n in each.items() if b > at) for each in self.latencies]
        independent = evidence.independent(above, self.served)
        raw = total / independent
        most = evidence.most_above(limit, independent)
        low = merged.last_with_at_most(evidence.fewest_above(limit, independent) * raw, above=True)
        high = float("inf") if most is None else _ms(merged.last_with_at_most(most * raw))
        return Estimate(_ms(at), _ms(low), high)


class _Descending:
    """A histogram's bins, the slowest first, with how many calls are in slower ones."""

    def __init__(self, latencies: dict[int, int]) -> None:
        self._bins = sorted(latencies, reverse=True)
        self._counts = [latencies[at] for at in self._bins]

    def last_with_at_most(self, calls: float, *, above: bool = False) -> int:
        """Return the fastest bin with at most so many calls in slower ones.

        Args:
            calls: at most so many.
            above: fewer than so many, instead.
        """
        slower, found = 0, self._bins[0]
        for at, count in zip(self._bins, self._counts, strict=True):
            if slower > calls or (above and slower >= calls):
                break
            found = at
            slower += count
        return found


def _ms(at: int) -> float:
    return middle_s(at) * 1000
