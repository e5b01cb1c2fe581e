"""The users of the comparison of warming policies."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from lab.bench.warming.traces import inference_service, load_balancer
from warmlens.planner.traffic import DAY_S, Profile, Traffic, constant_rate

WEEK_S = 7 * DAY_S
INIT_S = 0.12  # the process's part of a cold start with the shipped model at 1,769 MB
SLOW_INIT_S = 3.0  # that of a larger model with PyTorch
GROUP_S = 2.0  # people who come together do not come at one moment
PROGRAM_S = 0.1  # programs do


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Users who come in groups, at independent moments.

    Attributes:
        size: users in a group.
        per_hour: groups in an hour, on average.
        within_s: time over which a group's calls come, each at a moment of its own.
    """

    size: int
    per_hour: float
    within_s: float

    @property
    def description(self) -> str:
        """A name for people."""
        return f"groups of {self.size} within {self.within_s:g} s, {self.per_hour:g} an hour"

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Yield the moments of the calls before the horizon, ascending."""
        rng, now_s = random.Random(seed), 0.0
        moments: list[float] = []
        while (now_s := now_s + rng.expovariate(self.per_hour / 3600)) < horizon_s:
            moments += (now_s + self.within_s * rng.random() for _ in range(self.size))
        yield from sorted(moment for moment in moments if moment < horizon_s)

    def expected(self, horizon_s: float) -> float:
        """Return the expected number of calls before the horizon."""
        return self.size * self.per_hour * horizon_s / 3600


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Users of some kind.

    Attributes:
        name: a name for people.
        traffic: their calls.
        seeds: simulations of it; rare calls need more.
        horizon_s: length of each.
        instances: how many a policy that keeps instances keeps.
        page: whether they use the page, which wakes an instance when it opens; other clients have
            only the wake of the upload.
        init_s: the process's part of a cold start.
    """

    name: str
    traffic: Traffic
    seeds: int
    horizon_s: float = DAY_S
    instances: int = 5
    page: bool = True
    init_s: float = INIT_S


def users(per_hour: float, seeds: int, *, page: bool = True, init_s: float = INIT_S) -> Workload:
    """Return users who come independently of each other."""
    name = f"{per_hour:g} an hour" + ("" if page else ", without the page")
    if init_s != INIT_S:
        name += f", a model that starts in {init_s:g} s"
    traffic = constant_rate(per_hour / 3600)
    return Workload(name=name, traffic=traffic, seeds=seeds, page=page, init_s=init_s)


def groups(
    size: int,
    per_hour: float,
    within_s: float,
    seeds: int,
    *,
    page: bool = True,
    instances: int | None = None,
) -> Workload:
    """Return users who come in groups; as many instances are kept unless given."""
    traffic = Groups(size=size, per_hour=per_hour, within_s=within_s)
    name = traffic.description + ("" if page else ", without the page")
    count = instances or size
    return Workload(name=name, traffic=traffic, seeds=seeds, instances=count, page=page)


def day(peak_per_hour: float, seeds: int) -> Workload:
    """Return users of a day with its peak at 16:00 and a tenth of it at 4:00."""
    rates = []
    for hour in range(24):
        wave = (1 - math.cos(2 * math.pi * ((hour + 0.5) / 24 - 4 / 24))) / 2
        rates.append(peak_per_hour / 3600 * (0.1 + 0.9 * wave))
    name = f"a day, peak {peak_per_hour:g} an hour"
    return Workload(name=name, traffic=Profile(rates_per_s=tuple(rates)), seeds=seeds)


def week(name: str, group: int) -> Workload:
    """Return the second week of the load balancer, with users alone or in groups."""
    traffic = load_balancer(group, GROUP_S).part(WEEK_S, 2 * WEEK_S)
    return Workload(name=name, traffic=traffic, seeds=1, horizon_s=WEEK_S)


def half_hour() -> Workload:
    """Return the second half of the inference service's hour: programs, who call alone."""
    whole = inference_service()
    half_s = whole.length_s / 2
    return Workload(
        name="an inference service, 5.5 a second",
        traffic=whole.part(half_s, whole.length_s),
        seeds=20,
        horizon_s=half_s,
        page=False,
    )


WORKLOADS = (
    users(2, seeds=400),
    users(12, seeds=200),
    users(60, seeds=40),
    users(360, seeds=20),
    users(2, seeds=400, page=False),
    users(12, seeds=200, page=False),
    users(12, seeds=200, page=False, init_s=SLOW_INIT_S),
    day(120, seeds=40),
    groups(5, 4, GROUP_S, seeds=100),
    groups(20, 4, GROUP_S, seeds=20),
    groups(5, 4, PROGRAM_S, seeds=100, page=False),
    groups(10, 4, PROGRAM_S, seeds=50, page=False, instances=5),
    groups(50, 1, PROGRAM_S, seeds=40, page=False),
    week("load balancer, users alone", group=1),
    week("load balancer, groups of 5", group=5),
    half_hour(),
)
