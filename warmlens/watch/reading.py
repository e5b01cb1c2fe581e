"""A reading of a running environment: the figures of its picture."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

WINDOW_MIN = 15
"""Number of the last minutes whose calls are shown."""
TRANSIENT = ("throttled", "unreachable")
"""Codes of errors after which a later reading may succeed."""


@dataclass(frozen=True, kw_only=True)
class Warmth:
    """The warm instances: those that the last round reached; in the local cloud, all there are.

    Attributes:
        reached: number of instances.
        asked: number that the round asked for; None if it is not known.
        at: time of the round; None if the instances are warm at the time of the reading.
    """

    reached: int
    asked: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Photos of the last minutes.

    Attributes:
        window_min: number of those minutes.
        photos: number of photos that reached the classifier.
        may_be_more: whether there were more in that time, which the local cloud no longer has.
        mean_ms: mean time of a photo in the function, without init; None without photos.
        slowest_ms: the longest of these times.
        failed: calls that failed or were answered with a 5xx.
        refused: calls that Lambda refused with 429, without those of warming rounds.
        per_minute: photos of each of the minutes, oldest first.
    """

    window_min: int
    photos: int
    mean_ms: float | None
    slowest_ms: float | None
    failed: int
    refused: int
    per_minute: tuple[int, ...]
    may_be_more: bool = False


@dataclass(frozen=True, kw_only=True)
class ColdStarts:
    """Cold starts since `Reading.since`.

    Attributes:
        photos: photos since then.
        met: photos that met a cold start.
        ahead: cold starts absorbed by wakeups ahead; in the local cloud by all wakeups.
        by_rounds: cold starts absorbed by warming rounds; None where there is no warmer, and in the
            local cloud, where they are part of `ahead`.
    """

    photos: int
    met: int
    ahead: int
    by_rounds: int | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost since `Reading.since`, in USD.

    Attributes:
        usd: the sum.
        parts: its parts by name.
        included: the items that are counted, and by which prices.
        left_out: the items that are not.
    """

    usd: float
    parts: dict[str, float]
    included: str
    left_out: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A reading of an environment.

    Attributes:
        env_name: name of the environment.
        place: where it runs.
        read_at: time of the reading.
        since: time from which cold starts and cost are counted: midnight UTC, or the local cloud's
            start.
        newest: end of the newest minute with a value, or of the local cloud's last call; None
            without one.
        instances: number of instances by state, `init`, `idle`, `busy` or `held` by a wakeup; None
            in AWS, as Lambda does not report them.
        at_work: the most calls at work at once in the last minutes; None in the local cloud.
        warmth: the warm instances; None if no round is known.
        calls: photos of the last minutes.
        cold_starts: cold starts since `since`.
        cost: cost since `since`; None if nothing is billed or the prices are not known.
        no_cost: the reason why there is none.
        metrics: number of metrics that the reading asked for, each with one statistic.
        metrics_usd: the most that it cost to ask for them; None if the price is not known.
    """

    env_name: str
    place: str
    read_at: datetime
    since: datetime
    newest: datetime | None
    instances: dict[str, int] | None
    at_work: int | None
    warmth: Warmth | None
    calls: Calls
    cold_starts: ColdStarts
    cost: Cost | None
    no_cost: str = ""
    metrics: int = 0
    metrics_usd: float | None = 0.0


class Source(Protocol):
    """Reads an environment.

    Attributes:
        every_s: seconds between readings unless given.
        shortest_s: the shortest time in which a further reading may show something new.
    """

    every_s: int
    shortest_s: int

    def read(self, now: datetime) -> Reading:
        """Return a reading; raises WarmlensError, with a code of `TRANSIENT` if it may pass."""
