"""The plan: the cheapest candidate that meets the objective, the runner-up, and the frontier."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from warmlens.errors import WarmlensError
from warmlens.planner.candidates import Assumptions, candidates
from warmlens.planner.cost import needed_prices
from warmlens.planner.limits import require_affordable
from warmlens.planner.model import Lives
from warmlens.planner.plan import Plan, check, screen
from warmlens.planner.question import Question
from warmlens.planner.thresholds import Holds, holds

FASTER = 0.99
"""A latency below this share of another one is called faster."""


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
        holds: how wrong assumptions may be until the chosen plan misses the objective.
    """

    plans: tuple[Plan, ...]
    chosen: Plan | None
    runner_up: Plan | None
    frontier: tuple[Plan, ...]
    variations: tuple[Variation, ...]
    holds: Holds | None = None


def advise(
    question: Question, on_progress: Callable[[int, int], None] = lambda done, of: None
) -> Advice:
    """Try all candidates, and those that are proposed a second time with other users.

    Args:
        question: what is asked.
        on_progress: called with how many candidates are tried, and of how many.

    Raises:
        WarmlensError: there is no traffic, or too few calls to tell whether the objective is met.
        WarmlensError: prices are missing.
    """
    question.require_calls()
    tried = list(
        candidates(
            question.measured, question.profile, concurrency=question.assumptions.concurrency
        )
    )
    question.prices.require(
        name
        for each in tried
        for name in needed_prices(
            each.deployment(question.assumptions, question.model_bytes), each.warming
        )
    )
    plans = []
    for number, each in enumerate(tried, 1):
        plans.append(screen(each, question, question.assumptions))
        on_progress(number, len(tried))
    plans.sort(key=lambda plan: plan.usd_per_month)
    chosen = runner_up = None
    for at, plan in enumerate(plans):
        if plan.hopeless or (chosen and not _differs(plan, chosen)):
            continue
        plans[at] = check(plan, question, question.assumptions)
        if not plans[at].meets:
            continue
        if chosen:
            runner_up = plans[at]
            break
        chosen = plans[at]
    varied = tuple(
        _vary(question, plans, chosen, assumptions)
        for assumptions in variations(question.assumptions)
        if chosen
    )
    return Advice(
        tuple(plans),
        chosen,
        runner_up,
        tuple(_frontier(plans)),
        varied,
        holds(chosen, question) if chosen else None,
    )


def simulated_times(question: Question) -> int:
    """Return about how often the traffic is simulated to answer a question."""
    profile, base = question.profile, question.assumptions
    question.require_calls()
    require_affordable(question.traffic, horizon_s=question.horizon_s, times=question.seed_count)
    tried = sum(1 for _ in candidates(question.measured, profile, concurrency=base.concurrency))
    checked = 20 + len(variations(base))  # what is proposed, and where it ceases to hold
    return tried * question.seed_count + checked * question.check_count


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
    question: Question, plans: Sequence[Plan], chosen: Plan, assumptions: Assumptions
) -> Variation:
    own = check(screen(chosen.candidate, question, assumptions), question, assumptions)
    # In the order of cost as assumed, which the variations hardly change.
    for plan in plans:
        if plan.candidate == chosen.candidate:
            varied = own
        else:
            varied = screen(plan.candidate, question, assumptions)
            if not varied.hopeless:
                varied = check(varied, question, assumptions)
        if varied.meets:
            return Variation(assumptions, own, varied)
    return Variation(assumptions, own, None)


def _differs(plan: Plan, other: Plan) -> bool:
    a, b = plan.candidate, other.candidate
    return (a.warming, a.measured.key) != (b.warming, b.measured.key)


def _frontier(plans: Sequence[Plan]) -> list[Plan]:
    """Those of ascending cost that are faster than all before them, by more than chance may be."""
    found: list[Plan] = []
    for plan in plans:
        if (
            not found
            or plan.screened.latency_ms.value < FASTER * found[-1].screened.latency_ms.value
        ):
            found.append(plan)
    return found


def lives_from_minutes(text: str, base: Lives) -> Lives:
    """Read an idle expiry such as `10` or `5-30`, in minutes.

    Raises:
        WarmlensError: it is neither.
    """
    shortest, _, longest = text.partition("-")
    try:
        low_s, high_s = float(shortest) * 60, float(longest or shortest) * 60
    except ValueError:
        raise WarmlensError("bad_lives", f"{text!r}: give minutes such as 10, or 5-30") from None
    return replace(base, shortest_idle_s=low_s, longest_idle_s=high_s)
