"""What a plan is asked for, and how often its traffic is simulated to answer it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from warmlens.errors import WarmlensError
from warmlens.planner.candidates import Assumptions
from warmlens.planner.objective import Objective
from warmlens.planner.service_times import Measured
from warmlens.planner.simulate import Engine
from warmlens.planner.traffic import DAY_S, Profile, Trace, whole_days_s
from warmlens.prices import PriceList

FEWEST_SEEDS, MOST_SEEDS, ENOUGH_REQUESTS = 5, 100, 50_000
MANY_REQUESTS, FEWEST_OF_MANY = 10_000_000, 2
MOST_CHECK_SEEDS = 4_000
AMPLE = 5
"""A check has this many times the calls that tell it when all are fast and warm."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        traffic: the users.
        objective: what is wanted.
        measured: memory sizes and model stores to choose from.
        prices: of the region.
        model_bytes: size of the model's files.
        assumptions: what is not measured.
        seed: the first one.
        seeds: how many days each candidate is tried on; None takes as many as rare events need.
        engine: what computes.
    """

    traffic: Profile | Trace
    objective: Objective
    measured: Sequence[Measured]
    prices: PriceList
    model_bytes: int
    assumptions: Assumptions = field(default_factory=Assumptions)
    seed: int = 1
    seeds: int | None = None
    engine: Engine = Engine.AUTO

    @property
    def horizon_s(self) -> float:
        """One time through the traffic, in whole days."""
        return whole_days_s(self.traffic)

    @property
    def profile(self) -> Profile:
        """The traffic's rates, of a trace too."""
        traffic = self.traffic
        return traffic.as_profile() if isinstance(traffic, Trace) else traffic

    @property
    def expected(self) -> float:
        """Calls of one time through the traffic.

        Raises:
            WarmlensError: there are none.
        """
        expected = self.traffic.expected(self.horizon_s)
        if expected <= 0:
            raise WarmlensError("no_traffic", "the traffic has no calls: there is nothing to plan")
        return expected

    @property
    def fewest(self) -> int:
        """How many days tell how days differ; fewer where each has very many calls."""
        return FEWEST_SEEDS if self.expected < MANY_REQUESTS else FEWEST_OF_MANY

    @property
    def seed_count(self) -> int:
        """How many times the traffic is simulated for every candidate."""
        if self.seeds is not None:
            return self.seeds
        return min(MOST_SEEDS, max(self.fewest, math.ceil(ENOUGH_REQUESTS / self.expected)))

    @property
    def check_count(self) -> int:
        """How many times it is simulated, with other seeds, for a candidate that is proposed."""
        ample = math.ceil(AMPLE * self.objective.calls_needed / self.expected)
        return max(self.seed_count, self.fewest, min(MOST_CHECK_SEEDS, ample))

    def require_calls(self) -> None:
        """Refuse an objective that no plan could be shown to meet.

        Raises:
            WarmlensError: too few calls are simulated for that.
        """
        calls, needed = self.check_count * self.expected, self.objective.calls_needed
        if calls >= needed:
            return
        days = self.check_count * self.horizon_s / DAY_S
        raise WarmlensError(
            "too_few_calls",
            f"too few calls to tell {self.objective.rarest * 100:.4g} %: {days:,.0f} simulated "
            f"days have {calls:,.0f}, and it takes {needed:,} that are all fast and warm; ask for "
            "less: a larger --cold-share, or a lower percentile in --slo",
        )
