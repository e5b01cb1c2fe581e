"""Search for the cheapest plan that meets an objective, with a runner-up and the cost frontier."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from warmlens.planner.assumptions import Assumptions, Clients
from warmlens.planner.plan import Plan, PlanRequest, check, screen
from warmlens.planner.scenario import PerEnvironmentLimit
from warmlens.planner.search import FASTER, Search

IDLE_MIN = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 60, 120)
EXTRA_MS = (0, 50, 100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000)
"""The values that are tried to find the limits of assumptions."""


@dataclass(frozen=True)
class Tolerance:
    """The limits of assumptions within which a plan meets its objective.

    Attributes:
        idle_min: the shortest idle expiry of all instances, in minutes; 1 or more.
        extra_ms: how much longer a cold start may take; 10,000 or less.
    """

    idle_min: float
    extra_ms: float


def tolerance_of(plan: Plan, request: PlanRequest) -> Tolerance:
    """Find the limits of assumptions among the values that are tried.

    It assumes that a shorter idle expiry and a longer cold start are always worse.

    Args:
        plan: a plan that meets the objective under the request's assumptions.
        request: the request.
    """
    base = request.assumptions
    longest_min = base.lifetimes.longest_idle_s / 60

    def meets(assumptions: Assumptions) -> bool:
        return check(plan, request, assumptions, briefly=True).meets

    def meets_at_idle(minutes: float) -> bool:
        return meets(base.with_idle_s(minutes * 60, minutes * 60))

    def meets_with_extra(ms: float) -> bool:
        return meets(base.with_longer_starts(ms / 1000))

    return Tolerance(
        _last_good(
            [longest_min, *(m for m in reversed(IDLE_MIN) if m < longest_min)], meets_at_idle
        ),
        _last_good(EXTRA_MS, meets_with_extra),
    )


def _last_good(values: Sequence[float], passes: Callable[[float], bool]) -> float:
    """Return the last of values, of which the first passes, before those that do not."""
    if passes(values[-1]):
        return values[-1]
    good, bad = 0, len(values) - 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if passes(values[middle]) else (good, middle)
    return values[good]


@dataclass(frozen=True)
class Variation:
    """The advice under other assumptions.

    Attributes:
        assumptions: the other assumptions.
        chosen: the chosen plan under them.
        best: the cheapest plan that meets the objective under them; None: none does.
    """

    assumptions: Assumptions
    chosen: Plan
    best: Plan | None


@dataclass(frozen=True)
class Advice:
    """The plan with its alternatives.

    Attributes:
        plans: all plans that were tried, cheapest first.
        chosen: the cheapest plan that meets the objective; None: none does.
        runner_up: the next cheapest one of another memory size, model store or kind of warming.
        frontier: plans without another one that is both cheaper and faster.
        variations: the advice under other assumptions; empty without a chosen plan.
        tolerance: limits of assumptions for the chosen plan.
    """

    plans: tuple[Plan, ...]
    chosen: Plan | None
    runner_up: Plan | None
    frontier: tuple[Plan, ...]
    variations: tuple[Variation, ...]
    tolerance: Tolerance | None = None


def advise(
    request: PlanRequest, on_progress: Callable[[int, int], None] = lambda done, of: None
) -> Advice:
    """Choose a plan, and simulate it again under other assumptions.

    Args:
        request: the request.
        on_progress: called with the number of candidates decided on, and of all candidates.

    Raises:
        WarmlensError: there is no traffic, too few calls to decide, or a price is missing.
    """
    request.require_calls()
    search = Search(request, request.assumptions)
    search.run(on_progress)
    chosen = search.chosen
    if chosen is None:
        return Advice(tuple(search.plans), None, None, tuple(_frontier(search.plans)), ())
    others = variations(request.assumptions, wakes_ahead=chosen.candidate.wakes_ahead)
    varied = tuple(_vary(request, search.plans, chosen, each) for each in others)
    tolerance = tolerance_of(chosen, request)
    frontier = tuple(_frontier(search.plans))
    return Advice(tuple(search.plans), chosen, search.runner_up, frontier, varied, tolerance)


def variations(base: Assumptions, *, wakes_ahead: bool) -> list[Assumptions]:
    """Return other assumptions, one change each.

    Args:
        base: the assumptions.
        wakes_ahead: whether to vary those of wakes ahead, too.
    """
    short_lives = replace(base.lifetimes, shortest_lifetime_s=1800.0, longest_lifetime_s=3600.0)
    found = [
        replace(base.with_idle_s(300.0, 300.0), name="idle instances end after 5 minutes"),
        replace(base.with_idle_s(1800.0, 3600.0), name="idle instances stay for 30 to 60 minutes"),
        replace(base, name="instances are ended after 30 to 60 minutes", lifetimes=short_lives),
        replace(base.with_longer_starts(1.0), name="a cold start takes a second longer"),
    ]
    if base.per_environment_limit is PerEnvironmentLimit.ACCOUNT:
        name = "each environment takes 10 requests a second at most"
        strict = PerEnvironmentLimit.ENVIRONMENT
        found.append(replace(base, name=name, per_environment_limit=strict))
    if wakes_ahead:
        found.append(replace(base.with_leads(0.5), name="users choose and upload twice as fast"))
        if base.clients is Clients.PAGE:
            name = "no client wakes before the upload begins"
            found.append(replace(base, name=name, clients=Clients.API))
    return found


def _vary(
    request: PlanRequest, tried: Sequence[Plan], chosen: Plan, assumptions: Assumptions
) -> Variation:
    screened = screen(chosen.candidate, request, assumptions)
    own = check(screened, request, assumptions, briefly=True)
    # What misses the objective as assumed misses it as well where all is harder.
    harder = assumptions.harder_than(request.assumptions)
    if harder and own.meets:
        return Variation(assumptions, own, own)
    cheaper = {plan.candidate for plan in tried if plan.usd_per_month < chosen.usd_per_month}
    search = Search(request, assumptions, without=cheaper if harder else ())
    search.run(only_the_cheapest=True)
    return Variation(assumptions, own, search.chosen)


def _frontier(plans: Sequence[Plan]) -> list[Plan]:
    """Return plans of ascending cost, each faster than all before it by more than noise."""
    frontier: list[Plan] = []
    for plan in plans:
        latency_ms = plan.screened.latency_ms.value
        if not frontier or latency_ms < FASTER * frontier[-1].screened.latency_ms.value:
            frontier.append(plan)
    return frontier
