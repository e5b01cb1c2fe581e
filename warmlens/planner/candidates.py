"""The candidates of a plan: memory, model store, warming and N for each hour."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from warmlens.planner.cost import Deployment
from warmlens.planner.distribution import Distribution
from warmlens.planner.scenario import (
    DAY_H,
    HOUR_S,
    SCALING_PER_10_S,
    InstanceLifetimes,
    Scenario,
    WarmingPolicy,
    by_hour,
)
from warmlens.planner.service_times import Measured
from warmlens.planner.traffic import Profile

MISSED = (0.1, 0.01, 0.001, 0.0001)
"""N for an hour is the number of calls at once that is exceeded with this probability."""
FLAT = (1, 2, 3, 5, 10, 20)
HOLDS_MS = (100, 400)
MAX_PINGED = 100  # stacks/settings.py
USER_RESERVE = 1  # its warming_user_reserve


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """Assumptions: figures that are not measured.

    Attributes:
        lifetimes: idle expiry and lifetime of instances; AWS documents neither.
        platform_ms: time from a call to the start of the process on a new instance; not billed.
        concurrency: maximum number of calls at once.
        scaling_per_10_s: maximum number of instances started within ten seconds.
        name: name of a variation, for people.
    """

    lifetimes: InstanceLifetimes = field(default_factory=InstanceLifetimes)
    platform_ms: int = 0
    concurrency: int = 1000
    scaling_per_10_s: int = SCALING_PER_10_S
    name: str = "as assumed"

    def with_idle_s(self, shortest_s: float, longest_s: float) -> "Assumptions":
        """Return the same assumptions with another idle expiry."""
        idle = {"shortest_idle_s": shortest_s, "longest_idle_s": longest_s}
        return replace(self, lifetimes=replace(self.lifetimes, **idle))


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to deploy.

    Attributes:
        measured: memory size and model store with their times.
        warming: `off`, `ping` or `provisioned`.
        by_hour: instances to keep warm, for each hour of the day in UTC.
        hold_ms: time for which a round holds the instances; 0 without `ping`.
    """

    measured: Measured
    warming: str
    by_hour: tuple[int, ...] = by_hour(0)
    hold_ms: int = 0

    @property
    def label(self) -> str:
        """A name for people."""
        low, high = min(self.by_hour), max(self.by_hour)
        count = f"{high}" if low == high else f"{low} to {high} ({sum(self.by_hour)} a day)"
        warming = {
            "off": "no warming",
            "ping": f"ping {count}, held {self.hold_ms} ms",
            "provisioned": f"provisioned {count}",
        }[self.warming]
        return f"{self.measured.label}, {warming}"

    def scenario(self, assumptions: Assumptions) -> Scenario:
        """Return the scenario to simulate."""
        return Scenario(
            init=later(self.measured.init, assumptions.platform_ms / 1000),
            service=self.measured.service,
            lifetimes=assumptions.lifetimes,
            concurrency=assumptions.concurrency,
            scaling_per_10_s=assumptions.scaling_per_10_s,
            provisioned_by_hour=self.by_hour if self.warming == "provisioned" else by_hour(0),
            warming=WarmingPolicy(by_hour=self.by_hour, hold_s=self.hold_ms / 1000)
            if self.warming == "ping"
            else None,
        )

    def deployment(self, assumptions: Assumptions, model_bytes: int) -> Deployment:
        """Return the deployment that is paid for."""
        return Deployment(
            memory_mb=self.measured.memory_mb,
            architecture=self.measured.architecture,
            model_store=self.measured.model_store,
            model_bytes=model_bytes,
            unbilled_ms_per_cold=assumptions.platform_ms,
        )


def later(distribution: Distribution, by_s: float) -> Distribution:
    """Return the distribution of a time that is longer by a constant."""
    if distribution.kind == "exponential" and by_s:
        raise ValueError("an exponential time plus a constant is not exponential")
    return replace(distribution, values_s=tuple(each + by_s for each in distribution.values_s))


def candidates(
    measured: Sequence[Measured], traffic: Profile, *, concurrency: int
) -> Iterator[Candidate]:
    """Yield all candidates; none keeps more instances than the concurrency."""
    for each in measured:
        yield Candidate(measured=each, warming="off")
        profiles = list(instance_profiles(traffic, each.service.mean_s))
        for counts in profiles:
            if max(counts) <= min(MAX_PINGED, concurrency - USER_RESERVE):
                for hold_ms in HOLDS_MS:
                    yield Candidate(measured=each, warming="ping", by_hour=counts, hold_ms=hold_ms)
        for counts in profiles:
            if max(counts) <= concurrency:
                yield Candidate(measured=each, warming="provisioned", by_hour=counts)


def instance_profiles(traffic: Profile, service_s: float) -> Iterator[tuple[int, ...]]:
    """Yield numbers of instances for each hour: flat ones, and some from the traffic's rates."""
    loads = [rate * service_s for rate in busiest_rates(traffic)]
    profiles = {by_hour(count) for count in FLAT}
    for missed in MISSED:
        base = tuple(poisson_quantile(load, missed) for load in loads)
        profiles |= {base, by_hour(max(base))}
        if traffic.bursts:
            profiles.add(tuple(count + traffic.bursts.size for count in base))
    yield from sorted(each for each in profiles if max(each) > 0)


def busiest_rates(traffic: Profile) -> list[float]:
    """Return the highest rate per second in each hour of the day, over all days of the profile."""
    rates = [0.0] * DAY_H
    hours = math.ceil(max(traffic.length_s, DAY_H * HOUR_S) / HOUR_S)
    for hour in range(hours):
        first = int(hour * HOUR_S // traffic.segment_s)
        last = math.ceil((hour + 1) * HOUR_S / traffic.segment_s)
        for segment in range(first, max(last, first + 1)):
            rate = traffic.rates_per_s[segment % len(traffic.rates_per_s)]
            rates[hour % DAY_H] = max(rates[hour % DAY_H], rate)
    return rates


def poisson_quantile(mean: float, missed: float) -> int:
    """Return the least n that a Poisson count exceeds with at most this probability.

    The number of calls in progress when none waits (M/G/infinity) is Poisson with mean rate x time.
    """
    term = total = math.exp(-mean)
    n = 0
    if term == 0.0:  # beyond what a float holds: the normal approximation, rounded up
        return math.ceil(mean + 4 * math.sqrt(mean))
    while 1 - total > missed:
        n += 1
        term *= mean / n
        total += term
    return n
