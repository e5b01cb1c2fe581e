"""Plan requests, and the simulation of a candidate against their objective."""

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from warmlens.errors import WarmlensError
from warmlens.planner.assumptions import Assumptions
from warmlens.planner.bill import Item, total_usd
from warmlens.planner.candidates import Candidate
from warmlens.planner.cost import monthly_items
from warmlens.planner.objective import Objective, Result, Verdict, summarize
from warmlens.planner.outcome import Outcome, Outcomes
from warmlens.planner.photo import CLASSIFIERS_TIME, Way
from warmlens.planner.sampling import (
    AMPLE,
    CHECK_WINDOWS,
    LOOKS,
    SCREEN_PART,
    SCREEN_WINDOWS,
    calls_of_a_check,
    of_the_traffic,
    planned,
    settling_s,
)
from warmlens.planner.scenario import Scenario
from warmlens.planner.service_times import Measured
from warmlens.planner.simulate import Backend, simulate, simulate_window
from warmlens.planner.statistics import Estimate, t_975
from warmlens.planner.traffic import DAY_S, Profile, Trace, whole_days_s
from warmlens.planner.windows import draw_windows
from warmlens.prices import PriceList

FEWEST_SEEDS, MOST_CHECK_SEEDS = 5, 4_000
EARLY_TAIL = 0.001
"""Probability on each side of the intervals that end a check early."""


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """A request for a plan.

    Attributes:
        measured: memory sizes and model stores to choose from.
        model_bytes: size of the model's files.
        way: the way of users' photos.
        free_tier: whether AWS's free tier that does not end is taken off.
        assumptions: figures that are not measured.
        seed: the first seed.
        seeds: simulations of the whole traffic for each candidate; None: windows of it.
        backend: how the simulation runs.
    """

    traffic: Profile | Trace
    objective: Objective
    measured: Sequence[Measured]
    prices: PriceList
    model_bytes: int
    way: Way = field(default_factory=Way)
    free_tier: bool = False
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

    @cached_property
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
    def check_count(self) -> int:
        """Whole simulations of a proposed candidate, with other seeds than those of all."""
        assert self.seeds is not None
        ample = math.ceil(AMPLE * self.objective.calls_needed / self.expected)
        return max(self.seeds, FEWEST_SEEDS, min(MOST_CHECK_SEEDS, ample))

    def check_calls(self, scenario: Scenario) -> int:
        """Return the number of calls of a check of a scenario."""
        calls = calls_of_a_check(self.objective, scenario, self.expected / self.horizon_s)
        return min(calls, math.floor(MOST_CHECK_SEEDS * self.expected))

    def require_calls(self) -> None:
        """Check that enough calls are simulated to show that the objective is met.

        Raises:
            WarmlensError: there are too few.
        """
        times = MOST_CHECK_SEEDS if self.seeds is None else self.check_count
        calls, needed = times * self.expected, self.objective.calls_needed
        if calls >= needed:
            return
        days = times * self.horizon_s / DAY_S
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
        items: the cost of 30 days that are like those of screening; of windows, those of the check.
        usd: the cost of 30 days with its 95 % interval over the simulations (Student's t).
        warm_usd: the screened cost without that of cold starts, which few calls show badly.
        ruled_out: whether screening leaves hardly a doubt that it misses the objective.
        checked: result on other days; None: it was not proposed.
    """

    candidate: Candidate
    screened: Result
    items: tuple[Item, ...]
    usd: Estimate
    objective: Objective
    warm_usd: float
    ruled_out: bool
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
    def usd_per_month(self) -> float:
        """The sum of the items."""
        return self.usd.value

    def costs_less_than(self, other: "Plan") -> bool:
        """Return whether it costs less beyond what simulations differ by: intervals part."""
        return self.usd.high < other.usd.low


def screen(candidate: Candidate, request: PlanRequest, assumptions: Assumptions) -> Plan:
    """Simulate a candidate with the seeds that all candidates have."""
    scenario, outcomes, usd = candidate.scenario(assumptions, request.way), Outcomes(), []
    for outcome in _screening(scenario, request):
        usd.append(total_usd(_items(candidate, request, scenario, outcome)))
        outcomes.add(outcome)
    items = _items(candidate, request, scenario, outcomes.total)
    objective, total = request.objective, outcomes.total
    warm = replace(
        total, billed_ms=max(0, round(total.billed_ms - total.init_s * 1000)), init_s=0.0
    )
    warm.busy_s = total.busy_s - total.init_s
    return Plan(
        candidate,
        summarize(outcomes, objective),
        items,
        _estimate(candidate, items, usd),
        objective,
        total_usd(_items(candidate, request, scenario, warm)),
        summarize(outcomes, objective, EARLY_TAIL).verdict(objective) is Verdict.MISSES,
    )


def _estimate(candidate: Candidate, items: Sequence[Item], usd: Sequence[float]) -> Estimate:
    """Return the cost of items, with its interval.

    It has two sources, which are independent: how simulations differ, and the interval of the
    measured mean time of a call.
    """
    value = total_usd(items)
    if len(usd) < 2:
        return Estimate(value, 0.0, math.inf)
    simulated = t_975(len(usd) - 1) * statistics.stdev(usd) / math.sqrt(len(usd))
    timed = sum(item.usd for item in items if item.name.startswith(CLASSIFIERS_TIME))
    half = math.hypot(simulated, timed * (candidate.measured.service_half_share or 0.0))
    return Estimate(value, max(0.0, value - half), value + half)


def _items(
    candidate: Candidate, request: PlanRequest, scenario: Scenario, total: Outcome
) -> tuple[Item, ...]:
    if request.seeds is None:
        total = of_the_traffic(total, scenario, calls=request.expected, horizon_s=request.horizon_s)
    deployment = candidate.deployment(request.model_bytes, request.way, free_tier=request.free_tier)
    return tuple(monthly_items(total, deployment, request.prices))


def least_usd(candidate: Candidate, request: PlanRequest, assumptions: Assumptions) -> float:
    """Return the cost of 30 days if no call were cold: a candidate costs at least this."""
    scenario = candidate.scenario(assumptions, request.way)
    outcome = planned(scenario, request.horizon_s)
    outcome.requests = math.floor(request.expected)
    # Each call is rounded up to a millisecond, by half of one on average.
    billed_ms = math.floor((scenario.service.mean_s * 1000 + 0.5) * outcome.requests)
    if any(scenario.provisioned_by_hour):
        outcome.provisioned_billed_ms = billed_ms
    else:
        outcome.billed_ms = billed_ms
    deployment = candidate.deployment(request.model_bytes, request.way, free_tier=request.free_tier)
    return total_usd(monthly_items(outcome, deployment, request.prices))


def check(
    plan: Plan, request: PlanRequest, assumptions: Assumptions, *, briefly: bool = False
) -> Plan:
    """Simulate a candidate with other seeds, as often as the objective needs.

    A check ends early when the objective can no longer be shown to be met. To end when it meets it
    would be to stop on a lucky day; a brief check does so where hardly a doubt is left, by
    intervals of 99.8 % (the rule of Haybittle and of Peto for early looks at a trial).

    Args:
        plan: the screened candidate.
        request: the request.
        assumptions: the assumptions to simulate it under.
        briefly: whether the check may end early if the plan meets the objective.
    """
    scenario = plan.candidate.scenario(assumptions, request.way)
    outcomes, objective = Outcomes(), plan.objective
    first_seed = request.seed + FRESH
    if request.seeds is None:
        calls = request.check_calls(scenario)
        looks, each = LOOKS, math.ceil(calls / CHECK_WINDOWS)
        simulated = _windows(scenario, request, first_seed, looks, each)
    else:
        times = request.check_count
        looks, calls = tuple(_doubled(request.seeds, times)), math.ceil(times * request.expected)
        simulated = _whole(scenario, request, first_seed, times)
    usd = []
    for number, outcome in enumerate(simulated, 1):
        if request.seeds is None:
            usd.append(total_usd(_items(plan.candidate, request, scenario, outcome)))
        outcomes.add(outcome)
        if not objective.can_be_shown(outcomes, calls):
            break
        if number in looks:
            early = summarize(outcomes, objective, EARLY_TAIL).verdict(objective)
            if early is Verdict.MISSES or (briefly and early is Verdict.MEETS):
                break
    checked = summarize(outcomes, objective)
    if request.seeds is not None:
        return replace(plan, checked=checked)
    items = _items(plan.candidate, request, scenario, outcomes.total)
    return replace(plan, checked=checked, items=items, usd=_estimate(plan.candidate, items, usd))


def _screening(scenario: Scenario, request: PlanRequest) -> Iterator[Outcome]:
    if request.seeds is not None:
        return _whole(scenario, request, request.seed, request.seeds)
    calls = math.ceil(request.check_calls(scenario) / CHECK_WINDOWS / SCREEN_PART)
    return _windows(scenario, request, request.seed, (SCREEN_WINDOWS,), calls)


def _doubled(first: int, most: int) -> Iterator[int]:
    while first < most:
        yield first
        first *= 2
    yield most


def _whole(
    scenario: Scenario, request: PlanRequest, first_seed: int, times: int
) -> Iterator[Outcome]:
    horizon_s, backend = request.horizon_s, request.backend
    for seed in range(first_seed, first_seed + times):
        yield simulate(scenario, request.traffic, horizon_s=horizon_s, seed=seed, backend=backend)


def _windows(
    scenario: Scenario, request: PlanRequest, first_seed: int, looks: Sequence[int], calls: int
) -> Iterator[Outcome]:
    """Simulate windows; those between two looks are spread over the whole traffic."""
    for seed, (before, upto) in enumerate(itertools.pairwise((0, *looks)), first_seed):
        for window in draw_windows(
            request.traffic,
            calls=calls,
            count=upto - before,
            warm_up_s=scenario.lifetimes.longest_idle_s,
            settling_s=settling_s(scenario),
            seed=seed,
        ):
            yield simulate_window(scenario, window, backend=request.backend)
