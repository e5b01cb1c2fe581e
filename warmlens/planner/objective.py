"""What a plan must reach: a percentile of latency, a share of cold starts."""

import re
from dataclasses import dataclass

from warmlens.planner.errors import PlanError
from warmlens.planner.outcome import Outcome
from warmlens.planner.simulate import Interval, each_seed

_SLO = re.compile(r"p(\d{1,2}(?:\.\d+)?)=(\d+(?:\.\d+)?)(ms|s)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)(%?)")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is wanted.

    Attributes:
        percent: which percentile of latency.
        latency_ms: the most that it may be.
        cold_share: the largest share of users that may meet a cold start; None: any.
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


@dataclass(frozen=True)
class Reached:
    """What simulations of a plan came to, with intervals over the seeds.

    Attributes:
        latency_ms: the percentile of the objective.
        cold_share: share of users that met a cold start.
        throttled_share: share that was refused.
        peak_busy: most calls at once.
    """

    latency_ms: Interval
    cold_share: Interval
    throttled_share: float
    peak_busy: int

    def meets(self, objective: Objective) -> bool:
        """Whether it is met at the worse end of the intervals, and nobody is refused."""
        return (
            self.latency_ms.high <= objective.latency_ms
            and (objective.cold_share is None or self.cold_share.high <= objective.cold_share)
            and self.throttled_share == 0
        )


def reached(outcomes: list[Outcome], objective: Objective) -> Reached:
    """Return what the outcomes of several seeds came to."""
    requests = sum(outcome.requests for outcome in outcomes)
    return Reached(
        each_seed(outcomes, lambda outcome: outcome.percentile_ms(objective.percent)),
        each_seed(outcomes, lambda outcome: outcome.cold_share),
        sum(outcome.throttled for outcome in outcomes) / requests if requests else 0.0,
        max(outcome.peak_busy for outcome in outcomes),
    )


def read_objective(slo: str, cold_share: str | None) -> Objective:
    """Read `p99=1s` or `p99.9=400ms`, and `0.1%` or `0.001`.

    Raises:
        PlanError: it is neither.
    """
    found = _SLO.fullmatch(slo.strip())
    if not found:
        raise PlanError("bad_slo", f"{slo!r}: give an objective such as p99=1s or p99.9=400ms")
    latency_ms = float(found[2]) * (1000 if found[3] == "s" else 1)
    share = None
    if cold_share is not None:
        text = _SHARE.fullmatch(cold_share.strip())
        share = float(text[1]) / (100 if text[2] else 1) if text else -1.0
        if not 0 <= share <= 1:
            raise PlanError(
                "bad_cold_share", f"{cold_share!r}: give a share such as 0.1% or 0.001, up to 100%"
            )
    return Objective(percent=float(found[1]), latency_ms=latency_ms, cold_share=share)
