"""Search for the cheapest plan that meets an objective, with a runner-up and the cost frontier."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from warmlens.planner.assumptions import Assumptions, Clients
from warmlens.planner.budget import require_affordable
from warmlens.planner.candidates import Candidate, candidates
from warmlens.planner.cost import needed_prices, snapstart_priced
from warmlens.planner.plan import Plan, PlanRequest, check, screen
from warmlens.planner.scenario import PerEnvironmentLimit

SHORTEST_IDLE_MIN, LONGEST_EXTRA_MS = 1.0, 10_000
_STEPS = 9


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
    """Find the limits of assumptions by bisection, to a five-hundredth of the range.

    It assumes that a shorter idle expiry and a longer cold start are always worse.

    Args:
        plan: a plan that meets the objective under the request's assumptions.
        request: the request.
    """
    base = request.assumptions

    def meets_at_idle(minutes: float) -> bool:
        return check(plan, request, base.with_idle_s(minutes * 60, minutes * 60)).meets

    def meets_with_extra(ms: float) -> bool:
        return check(plan, request, base.with_longer_starts(ms / 1000)).meets

    longest_min = max(SHORTEST_IDLE_MIN, base.lifetimes.longest_idle_s / 60)
    return Tolerance(
        _last_good(longest_min, SHORTEST_IDLE_MIN, meets_at_idle),
        _last_good(0.0, LONGEST_EXTRA_MS, meets_with_extra),
    )


def _last_good(good: float, bad: float, passes: Callable[[float], bool]) -> float:
    """Return the last value from good to bad that passes."""
    if good == bad or passes(bad):
        return bad
    for _ in range(_STEPS):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if passes(middle) else (good, middle)
    return good


FASTER = 0.99
"""A plan is faster than another one if its latency is below this share of the other's."""


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
        on_progress: called with the number of candidates tried, and of all candidates.

    Raises:
        WarmlensError: there is no traffic, too few calls to decide, or a price is missing.
    """
    plans, chosen, runner_up = choose(request, on_progress)
    frontier = tuple(_frontier(plans))
    if chosen is None:
        return Advice(tuple(plans), None, None, frontier, ())
    others = variations(request.assumptions, wakes_ahead=chosen.candidate.wakes_ahead)
    varied = tuple(_vary(request, plans, chosen, each) for each in others)
    tolerance = tolerance_of(chosen, request)
    return Advice(tuple(plans), chosen, runner_up, frontier, varied, tolerance)


def choose(
    request: PlanRequest, on_progress: Callable[[int, int], None] = lambda done, of: None
) -> tuple[list[Plan], Plan | None, Plan | None]:
    """Try all candidates, and check the cheapest ones on other days.

    Returns:
        All plans, cheapest first; the cheapest that meets the objective; and the runner-up.

    Raises:
        WarmlensError: as of `advise`.
    """
    request.require_calls()
    tried = list(_candidates(request))
    request.prices.require(
        name
        for each in tried
        for name in needed_prices(each.deployment(request.model_bytes), each.warming)
    )
    plans = []
    for number, each in enumerate(tried, 1):
        plans.append(screen(each, request, request.assumptions))
        on_progress(number, len(tried))
    plans.sort(key=lambda plan: plan.usd_per_month)
    chosen = runner_up = None
    for at, plan in enumerate(plans):
        if plan.ruled_out or (chosen and not _differs(plan, chosen)):
            continue
        plans[at] = check(plan, request, request.assumptions)
        if not plans[at].meets:
            continue
        if chosen:
            runner_up = plans[at]
            break
        chosen = plans[at]
    return plans, chosen, runner_up


def simulated_times(request: PlanRequest) -> int:
    """Return about how many simulations of the traffic a request takes."""
    base = request.assumptions
    request.require_calls()
    require_affordable(request.traffic, horizon_s=request.horizon_s, times=request.seed_count)
    tried = sum(1 for _ in _candidates(request))
    checked = 20 + len(
        variations(base, wakes_ahead=True)
    )  # the proposed plans, and the chosen one's tolerance
    return tried * request.seed_count + checked * request.check_count


def _candidates(request: PlanRequest) -> Iterator[Candidate]:
    return candidates(
        request.measured,
        request.profile,
        concurrency=request.assumptions.concurrency,
        snapstart=snapstart_priced(request.prices),
    )


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
    request: PlanRequest, plans: Sequence[Plan], chosen: Plan, assumptions: Assumptions
) -> Variation:
    own = check(screen(chosen.candidate, request, assumptions), request, assumptions)
    # In the order of cost as assumed, which the variations hardly change.
    for plan in plans:
        if plan.candidate == chosen.candidate:
            varied = own
        else:
            varied = screen(plan.candidate, request, assumptions)
            if not varied.ruled_out:
                varied = check(varied, request, assumptions)
        if varied.meets:
            return Variation(assumptions, own, varied)
    return Variation(assumptions, own, None)


def _differs(plan: Plan, other: Plan) -> bool:
    a, b = plan.candidate, other.candidate
    return (a.warming, a.measured.key) != (b.warming, b.measured.key)


def _frontier(plans: Sequence[Plan]) -> list[Plan]:
    """Return plans of ascending cost, each faster than all before it by more than noise."""
    frontier: list[Plan] = []
    for plan in plans:
        latency_ms = plan.screened.latency_ms.value
        if not frontier or latency_ms < FASTER * frontier[-1].screened.latency_ms.value:
            frontier.append(plan)
    return frontier
