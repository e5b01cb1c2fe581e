"""Objectives of a plan: a percentile of latency and a share of cold starts."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from warmlens.errors import WarmlensError
from warmlens.planner.outcome import Outcomes, middle_s
from warmlens.planner.statistics import TAIL, Estimate, calls_to_show, most_above

_SLO = re.compile(r"p(\d{1,2}(?:\.\d+)?)\s*=\s*(\d+(?:\.\d*)?|\.\d+)\s*(ms|s)", re.IGNORECASE)
_SHARE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(e-?\d{1,3})?\s*(%?)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A latency objective and a limit on cold starts.

    Attributes:
        percent: percentile of latency.
        latency_ms: maximum of this percentile.
        cold_share: maximum share of users that wait for a cold start; None: no limit.
    """

    percent: float
    latency_ms: float
    cold_share: float | None

    @property
    def description(self) -> str:
        """The objective in words."""
        latency = f"p{self.percent:g} of at most {self.latency_ms:g} ms"
        if self.cold_share is None:
            return latency
        return f"{latency}, at most {self.cold_share:.4%} cold".replace("00% cold", "% cold")

    @property
    def rarest(self) -> float:
        """The smallest share of calls that the simulation must resolve."""
        slower = 1 - self.percent / 100
        return slower if self.cold_share is None else min(slower, self.cold_share)

    @property
    def calls_needed(self) -> int:
        """Fewest calls that show that it is met, if all of them are fast and warm."""
        return calls_to_show(self.rarest)

    def can_be_shown(self, outcomes: Outcomes, calls: int) -> bool:
        """Return whether it may be met after a number of calls, given those of the first ones."""
        slow = sum(
            count
            for at, count in outcomes.total.latencies.items()
            if middle_s(at) * 1000 > self.latency_ms
        )
        counted = [(slow, 1 - self.percent / 100)]
        if self.cold_share is not None:
            counted.append((outcomes.total.cold, self.cold_share))
        return not outcomes.total.throttled and all(
            count <= _most(limit, max(calls, sum(outcomes.served))) for count, limit in counted
        )


@lru_cache
def _most(limit: float, calls: int) -> float:
    most = most_above(limit, calls)
    return calls if most is None else math.ceil(most)


class Verdict(StrEnum):
    """Verdict of simulations on an objective: met, missed, or too few calls to say."""

    MEETS = "meets"
    MISSES = "misses"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Result:
    """Simulated results of a plan, over all calls of all seeds.

    Attributes:
        latency_ms: the percentile of the objective.
        cold_share: share of users that waited for a cold start.
        throttled_share: share of users that were throttled.
        peak_busy: maximum number of calls at once.
        times: number of simulations.
        calls: calls that were served in them.
    """

    latency_ms: Estimate
    cold_share: Estimate
    throttled_share: float
    peak_busy: int
    times: int
    calls: int

    def verdict(self, objective: Objective) -> Verdict:
        """Return whether the intervals show that the objective is met, without throttling."""
        pairs = [(self.latency_ms, objective.latency_ms)]
        if objective.cold_share is not None:
            pairs.append((self.cold_share, objective.cold_share))
        if self.throttled_share or any(result.low > limit for result, limit in pairs):
            return Verdict.MISSES
        if any(result.high > limit for result, limit in pairs):
            return Verdict.UNSURE
        return Verdict.MEETS


def summarize(outcomes: Outcomes, objective: Objective, tail: float = TAIL) -> Result:
    """Return the result of several simulations; tail is that of the intervals, on each side."""
    return Result(
        outcomes.percentile_ms(objective.percent, tail),
        outcomes.cold_share(tail),
        outcomes.total.throttled_share,
        outcomes.total.peak_busy,
        outcomes.times,
        sum(outcomes.served),
    )


def read_objective(slo: str, cold_share: str | None) -> Objective:
    """Read `p99=1s` or `p99.9=400ms`, and `0.1%`, `0.001` or `1e-3`.

    Raises:
        WarmlensError: it is neither, or not above 0.
    """
    text = _SLO.fullmatch(slo.strip())
    if not text:
        raise WarmlensError("bad_slo", f"--slo {slo}: give p99=1s or p99.9=400ms, for example")
    percent = float(text[1])
    latency_ms = float(text[2]) * (1000 if text[3].lower() == "s" else 1)
    if percent <= 0 or not 0 < latency_ms < math.inf:
        raise WarmlensError("bad_slo", f"--slo {slo}: percentile and time must be above 0")
    return Objective(percent=percent, latency_ms=latency_ms, cold_share=_read_share(cold_share))


def _read_share(asked: str | None) -> float | None:
    if asked is None:
        return None
    text = _SHARE.fullmatch(asked.strip())
    if not text:
        raise _bad_share(asked, "give a share such as 0.1% or 0.001")
    number = float(text[1] + (text[2] or ""))
    if not text[3] and number >= 1:
        raise _bad_share(asked, "give a share of 1 or more in percent, such as 1%")
    share = number / 100 if text[3] else number
    if share == 0:
        raise _bad_share(asked, "a simulation cannot show a share of 0; give more, such as 0.01%")
    if share > 1:
        raise _bad_share(asked, "a share is 100% at most")
    return None if share == 1 else share


def _bad_share(asked: str, why: str) -> WarmlensError:
    return WarmlensError("bad_cold_share", f"--cold-share {asked}: {why}")
