"""Scenarios to simulate: a function, its instances' lifetimes, and its warming."""

import math
from dataclasses import dataclass, field
from typing import Literal

from warmlens.errors import WarmlensError
from warmlens.planner.distribution import Distribution

HOUR_S = 3600.0
DAY_H = 24
SAMPLE_S = 60.0
SCALING_WINDOW_S = 10.0
SCALING_PER_10_S = 1000
LONGER_HOLD = 3.0
MAX_ROUNDS = 3
NEVER_S = 1e15


@dataclass(frozen=True, kw_only=True)
class InstanceLifetimes:
    """Idle expiry and lifetime of instances. AWS documents neither; each instance draws its own.

    Attributes:
        shortest_idle_s, longest_idle_s: without a call, it is gone after a time between them.
        shortest_lifetime_s, longest_lifetime_s: it takes no call after a time between them.

    Raises:
        WarmlensError: a time is not above 0, or the longest is below the shortest.
    """

    shortest_idle_s: float = 300.0
    longest_idle_s: float = 1800.0
    shortest_lifetime_s: float = 5400.0
    longest_lifetime_s: float = 9000.0

    def __post_init__(self) -> None:
        for name, shortest, longest in (
            ("idle expiry", self.shortest_idle_s, self.longest_idle_s),
            ("lifetime", self.shortest_lifetime_s, self.longest_lifetime_s),
        ):
            if not 0 < shortest <= longest <= NEVER_S:
                raise WarmlensError(
                    "bad_lives",
                    f"{name} of {shortest:g} to {longest:g} s: it must be above 0, shortest first, "
                    f"and {NEVER_S:g} s at most",
                )


FOREVER = InstanceLifetimes(
    shortest_idle_s=NEVER_S,
    longest_idle_s=NEVER_S,
    shortest_lifetime_s=NEVER_S,
    longest_lifetime_s=NEVER_S,
)


def by_hour(count: int) -> tuple[int, ...]:
    """Return the same number for each hour of a day."""
    return (count,) * DAY_H


@dataclass(frozen=True, kw_only=True)
class WarmingPolicy:
    """The warmer's policy: calls every period, each of which holds its instance.

    Attributes:
        by_hour: calls of a round, for each hour of the day; a round before an hour that needs more
            makes that hour's.
        period_s: time between runs.
        spread_s: time between one call's arrival and the next one's.
        hold_s: how long instances are held.
        shared_deadline: all of a round until `hold_s` after it was sent, not each for `hold_s`.
        rounds: the most rounds of a run; a further one holds three times as long.
        budget_s: no round is begun that would not end within this time.
        wakeup_s: a wakeup that does not hold.

    Raises:
        WarmlensError: a number is out of range.
    """

    by_hour: tuple[int, ...]
    period_s: float = 300.0
    spread_s: float = 0.02
    hold_s: float = 0.4
    shared_deadline: bool = True
    rounds: int = MAX_ROUNDS
    budget_s: float = 30.0
    wakeup_s: float = 0.002

    def __post_init__(self) -> None:
        if len(self.by_hour) != DAY_H or not all(0 <= each <= 100 for each in self.by_hour):
            raise WarmlensError(
                "bad_warm_instances", "give 24 numbers of instances to keep warm, 0 to 100 each"
            )
        if self.period_s < 60:
            raise WarmlensError(
                "bad_period", f"a period of {self.period_s:g} s: Scheduler's shortest is 60"
            )
        if min(self.spread_s, self.hold_s, self.wakeup_s) < 0 or self.rounds < 1:
            raise WarmlensError(
                "bad_pings", "times of a round must not be negative, rounds at least 1"
            )


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A function and how it is run.

    Attributes:
        init: time from a call to the begin of its work, on a new instance.
        service: time of a call's work.
        lifetimes: how long instances stay.
        concurrency: most calls at once.
        scaling_per_10_s: most instances started within ten seconds; Lambda's is 1,000 (AWS Lambda
            developer guide, "Lambda scaling behavior").
        when_full: treatment of a call beyond the concurrency: `refuse` (429, as Lambda does) or
            `wait` in the order of arrival, as before a fixed number of servers.
        provisioned_by_hour: initialized instances that are always there, for each hour of the day;
            they are used first, as by Lambda.
        warming: the warmer; None without.

    Raises:
        WarmlensError: a number is out of range.
    """

    init: Distribution
    service: Distribution
    lifetimes: InstanceLifetimes = field(default_factory=InstanceLifetimes)
    concurrency: int = 1000
    scaling_per_10_s: int = SCALING_PER_10_S
    when_full: Literal["refuse", "wait"] = "refuse"
    provisioned_by_hour: tuple[int, ...] = by_hour(0)
    warming: WarmingPolicy | None = None

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.scaling_per_10_s < 1:
            raise WarmlensError(
                "bad_concurrency", "concurrency and scaling rate must be at least 1"
            )
        provisioned = self.provisioned_by_hour
        if len(provisioned) != DAY_H or not all(
            0 <= each <= self.concurrency for each in provisioned
        ):
            raise WarmlensError(
                "bad_provisioned",
                "give 24 numbers of provisioned instances, each from 0 to the concurrency, "
                f"{self.concurrency}",
            )
        if self.warming is not None and (self.when_full == "wait" or any(provisioned)):
            raise WarmlensError(
                "bad_pings", "a warmer goes with neither provisioned instances nor waiting calls"
            )


def check_arrival(now_s: float, last_s: float, horizon_s: float) -> None:
    """Check that an arrival is in order and before the horizon.

    Raises:
        WarmlensError: it is not.
    """
    if now_s < last_s:
        raise WarmlensError(
            "unordered_trace",
            f"an arrival at {now_s:g} s comes after one at {last_s:g} s: sort the trace by time, "
            "which begins at 0",
        )
    if not now_s < horizon_s:
        raise WarmlensError(
            "beyond_horizon", f"an arrival at {now_s:g} s, of {horizon_s:g} s that are simulated"
        )


def provisioned_s(scenario: Scenario, horizon_s: float) -> float:
    """Return the instance-seconds of provisioned concurrency."""
    hours = math.ceil(horizon_s / HOUR_S)
    return sum(
        scenario.provisioned_by_hour[hour % DAY_H]
        * (min(horizon_s, (hour + 1) * HOUR_S) - hour * HOUR_S)
        for hour in range(hours)
    )
