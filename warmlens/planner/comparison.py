"""What else the plan's traffic could be served by, and from which traffic on that is cheaper."""

from warmlens.errors import WarmlensError
from warmlens.planner.advice import Advice
from warmlens.planner.cost import SHORT
from warmlens.planner.plan import Plan, check
from warmlens.planner.question import Question
from warmlens.planner.servers import SERVERS, BreakEven, break_even, fixed_usd
from warmlens.planner.traffic import DAY_S


def comparison(advice: Advice, question: Question) -> list[str]:
    """Return a line for each kind of servers, and those about provisioned concurrency.

    What cannot be compared has its reason in its line: the plan stands without it.
    """
    plan = advice.chosen
    if plan is None:
        return []
    lines = []
    for name in SERVERS:
        try:
            lines.append(_server_line(break_even(question, plan, name)))
        except WarmlensError as error:
            lines.append(f"{name}: not compared. {error.code}: {error}")
    return [*lines, *_provisioned_lines(advice, plan, question)]


def cheapest_provisioned(advice: Advice, question: Question) -> Plan | None:
    """Return the cheapest plan with provisioned concurrency that meets the objective."""
    for plan in advice.plans:
        if plan.candidate.warming != "provisioned" or plan.hopeless:
            continue
        checked = plan if plan.checked else check(plan, question, question.assumptions)
        if checked.meets:
            return checked
    return None


def provisioned_pays_above(question: Question, architecture: str) -> float:
    """Return the share of its time that a provisioned instance must be busy to be the cheaper one.

    On demand costs its price for the busy time; a provisioned instance costs less for that, and
    its own price for all the time.

    Raises:
        WarmlensError: a price is missing.
    """
    prices, short = question.prices, SHORT[architecture]
    return prices[f"provisioned_{short}_per_gb_s"] / (
        prices[f"lambda_{short}_per_gb_s"] - prices[f"provisioned_duration_{short}_per_gb_s"]
    )


def _server_line(found: BreakEven) -> str:
    if found.requests_per_day is None:
        when = "dearer than the plan up to a thousandfold of this traffic"
    else:
        when = f"cheaper from {found.requests_per_day:,.0f} requests a day of the same shape"
    return (
        f"{found.name}, processors needed: {found.servers}, ${found.usd_per_month:.2f} a month; "
        f"{when}."
    )


def _provisioned_lines(advice: Advice, plan: Plan, question: Question) -> list[str]:
    architecture = plan.candidate.measured.architecture
    share = provisioned_pays_above(question, architecture)
    general = (
        f"Provisioned concurrency on {architecture}: an instance is cheaper so while it is busy "
        f"more than {share:.0%} of its time."
    )
    other = cheapest_provisioned(advice, question)
    if other is None:
        return [general, "No plan with it is shown to meet the objective."]
    words = f"The cheapest such plan: {other.candidate.label}, ${other.usd_per_month:.2f} a month"
    if other.candidate == plan.candidate:
        return [general, f"{words}, is the plan."]
    return [general, f"{words}; {_from_when(other, plan, question)}."]


def _from_when(other: Plan, plan: Plan, question: Question) -> str:
    dearer = fixed_usd(other) - fixed_usd(plan)
    saved = (plan.usd_per_month - fixed_usd(plan)) - (other.usd_per_month - fixed_usd(other))
    if saved <= 0:
        return "its calls are not cheaper than the plan's, so more traffic does not change that"
    per_day = question.expected / (question.horizon_s / DAY_S) * dearer / saved
    return f"cheaper from {per_day:,.0f} requests a day, if as many instances are enough then"
