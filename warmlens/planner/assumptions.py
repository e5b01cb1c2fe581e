"""Assumptions of a plan: figures that are not measured, with their sources."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from warmlens.planner.distribution import Distribution, constant, later
from warmlens.planner.scenario import (
    PAUSE,
    SCALING_PER_10_S,
    UPLOAD,
    InstanceLifetimes,
    PerEnvironmentLimit,
)

SOURCE = "mikhail.io/serverless/coldstarts/aws, 2021"
PLATFORM = Distribution(
    "table",
    (0.148, 0.148, 0.179, 0.215, 0.273, 0.530, 1.252),
    (0.0, 0.025, 0.165, 0.5, 0.835, 0.975, 1.0),
)
"""Platform time: a cold start of a function that does nothing, less its warm calls, as seen by its
caller: `SOURCE`, functions in Python. Decision 105."""
RESTORE = Distribution("table", (0.326, 0.537, 0.79), (0.0, 0.5, 1.0))
"""Restore of a snapshot, as reported by Lambda for others' functions. Decision 105."""


class Clients(StrEnum):
    """Clients of the service: `page` wakes when it opens, `api` begins with the upload."""

    PAGE = "page"
    API = "api"


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """Assumptions: figures that are not measured.

    Attributes:
        lifetimes: idle expiry and lifetime of instances; AWS documents neither.
        platform: platform time, from a call to the start of the process on a new instance; it is
            not billed.
        restore: cold start with SnapStart, the platform time included.
        clients: what wakes ahead.
        pause: time from opening the page until an upload begins.
        upload: time from the begin of an upload until the call.
        per_environment_limit: how the limit of 10 requests a second per environment acts.
        concurrency: maximum number of calls at once.
        scaling_per_10_s: maximum number of instances started within ten seconds.
        name: name of a variation, for people.
    """

    lifetimes: InstanceLifetimes = field(default_factory=InstanceLifetimes)
    platform: Distribution = PLATFORM
    restore: Distribution = RESTORE
    clients: Clients = Clients.PAGE
    pause: Distribution = PAUSE
    upload: Distribution = UPLOAD
    per_environment_limit: PerEnvironmentLimit = PerEnvironmentLimit.ACCOUNT
    concurrency: int = 1000
    scaling_per_10_s: int = SCALING_PER_10_S
    name: str = "as assumed"

    def with_idle_s(self, shortest_s: float, longest_s: float) -> "Assumptions":
        """Return the same assumptions with another idle expiry."""
        idle = {"shortest_idle_s": shortest_s, "longest_idle_s": longest_s}
        return replace(self, lifetimes=replace(self.lifetimes, **idle))

    def with_longer_starts(self, by_s: float) -> "Assumptions":
        """Return the same assumptions with longer cold starts."""
        return replace(self, platform=later(self.platform, by_s), restore=later(self.restore, by_s))

    def with_leads(self, factor: float) -> "Assumptions":
        """Return the same assumptions with other times between wakes and calls."""
        return replace(self, pause=self.pause.scaled(factor), upload=self.upload.scaled(factor))

    def harder_than(self, other: "Assumptions") -> bool:
        """Return whether no cold start is less likely or shorter than under other assumptions."""
        mine, others = self.lifetimes, other.lifetimes
        return (
            mine.shortest_idle_s <= others.shortest_idle_s
            and mine.longest_idle_s <= others.longest_idle_s
            and mine.shortest_lifetime_s <= others.shortest_lifetime_s
            and mine.longest_lifetime_s <= others.longest_lifetime_s
            and self.platform.mean_s >= other.platform.mean_s
            and self.pause.mean_s <= other.pause.mean_s
            and self.upload.mean_s <= other.upload.mean_s
        )

    @property
    def descriptions(self) -> list[str]:
        """The assumptions that the answer shows, in words."""
        platform = f"{self.platform.quantile_s(0.5):.3g} s"
        if self.platform == PLATFORM:
            platform = f"{platform}, {PLATFORM.quantile_s(0.975):.2g} s for one in forty ({SOURCE})"
        together = self.per_environment_limit is PerEnvironmentLimit.ACCOUNT
        upload = f"{self.upload.quantile_s(0.5):.3g} s (median)"
        pause = f"{self.pause.quantile_s(0.5):.3g} s (median)"
        page = self.clients is Clients.PAGE
        return [
            f"Lambda's own part of a cold start: {platform}.",
            "Lambda's limit of 10 requests a second per environment: one for "
            + ("all of them." if together else "each of them."),
            f"Users: {pause} on the page, then an upload of {upload}."
            if page
            else f"Users: an upload of {upload}; no page wakes before it.",
        ]


def platform_of(platform_ms: int | None) -> Distribution:
    """Return the platform time: a fixed one, or the published distribution for None."""
    return PLATFORM if platform_ms is None else constant(platform_ms / 1000)
