"""Plan requests, and the simulation of a candidate against their objective."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from warmlens.errors import WarmlensError
from warmlens.planner.candidates import Assumptions, Candidate
from warmlens.planner.cost import Item, monthly_items, total_usd
from warmlens.planner.objective import Objective, Result, Verdict, summarize
from warmlens.planner.outcome import Outcomes
from warmlens.planner.service_times import Measured
from warmlens.planner.simulate import Backend, simulate
from warmlens.planner.traffic import DAY_S, Profile, Trace, whole_days_s
from warmlens.prices import PriceList

FEWEST_SEEDS, MOST_SEEDS, ENOUGH_REQUESTS = 5, 100, 50_000
MANY_REQUESTS, FEWEST_OF_MANY = 10_000_000, 2
MOST_CHECK_SEEDS = 4_000
AMPLE = 5
"""A check simulates this many times the calls that suffice when all are fast and warm."""


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """A request for a plan.

    Attributes:
        traffic: the users.
        objective: the objective.
        measured: memory sizes and model stores to choose from.
        prices: of the region.
        model_bytes: size of the model's files.
        assumptions: figures that are not measured.
        seed: the first one.
        seeds: number of days that each candidate is tried on; None: as many as rare events need.
        backend: how the simulation runs.
    """

    traffic: Profile | Trace
    objective: Objective
    measured: Sequence[Measured]
    prices: PriceList
    model_bytes: int
    assumptions: Assumptions = field(default_factory=Assumptions)
    seed: int = 1
    seeds: int | None = None
    backend: Backend = Backend.AUTO

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
        """Days that show how days differ; fewer where each has very many calls."""
        return FEWEST_SEEDS if self.expected < MANY_REQUESTS else FEWEST_OF_MANY

    @property
    def seed_count(self) -> int:
        """Simulations of the traffic for every candidate."""
        if self.seeds is not None:
            return self.seeds
        return min(MOST_SEEDS, max(self.fewest, math.ceil(ENOUGH_REQUESTS / self.expected)))

    @property
    def check_count(self) -> int:
        """Simulations, with other seeds, for a candidate that is proposed."""
        ample = math.ceil(AMPLE * self.objective.calls_needed / self.expected)
        return max(self.seed_count, self.fewest, min(MOST_CHECK_SEEDS, ample))

    def require_calls(self) -> None:
        """Check that enough calls are simulated to show that an objective is met.

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


FRESH = 1_000_000
"""From the first seed to the first one of a check: the cheapest of many that were tried on the
same days is often one that these days favored."""


@dataclass(frozen=True)
class Plan:
    """A candidate with its simulated result and cost.

    Attributes:
        candidate: the candidate.
        screened: result on the days that all candidates were tried on.
        items: what 30 days cost, by these days.
        objective: the objective.
        checked: result on other days; None: it was not proposed.
    """

    candidate: Candidate
    screened: Result
    items: tuple[Item, ...]
    objective: Objective
    checked: Result | None = None

    @property
    def result(self) -> Result:
        """The result of the check where there was one, else of screening."""
        return self.checked or self.screened

    @property
    def verdict(self) -> Verdict:
        """Whether the result meets the objective."""
        return self.result.verdict(self.objective)

    @property
    def meets(self) -> bool:
        """Whether it is shown to meet the objective."""
        return self.verdict is Verdict.MEETS

    @property
    def ruled_out(self) -> bool:
        """Whether it is shown to miss the objective."""
        return self.verdict is Verdict.MISSES

    @property
    def usd_per_month(self) -> float:
        """The sum of the items."""
        return total_usd(self.items)


def screen(candidate: Candidate, request: PlanRequest, assumptions: Assumptions) -> Plan:
    """Simulate a candidate under the seeds that all candidates have."""
    outcomes = Outcomes()
    _simulate_into(outcomes, request.seed_count, candidate, request, assumptions, request.seed)
    items = monthly_items(
        outcomes.total, candidate.deployment(assumptions, request.model_bytes), request.prices
    )
    return Plan(candidate, summarize(outcomes, request.objective), tuple(items), request.objective)


def check(plan: Plan, request: PlanRequest, assumptions: Assumptions) -> Plan:
    """Simulate a candidate under other seeds, as many as the objective needs.

    It ends early where it already misses, never where it already meets: that would be to stop
    on a lucky day.
    """
    outcomes, most = Outcomes(), request.check_count
    while True:
        further = min(most - outcomes.times, max(request.seed_count, outcomes.times))
        first = request.seed + FRESH + outcomes.times
        _simulate_into(outcomes, further, plan.candidate, request, assumptions, first)
        found = summarize(outcomes, request.objective)
        if outcomes.times >= most or found.verdict(request.objective) is Verdict.MISSES:
            return replace(plan, checked=found)


def _simulate_into(
    outcomes: Outcomes,
    times: int,
    candidate: Candidate,
    request: PlanRequest,
    assumptions: Assumptions,
    first_seed: int,
) -> None:
    scenario = candidate.scenario(assumptions)
    for number in range(times):
        outcomes.add(
            simulate(
                scenario,
                request.traffic,
                horizon_s=request.horizon_s,
                seed=first_seed + number,
                backend=request.backend,
            )
        )
