"""Counts, sums and percentiles of simulated days."""

import itertools
import math
from dataclasses import dataclass, field, fields

from warmlens.planner import statistics
from warmlens.planner.statistics import Estimate


@dataclass
class Outcome:
    """Counts and sums of one or several simulations.

    Attributes:
        requests: users' calls.
        cold: users' calls that waited for a new instance.
        slowed: cold calls that came while the warmer held an instance.
        throttled: users' calls that were throttled.
        busy_s: instance-seconds of users' calls, init included.
        init_s: the part of busy_s that was init.
        billed_ms: billed time of users on demand; each call is rounded up to a millisecond.
            The platform's part of a cold start is not billed.
        provisioned_billed_ms: billed time of users on provisioned instances.
        provisioned_instance_s: instance-seconds of provisioned concurrency.
        pings: the warmer's calls.
        pings_cold: the warmer's calls that started an instance.
        pings_throttled: the warmer's calls that were throttled.
        held_s: instance-seconds that the warmer held, without init.
        pings_init_s: init of instances that the warmer's calls started, in seconds.
        pings_billed_ms: billed time of the warmer's calls.
        runs, rounds: runs of the warmer, and their rounds.
        runs_s: time from the begin of the runs to their last answers.
        wakes: wakes ahead of users' calls.
        page_wakes: those of them that the page sent when it opened.
        wakes_cold: wakes that started an instance.
        wakes_throttled: wakes that were throttled.
        wakes_s: instance-seconds of wakes, without init.
        wakes_billed_ms: billed time of wakes.
        instances: instances that were started.
        peak_busy: maximum number of calls at once.
        latency_s: sum of the users' latencies.
        latencies: number of users' calls in each bin of `bin_of`.
        busy_seen: number of users' calls that came at each number of calls in progress.
        horizon_s: simulated time.
        hour_requests, hour_cold, hour_throttled: users' calls in each hour.
        hour_busy, hour_alive: calls in progress and instances, summed over one sample a minute.
        hour_samples: number of these samples.
    """

    requests: int = 0
    cold: int = 0
    slowed: int = 0
    throttled: int = 0
    busy_s: float = 0.0
    init_s: float = 0.0
    billed_ms: int = 0
    provisioned_billed_ms: int = 0
    provisioned_instance_s: float = 0.0
    pings: int = 0
    pings_cold: int = 0
    pings_throttled: int = 0
    held_s: float = 0.0
    pings_init_s: float = 0.0
    pings_billed_ms: int = 0
    runs: int = 0
    rounds: int = 0
    runs_s: float = 0.0
    wakes: int = 0
    page_wakes: int = 0
    wakes_cold: int = 0
    wakes_throttled: int = 0
    wakes_s: float = 0.0
    wakes_billed_ms: int = 0
    instances: int = 0
    peak_busy: int = 0
    latency_s: float = 0.0
    horizon_s: float = 0.0
    latencies: dict[int, int] = field(default_factory=dict)
    busy_seen: list[int] = field(default_factory=list)
    hour_requests: list[int] = field(default_factory=list)
    hour_cold: list[int] = field(default_factory=list)
    hour_throttled: list[int] = field(default_factory=list)
    hour_busy: list[int] = field(default_factory=list)
    hour_alive: list[int] = field(default_factory=list)
    hour_samples: list[int] = field(default_factory=list)

    @property
    def served(self) -> int:
        """Users' calls that were not throttled."""
        return self.requests - self.throttled

    @property
    def cold_share(self) -> float:
        """Cold calls, as a share of the calls that were served."""
        return self.cold / self.served if self.served else 0.0

    @property
    def slowed_share(self) -> float:
        """Cold calls during a round of the warmer, as a share of the calls that were served."""
        return self.slowed / self.served if self.served else 0.0

    @property
    def throttled_share(self) -> float:
        """Throttled calls, as a share of all calls of users."""
        return self.throttled / self.requests if self.requests else 0.0

    @property
    def mean_busy(self) -> float:
        """Users' calls in progress, on average over time."""
        return self.busy_s / self.horizon_s if self.horizon_s else 0.0

    @property
    def mean_alive(self) -> float:
        """Instances, on average over time."""
        samples = sum(self.hour_samples)
        return sum(self.hour_alive) / samples if samples else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the users' latency, right to 0.05 %."""
        if not self.latencies:
            return 0.0
        return _ms(_Descending(self.latencies).percentile_bin(percent))

    def add(self, other: "Outcome") -> None:
        """Add another outcome."""
        for name, more in vars(other).items():
            own = getattr(self, name)
            if isinstance(own, dict):
                for at, count in more.items():
                    own[at] = own.get(at, 0) + count
            elif isinstance(own, list):
                own[:] = map(sum, itertools.zip_longest(own, more, fillvalue=0))
            elif name == "peak_busy":
                self.peak_busy = max(own, more)
            else:
                setattr(self, name, own + more)


HOURLY = [each.name for each in fields(Outcome) if each.name.startswith("hour_")]


def rounded_up_ms(duration_s: float) -> int:
    """Return a duration in billed milliseconds, rounded up, without the error of floats."""
    return math.ceil(duration_s * 1000.0 - 1e-6)


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


@dataclass
class Outcomes:
    """Pooled results of several simulated days; memory grows with the days, not with the calls.

    Attributes:
        total: the sum of all outcomes.
        cold, served: calls of each seed.
        latencies: number of calls of each seed in each bin of `bin_of`.
    """

    total: Outcome = field(default_factory=Outcome)
    cold: list[int] = field(default_factory=list)
    served: list[int] = field(default_factory=list)
    latencies: list[dict[int, int]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a further seed."""
        self.total.add(outcome)
        self.cold.append(outcome.cold)
        self.served.append(outcome.served)
        self.latencies.append(outcome.latencies)

    @property
    def times(self) -> int:
        """Number of seeds."""
        return len(self.served)

    def cold_share(self, tail: float = statistics.TAIL) -> Estimate:
        """Return the share of cold calls among the calls that were served."""
        return statistics.share(self.cold, self.served, tail)

    def percentile_ms(self, percent: float, tail: float = statistics.TAIL) -> Estimate:
        """Return a percentile of the users' latency by nearest rank, right to 0.05 %.

        The ends of its interval follow from binomial limits on the calls above the percentile.
        """
        total = sum(self.served)
        if not total:
            return Estimate(0.0, 0.0, float("inf"))
        limit = 1 - percent / 100
        merged = _Descending(self.total.latencies)
        at = merged.percentile_bin(percent)
        above = [sum(n for b, n in each.items() if b > at) for each in self.latencies]
        independent = statistics.effective_sample_size(above, self.served)
        raw = total / independent
        most = statistics.most_above(limit, independent, tail)
        low = merged.last_with_at_most(
            statistics.fewest_above(limit, independent, tail) * raw, above=True
        )
        high = float("inf") if most is None else _ms(merged.last_with_at_most(most * raw))
        return Estimate(_ms(at), _ms(low), high)


class _Descending:
    """A histogram's bins, the slowest first."""

    def __init__(self, latencies: dict[int, int]) -> None:
        self._bins = sorted(latencies, reverse=True)
        self._counts = [latencies[at] for at in self._bins]

    def percentile_bin(self, percent: float) -> int:
        """Return the bin of a percentile, by nearest rank."""
        return self.last_with_at_most(sum(self._counts) * (1 - percent / 100) + 1e-9)

    def last_with_at_most(self, calls: float, *, above: bool = False) -> int:
        """Return the fastest bin with at most this many calls in slower bins; above: fewer."""
        slower, fastest = 0, self._bins[0]
        for at, count in zip(self._bins, self._counts, strict=True):
            if slower > calls or (above and slower >= calls):
                break
            fastest = at
            slower += count
        return fastest


def _ms(at: int) -> float:
    return middle_s(at) * 1000
