"""The plan: the cheapest candidate that meets the objective, the runner-up, and the frontier."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from warmlens.planner.candidates import Assumptions, Candidate, candidates
from warmlens.planner.cost import Item, monthly_items, total_usd
from warmlens.planner.errors import PlanError
from warmlens.planner.model import DAY_H, HOUR_S, Lives
from warmlens.planner.objective import Objective, Reached, reached
from warmlens.planner.service_times import Measured
from warmlens.planner.simulate import Engine, simulate
from warmlens.planner.traffic import Profile, Trace
from warmlens.prices import PriceList

DAY_S = DAY_H * HOUR_S
FEWEST_SEEDS, MOST_SEEDS, ENOUGH_REQUESTS = 5, 100, 50_000


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
        seeds: how many days are drawn; None takes as many as rare events need.
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
        if isinstance(self.traffic, Trace):
            return math.ceil((self.traffic.last_s + 1e-9) / DAY_S) * DAY_S
        length_s = self.traffic.segment_s * len(self.traffic.rates_per_s)
        return max(1, math.ceil(length_s / DAY_S)) * DAY_S

    @property
    def profile(self) -> Profile:
        """The traffic's rates, of a trace too."""
        traffic = self.traffic
        return traffic.as_profile() if isinstance(traffic, Trace) else traffic

    @property
    def seed_count(self) -> int:
        """How many times the traffic is simulated."""
        if self.seeds is not None:
            return self.seeds
        expected = self.traffic.expected(self.horizon_s)
        if expected <= 0:
            raise PlanError("no_traffic", "the traffic has no calls: there is nothing to plan")
        return min(MOST_SEEDS, max(FEWEST_SEEDS, math.ceil(ENOUGH_REQUESTS / expected)))


@dataclass(frozen=True)
class Plan:
    """A candidate, what it reaches and what it costs.

    Attributes:
        candidate: the candidate.
        reached: over all seeds.
        items: what 30 days cost.
        meets: whether it meets the objective.
    """

    candidate: Candidate
    reached: Reached
    items: tuple[Item, ...]
    meets: bool

    @property
    def usd_per_month(self) -> float:
        """The sum of the items."""
        return total_usd(self.items)


@dataclass(frozen=True)
class Variation:
    """What the advice would be if an assumption were wrong.

    Attributes:
        assumptions: what is assumed instead.
        chosen: the chosen plan under it.
        best: the cheapest plan that meets the objective under it; None: none does.
    """

    assumptions: Assumptions
    chosen: Plan
    best: Plan | None


@dataclass(frozen=True)
class Advice:
    """The answer.

    Attributes:
        plans: all that were tried, cheapest first.
        chosen: the cheapest that meets the objective; None: none does.
        runner_up: the next cheapest that meets it and differs in more than N.
        frontier: plans to which no other one is both cheaper and faster.
        variations: the same with other assumptions; empty without a chosen plan.
    """

    plans: tuple[Plan, ...]
    chosen: Plan | None
    runner_up: Plan | None
    frontier: tuple[Plan, ...]
    variations: tuple[Variation, ...]


def evaluate(candidate: Candidate, question: Question, assumptions: Assumptions) -> Plan:
    """Simulate a candidate under every seed."""
    outcomes = [
        simulate(
            candidate.model(assumptions),
            question.traffic,
            horizon_s=question.horizon_s,
            seed=question.seed + number,
            engine=question.engine,
        )
        for number in range(question.seed_count)
    ]
    found = reached(outcomes, question.objective)
    deployment = candidate.deployment(assumptions, question.model_bytes)
    items = monthly_items(outcomes, deployment, question.prices)
    return Plan(candidate, found, tuple(items), found.meets(question.objective))


def advise(
    question: Question, on_progress: Callable[[int, int], None] = lambda done, of: None
) -> Advice:
    """Try all candidates.

    Args:
        question: what is asked.
        on_progress: called with how many candidates are tried, and of how many.

    Raises:
        PlanError: there is no traffic.
        PriceError: a price is missing.
    """
    tried = list(
        candidates(
            question.measured, question.profile, concurrency=question.assumptions.concurrency
        )
    )
    plans = []
    for number, each in enumerate(tried, 1):
        plans.append(evaluate(each, question, question.assumptions))
        on_progress(number, len(tried))
    plans.sort(key=lambda plan: plan.usd_per_month)
    meeting = [plan for plan in plans if plan.meets]
    chosen = meeting[0] if meeting else None
    other = [plan for plan in meeting[1:] if chosen and _differs(plan, chosen)]
    varied = tuple(
        _vary(question, plans, chosen, assumptions)
        for assumptions in variations(question.assumptions)
        if chosen
    )
    return Advice(
        tuple(plans), chosen, other[0] if other else None, tuple(_frontier(plans)), varied
    )


def variations(base: Assumptions) -> list[Assumptions]:
    """Return other assumptions, one change each."""
    lives = base.lives
    changed = (
        ("idle instances end after 5 minutes", {"shortest_idle_s": 300.0, "longest_idle_s": 300.0}),
        (
            "idle instances stay for 30 to 60 minutes",
            {"shortest_idle_s": 1800.0, "longest_idle_s": 3600.0},
        ),
        (
            "instances are ended after 30 to 60 minutes",
            {"shortest_lifetime_s": 1800.0, "longest_lifetime_s": 3600.0},
        ),
    )
    found = [replace(base, name=name, lives=replace(lives, **change)) for name, change in changed]
    slower = replace(
        base, name="a cold start takes a second longer", platform_ms=base.platform_ms + 1000
    )
    return [*found, slower]


def _vary(
    question: Question, plans: Sequence[Plan], chosen: Plan | None, assumptions: Assumptions
) -> Variation:
    assert chosen is not None
    own = evaluate(chosen.candidate, question, assumptions)
    # In the order of cost as assumed, which the variations hardly change.
    for plan in plans:
        same = plan.candidate == chosen.candidate
        varied = own if same else evaluate(plan.candidate, question, assumptions)
        if varied.meets:
            return Variation(assumptions, own, varied)
    return Variation(assumptions, own, None)


def _differs(plan: Plan, other: Plan) -> bool:
    a, b = plan.candidate, other.candidate
    return (a.warming, a.measured.key) != (b.warming, b.measured.key)


def _frontier(plans: Sequence[Plan]) -> list[Plan]:
    """Those of ascending cost that are faster than all before them."""
    found: list[Plan] = []
    for plan in plans:
        if not found or plan.reached.latency_ms.mean < found[-1].reached.latency_ms.mean:
            found.append(plan)
    return found


def lives_from_minutes(text: str, base: Lives) -> Lives:
    """Read an idle expiry such as `10` or `5-30`, in minutes.

    Raises:
        PlanError: it is neither.
    """
    shortest, _, longest = text.partition("-")
    try:
        low_s, high_s = float(shortest) * 60, float(longest or shortest) * 60
    except ValueError:
        raise PlanError("bad_lives", f"{text!r}: give minutes such as 10, or 5-30") from None
    return replace(base, shortest_idle_s=low_s, longest_idle_s=high_s)
