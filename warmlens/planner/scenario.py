"""Scenarios to simulate: a function, its instances' lifetimes, and its warming."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from warmlens.errors import WarmlensError
from warmlens.planner.distribution import Distribution, constant, lognormal

HOUR_S = 3600.0
DAY_H = 24
SAMPLE_S = 60.0
SCALING_WINDOW_S = 10.0
SCALING_PER_10_S = 1000
NEVER_S = 1e15
REQUESTS_PER_S_PER_ENVIRONMENT = 10
"""Maximum requests a second per environment (AWS Lambda developer guide, "Lambda quotas")."""

# The rounds of lambda_src/warmer.
LONGER_HOLD = 3.0
MAX_ROUNDS = 3
BUDGET_S = 30.0
# The hold that it sets itself, decision 102; the highest one is the default of warming_hold_ms.
HOLD_MARGIN_S, LEAST_HOLD_S, MOST_HOLD_S = 0.025, 0.05, 1.0
# Assumed: the time between the arrivals of a round's wakeups, and that of a wakeup without a hold.
SPACING_S = 0.02
WAKEUP_S = 0.002
SHORT_WAKEUP, NO_TIME = constant(WAKEUP_S), constant(0.0)


@dataclass(frozen=True, kw_only=True)
class InstanceLifetimes:
    """Idle expiry and lifetime of instances. AWS documents neither; each instance draws its own.

    Attributes:
        shortest_idle_s, longest_idle_s: range of the time without a call after which it ends.
        shortest_lifetime_s, longest_lifetime_s: range of the age from which it takes no call.

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
    """The policy of `lambda_src/warmer`: every period it wakes instances and holds them.

    Attributes:
        by_hour: instances to wake, for each hour of the day; a run just before an hour that needs
            more wakes that hour's number.
        period_s: time between runs.
        hold_s: time from the begin of a run's first round until its instances are free again;
            each further round holds three times as long. None: the warmer sets it itself, and has
            found what the spread of its calls needs.

    Raises:
        WarmlensError: a number is out of range.
    """

    by_hour: tuple[int, ...]
    period_s: float = 300.0
    hold_s: float | None = None

    def __post_init__(self) -> None:
        if not _is_schedule(self.by_hour, 100):
            raise WarmlensError(
                "bad_warm_instances", "give 24 numbers of instances to keep warm, 0 to 100 each"
            )
        if self.period_s < 60:
            raise WarmlensError("bad_period", f"period of {self.period_s:g} s: 60 is the shortest")
        if self.hold_s is not None and self.hold_s < 0:
            raise WarmlensError("bad_pings", f"hold of {self.hold_s:g} s: it must not be negative")


# Assumed: nobody has measured this page's users.
PAUSE_S, PAUSE_SIGMA = 7.0, 0.6
UPLOAD_S, UPLOAD_SIGMA = 0.8, 0.8
PAUSE, UPLOAD = lognormal(PAUSE_S, PAUSE_SIGMA), lognormal(UPLOAD_S, UPLOAD_SIGMA)


@dataclass(frozen=True, kw_only=True)
class WakeAhead:
    """Wakes ahead of each user's call: instances start while the user is busy.

    Attributes:
        pause: time from opening the page until an upload begins.
        upload: time from the begin of an upload until the call.
        from_page: whether the page wakes one when it opens; other clients have the upload's only.
        from_upload: whether the upload wakes one; a photo in the call itself has none.
        service: time of a wakeup's work, which is a run of the model.
        hold_s: time from a wake until its instance is free again, if that is longer.

    Raises:
        WarmlensError: a number is out of range, or a lead time has no maximum.
    """

    pause: Distribution = PAUSE
    upload: Distribution = UPLOAD
    from_page: bool = True
    from_upload: bool = True
    service: Distribution = SHORT_WAKEUP
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        if "exponential" in (self.pause.kind, self.upload.kind):
            raise WarmlensError(
                "bad_wake_ahead", "an exponential lead time of wakes has no maximum: give a table"
            )
        if self.hold_s < 0:
            raise WarmlensError(
                "bad_wake_ahead", f"hold of {self.hold_s:g} s: it must not be negative"
            )

    @property
    def longest_s(self) -> float:
        """The longest time from a wake to its call."""
        return self.pause.values_s[-1] + self.upload.values_s[-1]


def _is_schedule(counts: tuple[int, ...], most: int) -> bool:
    return len(counts) == DAY_H and all(0 <= each <= most for each in counts)


class PerEnvironmentLimit(StrEnum):
    """Reading of Lambda's limit of 10 requests a second per environment; see `Scenario`."""

    ACCOUNT = "account"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A function and how it is run.

    Attributes:
        platform: Lambda's own part of a cold start, from a call to the start of the process on a
            new instance; it is not billed.
        init: time from there to the begin of the call's work.
        service: time of a call's work.
        lifetimes: idle expiry and lifetime of instances.
        concurrency: maximum number of calls at once.
        scaling_per_10_s: maximum number of instances started within ten seconds; Lambda's is 1,000
            (AWS Lambda developer guide, "Lambda scaling behavior").
        when_full: a call beyond the concurrency is throttled (`refuse`, as in Lambda) or waits in
            the order of arrival (`wait`, as before a fixed number of servers).
        provisioned_by_hour: provisioned instances for each hour of the day; used first, as by
            Lambda.
        warming: the warmer's policy; None: no warmer.
        wake_ahead: wakes ahead of users' calls; None: there are none.
        per_environment_limit: how Lambda's limit of 10 requests a second per environment acts on
            synchronous calls; its quotas do not say. `account`: the function takes ten times its
            concurrency a second, and provisioned instances together ten times their number.
            `environment`: each instance takes ten in any second as well, and a call that finds
            only used-up ones starts another. Calls that wait have no such limit.

    Raises:
        WarmlensError: a number is out of range.
    """

    init: Distribution
    service: Distribution
    platform: Distribution = NO_TIME
    lifetimes: InstanceLifetimes = field(default_factory=InstanceLifetimes)
    concurrency: int = 1000
    scaling_per_10_s: int = SCALING_PER_10_S
    when_full: Literal["refuse", "wait"] = "refuse"
    provisioned_by_hour: tuple[int, ...] = by_hour(0)
    warming: WarmingPolicy | None = None
    wake_ahead: WakeAhead | None = None
    per_environment_limit: PerEnvironmentLimit = PerEnvironmentLimit.ACCOUNT

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.scaling_per_10_s < 1:
            raise WarmlensError(
                "bad_concurrency", "concurrency and scaling rate must be at least 1"
            )
        if not _is_schedule(self.provisioned_by_hour, self.concurrency):
            raise WarmlensError(
                "bad_provisioned",
                f"give 24 numbers of provisioned instances, 0 to {self.concurrency} each",
            )
        fixed = self.when_full == "wait" or any(self.provisioned_by_hour)
        if fixed and self.warming:
            raise WarmlensError(
                "bad_pings", "a warmer goes with neither provisioned instances nor waiting calls"
            )
        if fixed and self.wake_ahead:
            raise WarmlensError(
                "bad_wake_ahead",
                "wakes ahead go with neither provisioned instances nor waiting calls",
            )


def in_order(arrivals_s: Iterable[float], horizon_s: float) -> Iterator[float]:
    """Yield arrivals after checking that they ascend from 0 and come before the horizon.

    Raises:
        WarmlensError: an arrival does not.
    """
    last_s = 0.0
    for now_s in arrivals_s:
        if now_s < last_s:
            raise WarmlensError(
                "unordered_trace",
                f"an arrival at {now_s:g} s comes after one at {last_s:g} s: sort the trace by "
                "time, which begins at 0",
            )
        if not now_s < horizon_s:
            raise WarmlensError(
                "beyond_horizon", f"an arrival at {now_s:g} s: the simulation ends at {horizon_s:g}"
            )
        last_s = now_s
        yield now_s


def provisioned_s(scenario: Scenario, horizon_s: float) -> float:
    """Return the instance-seconds of provisioned concurrency."""
    hours = math.ceil(horizon_s / HOUR_S)
    return sum(
        scenario.provisioned_by_hour[hour % DAY_H]
        * (min(horizon_s, (hour + 1) * HOUR_S) - hour * HOUR_S)
        for hour in range(hours)
    )
