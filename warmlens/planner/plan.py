"""Plan requests, and the simulation of a candidate against their objective."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from warmlens.errors import WarmlensError
from warmlens.planner.assumptions import Assumptions
from warmlens.planner.candidates import Candidate
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
        measured: memory sizes and model stores to choose from.
        model_bytes: size of the model's files.
        assumptions: figures that are not measured.
        seed: the first seed.
        seeds: simulations of each candidate; None: as many as rare events need.
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
        """Length of one simulation: once through the traffic, in whole days."""
        return whole_days_s(self.traffic)

    @property
    def profile(self) -> Profile:
        """The traffic as rates; those of a trace are by the hour."""
        traffic = self.traffic
        return traffic.as_profile() if isinstance(traffic, Trace) else traffic

    @property
    def expected(self) -> float:
        """Expected number of calls of one simulation.

        Raises:
            WarmlensError: there are none.
        """
        expected = self.traffic.expected(self.horizon_s)
        if expected <= 0:
            raise WarmlensError("no_traffic", "the traffic has no calls: there is nothing to plan")
        return expected

    @property
    def fewest(self) -> int:
        """Fewest simulations that show how days differ; fewer where a day has very many calls."""
        return FEWEST_SEEDS if self.expected < MANY_REQUESTS else FEWEST_OF_MANY

    @property
    def seed_count(self) -> int:
        """Simulations of the traffic for every candidate."""
        if self.seeds is not None:
            return self.seeds
        return min(MOST_SEEDS, max(self.fewest, math.ceil(ENOUGH_REQUESTS / self.expected)))

    @property
    def check_count(self) -> int:
        """Simulations of a proposed candidate, with other seeds."""
        ample = math.ceil(AMPLE * self.objective.calls_needed / self.expected)
        return max(self.seed_count, self.fewest, min(MOST_CHECK_SEEDS, ample))

    def require_calls(self) -> None:
        """Check that enough calls are simulated to show that the objective is met.

        Raises:
            WarmlensError: there are too few.
        """
        calls, needed = self.check_count * self.expected, self.objective.calls_needed
        if calls >= needed:
            return
        days = self.check_count * self.horizon_s / DAY_S
        raise WarmlensError(
            "too_few_calls",
            f"too few calls to show {self.objective.rarest * 100:.4g} %: {days:,.0f} simulated "
            f"days have {calls:,.0f}, at least {needed:,} are needed; give a larger --cold-share "
            "or a lower percentile in --slo",
        )


FRESH = 1_000_000
"""Distance between the first seeds of screening and of a check: the cheapest of many candidates is
often one that the days of screening favored."""


@dataclass(frozen=True)
class Plan:
    """A candidate with its simulated result and cost.

    Attributes:
        screened: result of screening, on the days that all candidates have.
        items: the cost of 30 days that are like those of screening.
        checked: result on other days; None: it was not proposed.
    """

    candidate: Candidate
    screened: Result
    items: tuple[Item, ...]
    objective: Objective
    checked: Result | None = None

    @property
    def result(self) -> Result:
        """The result of the check, or of screening without one."""
        return self.checked or self.screened

    @property
    def verdict(self) -> Verdict:
        """The verdict on the result."""
        return self.result.verdict(self.objective)

    @property
    def meets(self) -> bool:
        """True if the result is shown to meet the objective."""
        return self.verdict is Verdict.MEETS

    @property
    def ruled_out(self) -> bool:
        """True if the result is shown to miss the objective."""
        return self.verdict is Verdict.MISSES

    @property
    def usd_per_month(self) -> float:
        """The sum of the items."""
        return total_usd(self.items)


def screen(candidate: Candidate, request: PlanRequest, assumptions: Assumptions) -> Plan:
    """Simulate a candidate with the seeds that all candidates have."""
    outcomes = Outcomes()
    _simulate_into(outcomes, request.seed, request.seed_count, candidate, request, assumptions)
    deployment = candidate.deployment(request.model_bytes)
    items = monthly_items(outcomes.total, deployment, request.prices)
    return Plan(candidate, summarize(outcomes, request.objective), tuple(items), request.objective)


def check(plan: Plan, request: PlanRequest, assumptions: Assumptions) -> Plan:
    """Simulate a candidate with other seeds, as many as the objective needs.

    A check ends early when the plan misses the objective, never when it meets it: that would be to
    stop on a lucky day.
    """
    outcomes, most = Outcomes(), request.check_count
    while True:
        further = min(most - outcomes.times, max(request.seed_count, outcomes.times))
        first = request.seed + FRESH + outcomes.times
        _simulate_into(outcomes, first, further, plan.candidate, request, assumptions)
        result = summarize(outcomes, request.objective)
        if outcomes.times >= most or result.verdict(request.objective) is Verdict.MISSES:
            return replace(plan, checked=result)


def _simulate_into(
    outcomes: Outcomes,
    first_seed: int,
    times: int,
    candidate: Candidate,
    request: PlanRequest,
    assumptions: Assumptions,
) -> None:
    scenario = candidate.scenario(assumptions)
    horizon_s, backend = request.horizon_s, request.backend
    for seed in range(first_seed, first_seed + times):
        outcomes.add(
            simulate(scenario, request.traffic, horizon_s=horizon_s, seed=seed, backend=backend)
        )
