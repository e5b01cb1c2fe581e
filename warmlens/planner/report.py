"""Output of advice: records for programs, text for people."""

import math
from collections.abc import Iterator, Sequence

from warmlens.errors import WarmlensError
from warmlens.planner.advice import (
    EXTRA_MS,
    IDLE_MIN,
    Advice,
    Tolerance,
    Variation,
)
from warmlens.planner.at_rest import at_rest, at_rest_items
from warmlens.planner.bill import Item, less_free_tier, total_usd
from warmlens.planner.candidates import USER_RESERVE, Candidate
from warmlens.planner.cost import snapstart_priced
from warmlens.planner.objective import Verdict
from warmlens.planner.photo import Way
from warmlens.planner.plan import Plan, PlanRequest
from warmlens.planner.service_times import Measured
from warmlens.prices import PriceList
from warmlens.records import Record, today

# As in stacks/settings.py and stacks/image_limits.py, which the command line does without; a test
# compares them.
DEFAULT_MAX_IMAGE_PIXELS, DEFAULT_MAX_IMAGE_BYTES = 50_000_000, 64 * 2**20
INSTANCE_MB, DECODE_BYTES_PER_PIXEL, COPIES_OF_A_FILE = 100, 25, 2


def settings_text(candidate: Candidate, *, region: str, peak_busy: int) -> str:
    """Return a plan as settings of `stacks/settings.py`.

    Args:
        candidate: the plan.
        region: AWS region.
        peak_busy: maximum number of calls at once in the simulations.
    """
    lines = [
        "Settings(",
        '    env_name="prod",',
        f'    region="{region}",',
        f"    memory_mb={candidate.measured.memory_mb},",
        *_image_limits(candidate.measured.memory_mb),
        f'    architecture="{candidate.measured.architecture}",',
        f'    model_store="{candidate.measured.model_store}",',
        f"    wake_ahead={candidate.wakes_ahead},",
        f'    warming="{_warming(candidate)}",',
    ]
    if any(candidate.by_hour):
        counts = candidate.by_hour
        if len(set(counts)) == 1:
            lines.append(f"    warm_instances={counts[0]},")
        else:
            lines.append(f"    warm_profile={counts},")
    if candidate.hold_ms is not None:
        lines.append(f"    warming_hold_ms={candidate.hold_ms},")
    needed = max(peak_busy, *candidate.by_hour) + (USER_RESERVE if candidate.pings else 0)
    if candidate.wakes_ahead:
        needed = max(needed, 2)  # with 1, the setting has no effect
    lines.append(f"    # reserved_concurrency: at least {needed}, if you set it")
    return "\n".join([*lines, ")"])


def _warming(candidate: Candidate) -> str:
    return {"ahead": "off", "ahead+ping": "ping"}.get(candidate.warming, candidate.warming)


def _image_limits(memory_mb: int) -> list[str]:
    free_bytes = (memory_mb - INSTANCE_MB) * 2**20
    # Half of the memory for the file, half for its pixels.
    max_bytes = min(DEFAULT_MAX_IMAGE_BYTES, free_bytes // COPIES_OF_A_FILE // 2)
    max_pixels = (free_bytes - COPIES_OF_A_FILE * max_bytes) // DECODE_BYTES_PER_PIXEL
    lines = []
    if max_bytes < DEFAULT_MAX_IMAGE_BYTES:
        lines.append(f"    max_image_bytes={max_bytes:_},")
    if max_pixels < DEFAULT_MAX_IMAGE_PIXELS:
        lines.append(f"    max_image_pixels={max_pixels // 1_000_000 * 1_000_000 or max_pixels:_},")
    return lines


COMMAND = "warmlens plan"
FREE_TIER = "The permanent free tier is subtracted, as if nothing else used it."


def plan_records(advice: Advice, request: PlanRequest) -> Iterator[Record]:
    """Yield two records for each plan, its cost and its latency."""
    objective = request.objective
    for plan in advice.plans:
        candidate = plan.candidate
        rank = {id(advice.chosen): "chosen", id(advice.runner_up): "runner-up"}.get(id(plan), "")
        conditions = {
            "memory_mb": candidate.measured.memory_mb,
            "architecture": candidate.measured.architecture,
            "model_store": candidate.measured.model_store,
            "warming": candidate.warming,
            "warm_by_hour": list(candidate.by_hour),
            "hold_ms": candidate.hold_ms,
            "traffic": request.traffic.description,
            "region": request.prices.region,
            "prices": request.prices.date,
            "photo": request.way.description,
            "times": candidate.measured.source,
            "free_tier": request.free_tier,
            "cold_share": plan.result.cold_share.value,
            "cold_share_high": plan.result.cold_share.high,
            "meets": plan.meets,
            "verdict": plan.verdict.value,
            "simulated_times": plan.result.times,
            "simulated_calls": plan.result.calls,
            "frontier": any(plan is each for each in advice.frontier),
            "rank": rank,
        }
        latency = plan.result.latency_ms
        bounds = {"low": latency.low, "high": latency.high if latency.high < math.inf else None}
        asked = {"percent": objective.percent, "latency_at_most_ms": objective.latency_ms}
        low, high = plan.usd.low, plan.usd.high
        yield _record(
            candidate.label,
            plan.usd_per_month,
            conditions,
            interval=(low, high) if high < math.inf else None,
        )
        conditions = {**conditions, **asked, **bounds}
        yield _record(candidate.label, latency.value, conditions, metric="latency_ms", unit="ms")


def cost_records(items: Sequence[Item], conditions: dict[str, object]) -> Iterator[Record]:
    """Yield a record for each item of a month's bill, and one for the total."""
    for item in items:
        quantity = {"quantity": item.quantity, "unit": item.unit, "price": item.price}
        yield _record(item.name, item.usd, {**conditions, **quantity})
    yield _record("total", total_usd(items), conditions)


def in_words(advice: Advice, request: PlanRequest, compared: Sequence[str] = ()) -> str:
    """Return the advice as text, with lines that compare the plan with servers."""
    if advice.chosen is None:
        return "\n".join(_nothing(advice, request)) + "\n"
    lines = [
        f"Traffic: {request.traffic.description}.",
        f"Simulated: {advice.chosen.result.calls:,} calls of the plan, in "
        f"{_simulations(advice.chosen, request)}; plans tried: {len(advice.plans)}.",
        f"Objective: {request.objective.description}.",
        f"Prices: {request.prices.region}, {request.prices.date}"
        + ("." if snapstart_priced(request.prices) else "; none for SnapStart: not compared."),
        f"Each photo: {request.way.description}.",
        *([FREE_TIER] if request.free_tier else []),
        "Assumed:",
        *(f"  {each}" for each in request.assumptions.descriptions),
        f"Times: {sources_of(request.measured)}.",
        "",
        *_plan_lines("Plan", advice.chosen, request),
        *_as_cheap_lines(advice),
        "",
        *(
            _plan_lines("Runner-up", advice.runner_up, request)
            if advice.runner_up
            else ["Runner-up: no plan of another kind meets the objective."]
        ),
        "",
        "Cost against latency (both plans, and every plan without a cheaper and faster one):",
        *(_frontier_line(plan, request, advice) for plan in _compared(advice)),
        "",
        "If an assumption is wrong:",
        *(_variation_line(each, advice.chosen, request) for each in advice.variations),
        *(_tolerance_lines(advice.tolerance) if advice.tolerance else []),
        "",
        at_rest_line(
            request.way,
            request.prices,
            warmer=advice.chosen.candidate.pings,
            free_tier=request.free_tier,
        ),
        *compared,
        *([""] if compared else []),
        "Settings:",
        settings_text(
            advice.chosen.candidate,
            region=request.prices.region,
            peak_busy=advice.chosen.result.peak_busy,
        ),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def at_rest_line(way: Way, prices: PriceList, *, warmer: bool, free_tier: bool) -> str:
    """Return a line on an environment's fixed costs."""
    try:
        items = at_rest_items(at_rest(way, warmer=warmer), prices)
    except WarmlensError as error:
        return f"Fixed costs, at any traffic: not computed. {error.code}: {error}"
    if free_tier:
        items = less_free_tier(items, prices)
    parts = ", ".join(f"{item.name} {item.usd:.2f}" for item in items)
    return f"Fixed costs, at any traffic: ${total_usd(items):.2f} a month more ({parts})."


def sources_of(measured: Sequence[Measured]) -> str:
    """Return where service times and cold starts are from, for people."""
    return "; ".join(dict.fromkeys(each.source for each in measured))


def _as_cheap_lines(advice: Advice) -> list[str]:
    """Return a line with the other plans whose costs cannot be told from the chosen one's."""
    chosen = advice.chosen
    assert chosen is not None
    as_cheap = [
        plan.candidate.label
        for plan in advice.plans
        if plan.meets and plan is not chosen and not chosen.costs_less_than(plan)
    ]
    return (
        [f"  As cheap, within the interval of its cost: {'; '.join(as_cheap)}"] if as_cheap else []
    )


def _simulations(plan: Plan, request: PlanRequest) -> str:
    return f"{plan.result.times} {'windows' if request.seeds is None else 'runs'} of the traffic"


def _plan_lines(name: str, plan: Plan, request: PlanRequest) -> list[str]:
    latency_ms, cold = plan.result.latency_ms, plan.result.cold_share
    items = sorted(plan.items, key=lambda item: -item.usd)
    return [
        f"{name}: {plan.candidate.label}",
        f"  ${plan.usd_per_month:.2f} a month{_usd_interval(plan)}, p{request.objective.percent:g} "
        f"{latency_ms.value:.0f} ms ({latency_ms.low:.0f} to {latency_ms.high:.0f}), "
        f"cold {cold.value:.3%} ({cold.low:.3%} to {cold.high:.3%})",
        *(f"    ${item.usd:9.3f}  {item.name}" for item in items),
    ]


def _usd_interval(plan: Plan) -> str:
    return f" ({plan.usd.low:.2f} to {plan.usd.high:.2f})" if plan.usd.high < math.inf else ""


def _compared(advice: Advice) -> list[Plan]:
    named = [plan for plan in (advice.chosen, advice.runner_up) if plan]
    shown = {id(plan) for plan in (*advice.frontier, *named)}
    return [plan for plan in advice.plans if id(plan) in shown]


def _frontier_line(plan: Plan, request: PlanRequest, advice: Advice) -> str:
    named = {id(advice.chosen): " (the plan)", id(advice.runner_up): " (the runner-up)"}
    return (
        f"  ${plan.usd_per_month:8.2f}  p{request.objective.percent:g} "
        f"{plan.result.latency_ms.value:6.0f} ms  cold {plan.result.cold_share.value:7.3%}  "
        f"{plan.verdict.value:6}  {plan.candidate.label}{named.get(id(plan), '')}"
    )


def _variation_line(variation: Variation, chosen: Plan, request: PlanRequest) -> str:
    own = variation.chosen
    figures = (
        f"${own.usd_per_month:.2f}, p{request.objective.percent:g} "
        f"{own.result.latency_ms.value:.0f} ms, cold {own.result.cold_share.value:.3%}"
    )
    begin = f"  {variation.assumptions.name}: {figures}; "
    if own.meets:
        best = variation.best
        if best and best.candidate != chosen.candidate:
            costs = "is cheaper" if best.costs_less_than(own) else "is as cheap, within intervals"
            return f"{begin}the plan still meets the objective, but {_label_and_cost(best)} {costs}"
        return f"{begin}the same plan"
    if variation.best is None:
        return f"{begin}no plan meets the objective"
    fails = "misses" if own.verdict is Verdict.MISSES else "may miss"
    return f"{begin}the plan {fails} the objective, use {_label_and_cost(variation.best)}"


def _tolerance_lines(tolerance: Tolerance) -> list[str]:
    idle_min, extra_ms = tolerance.idle_min, tolerance.extra_ms
    return [
        "  The plan meets the objective",
        f"  down to an idle expiry of {idle_min:g} minutes for all instances (the least tried is "
        f"{IDLE_MIN[0]}),",
        f"  and up to {extra_ms:,.0f} ms more for each cold start (the most tried is "
        f"{EXTRA_MS[-1]:,}).",
    ]


def _nothing(advice: Advice, request: PlanRequest) -> list[str]:
    best = min(
        advice.plans, key=lambda plan: (plan.result.throttled_share, plan.result.latency_ms.high)
    )
    coldest = min(advice.plans, key=lambda plan: plan.result.cold_share.high)
    percent = request.objective.percent
    unsure = sum(plan.verdict is Verdict.UNSURE for plan in advice.plans)
    lines = [
        f"No plan meets the objective, {request.objective.description}; tried: {len(advice.plans)}."
    ]
    if unsure:
        lines.append(f"{unsure} of them may meet it: simulate them more often with --seeds.")
    others = [plan for plan in advice.plans if plan is not best]
    parted = all(best.result.latency_ms.high < each.result.latency_ms.low for each in others)
    fewest = all(
        coldest.result.cold_share.high < each.result.cold_share.low
        for each in advice.plans
        if each is not coldest
    )
    lines += [
        f"The fastest{_within(parted)}: {_label_and_cost(best)}, p{percent:g} "
        f"{best.result.latency_ms.value:.0f} ms.",
        f"The fewest cold starts{_within(fewest)}: {_label_and_cost(coldest)}, cold "
        f"{coldest.result.cold_share.value:.3%} (up to {coldest.result.cold_share.high:.3%}).",
    ]
    if best.result.throttled_share:
        share = f"{best.result.throttled_share:.2%}"
        lines.append(f"{share} of the users are throttled: raise --concurrency.")
    return lines


def _within(parted: bool) -> str:
    return "" if parted else ", others within its interval"


def _label_and_cost(plan: Plan) -> str:
    return f"{plan.candidate.label} for ${plan.usd_per_month:.2f} a month"


def _record(
    name: str,
    value: float,
    conditions: dict[str, object],
    *,
    metric: str = "cost_usd_per_month",
    unit: str = "USD",
    interval: tuple[float, float] | None = None,
) -> Record:
    return Record(
        name=name,
        metric=metric,
        value=value,
        unit=unit,
        interval=interval,
        kind="simulated",
        conditions=conditions,
        command=COMMAND,
        machine="",
        date=today(),
    )
