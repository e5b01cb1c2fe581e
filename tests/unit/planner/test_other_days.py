"""Proposed plans meet their objective on days other than those of the choice."""

import dataclasses

import pytest

from tests.unit.planner.plan_requests import MEASURED, plan_request
from warmlens.errors import WarmlensError
from warmlens.planner.advice import Advice, advise
from warmlens.planner.assumptions import Assumptions, platform_of
from warmlens.planner.outcome import Outcomes
from warmlens.planner.plan import Plan, PlanRequest
from warmlens.planner.search import Search
from warmlens.planner.simulate import simulate
from warmlens.planner.traffic import constant_rate


def on_other_days(plan: Plan, request: PlanRequest, days: int) -> Outcomes:
    outcomes = Outcomes()
    for number in range(days):
        scenario = plan.candidate.scenario(request.assumptions)
        outcomes.add(simulate(scenario, request.traffic, horizon_s=86_400, seed=5_000_000 + number))
    return outcomes


@pytest.mark.parametrize(
    ("rps", "slo", "cold_share", "platform_ms"),
    [(0.00023, "p99=1s", None, 1000), (0.0001, "p99=1s", "0.1%", 0)],
)
def test_a_plan_for_a_few_calls_a_day_meets_its_objective_on_thousands_of_other_days(
    rps: float, slo: str, cold_share: str | None, platform_ms: int
) -> None:
    """Twenty and nine calls a day: what a hundred days show is not enough for the cheapest one."""
    request = dataclasses.replace(
        plan_request(slo, cold_share, traffic=constant_rate(rps), seeds=None),
        assumptions=Assumptions(platform=platform_of(platform_ms)),
        measured=[each for each in MEASURED if each.memory_mb == 1769],
    )
    search = Search(request, request.assumptions)
    search.run(only_the_cheapest=True)
    plan, objective = search.chosen, request.objective
    assert plan is not None
    assert plan.checked is not None
    assert plan.checked.calls > objective.calls_needed
    truth = on_other_days(plan, request, 3000)
    assert truth.percentile_ms(objective.percent).value <= objective.latency_ms
    assert truth.cold_share().value <= (objective.cold_share or 1)
    fewer = on_other_days(with_less_warming(plan), request, 3000)
    missed = fewer.percentile_ms(objective.percent).value > objective.latency_ms
    assert missed or fewer.cold_share().high > (objective.cold_share or 1)


def with_less_warming(plan: Plan) -> Plan:
    counts = tuple(max(0, count - 1) for count in plan.candidate.by_hour)
    warming = plan.candidate.warming if any(counts) else "off"
    return dataclasses.replace(
        plan, candidate=dataclasses.replace(plan.candidate, by_hour=counts, warming=warming)
    )


def test_too_few_calls_are_an_error() -> None:
    request = plan_request("p99.9=1s", None, traffic=constant_rate(1e-6), seeds=None)
    words = r"too few calls to show 0\.1 %: 4,000 simulated days have 346"
    with pytest.raises(WarmlensError, match=words) as error:
        advise(request)
    assert error.value.code == "too_few_calls"


def test_proposed_plans_were_checked_on_other_days(advice: Advice) -> None:
    for plan in (advice.chosen, advice.runner_up):
        assert plan is not None
        assert plan.checked is not None
        assert plan.checked != plan.screened
        assert plan.result is plan.checked
