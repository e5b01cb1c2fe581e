"""The candidates of a plan: memory, model store, warming and N for each hour."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from warmlens.planner.assumptions import Assumptions, Clients
from warmlens.planner.cost import Deployment
from warmlens.planner.photo import PhotoBy, Way
from warmlens.planner.scenario import (
    DAY_H,
    HOUR_S,
    NO_TIME,
    Scenario,
    WakeAhead,
    WarmingPolicy,
    by_hour,
)
from warmlens.planner.service_times import Measured
from warmlens.planner.traffic import Profile

MISSED = (0.1, 0.01, 0.001, 0.0001)
"""N for an hour is the number of calls at once that is exceeded with this probability."""
FLAT = (1, 2, 3, 5, 10, 20)
MAX_PINGED = 100  # stacks/settings.py
USER_RESERVE = 1  # its warming_user_reserve
BY_PAGE = Way()
KINDS = ("off", "ahead", "ping", "ahead+ping", "provisioned", "snapstart")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to deploy.

    Attributes:
        measured: memory size and model store with their times.
        warming: one of `KINDS`.
        by_hour: instances to keep warm, for each hour of the day in UTC.
        hold_ms: time for which a round holds the instances; None: the warmer sets it itself.
    """

    measured: Measured
    warming: str
    by_hour: tuple[int, ...] = by_hour(0)
    hold_ms: int | None = None

    @property
    def pings(self) -> bool:
        """True if the warmer wakes instances on a schedule."""
        return self.warming in ("ping", "ahead+ping")

    @property
    def wakes_ahead(self) -> bool:
        """True if clients and uploads wake instances ahead."""
        return self.warming in ("ahead", "ahead+ping")

    @property
    def label(self) -> str:
        """A name for people."""
        low, high = min(self.by_hour), max(self.by_hour)
        count = f"{high}" if low == high else f"{low} to {high} ({sum(self.by_hour)} a day)"
        held = "" if self.hold_ms is None else f", held {self.hold_ms} ms"
        warming = {
            "off": "no warming",
            "ahead": "wake ahead",
            "ping": f"ping {count}{held}",
            "ahead+ping": f"wake ahead, ping {count}{held}",
            "provisioned": f"provisioned {count}",
            "snapstart": "SnapStart (not measured)",
        }[self.warming]
        return f"{self.measured.label}, {warming}"

    def scenario(self, assumptions: Assumptions, way: Way = BY_PAGE) -> Scenario:
        """Return the scenario to simulate."""
        snapstart = self.warming == "snapstart"
        return Scenario(
            platform=NO_TIME if snapstart else assumptions.platform,
            init=assumptions.restore if snapstart else self.measured.init,
            service=self.measured.service,
            lifetimes=assumptions.lifetimes,
            concurrency=assumptions.concurrency,
            scaling_per_10_s=assumptions.scaling_per_10_s,
            provisioned_by_hour=self.by_hour if self.warming == "provisioned" else by_hour(0),
            warming=self._warming_policy() if self.pings else None,
            wake_ahead=self._wakes(assumptions, way) if self.wakes_ahead else None,
            per_environment_limit=assumptions.per_environment_limit,
        )

    def _warming_policy(self) -> WarmingPolicy:
        hold_s = None if self.hold_ms is None else self.hold_ms / 1000
        return WarmingPolicy(by_hour=self.by_hour, hold_s=hold_s)

    def _wakes(self, assumptions: Assumptions, way: Way) -> WakeAhead:
        return WakeAhead(
            pause=assumptions.pause,
            upload=assumptions.upload,
            from_page=assumptions.clients is Clients.PAGE,
            from_upload=way.photo is PhotoBy.UPLOAD,
            service=self.measured.service,  # a wakeup takes less: it fetches and decodes nothing
        )

    def deployment(
        self, model_bytes: int, way: Way = BY_PAGE, *, free_tier: bool = False
    ) -> Deployment:
        """Return the deployment that is paid for."""
        return Deployment(
            memory_mb=self.measured.memory_mb,
            architecture=self.measured.architecture,
            model_store=self.measured.model_store,
            model_bytes=model_bytes,
            snapstart=self.warming == "snapstart",
            way=way,
            free_tier=free_tier,
        )


def wakes_ahead(assumptions: Assumptions, way: Way) -> bool:
    """Return whether anything wakes ahead: a page that opens, or an upload that begins."""
    return assumptions.clients is Clients.PAGE or way.photo is PhotoBy.UPLOAD


def candidates(
    measured: Sequence[Measured],
    traffic: Profile,
    *,
    concurrency: int,
    snapstart: bool = True,
    ahead: bool = True,
) -> Iterator[Candidate]:
    """Yield all candidates; none keeps more instances than the concurrency.

    Args:
        measured: memory sizes and model stores.
        traffic: users' calls.
        concurrency: maximum number of calls at once.
        snapstart: whether SnapStart is compared, which not every region has a price for.
        ahead: whether anything wakes ahead: a page that opens, or an upload.
    """
    for each in measured:
        alone = ["off", *(["ahead"] if ahead else []), *(["snapstart"] if snapstart else [])]
        for kind in alone:
            yield Candidate(measured=each, warming=kind)
        profiles = list(instance_profiles(traffic, each.service.mean_s))
        for counts in profiles:
            if max(counts) <= min(MAX_PINGED, concurrency - USER_RESERVE):
                for kind in ("ping", "ahead+ping") if ahead else ("ping",):
                    yield Candidate(measured=each, warming=kind, by_hour=counts)
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
