"""Traffic, measurements, a plan request and the command for tests of advice."""

from tests.invoke import invoke
from warmlens.cli import app
from warmlens.planner.advice import Advice
from warmlens.planner.assumptions import Assumptions
from warmlens.planner.objective import read_objective
from warmlens.planner.plan import Plan, PlanRequest
from warmlens.planner.service_times import SERVICE_TIMES, read_measured
from warmlens.planner.traffic import Bursts, Profile
from warmlens.prices import read_prices

FEW_MB, FEW_STORE = (768, 1769), "image"
# Two of the measured cases: each further one makes a plan take longer.
MEASURED = [
    each
    for each in read_measured([SERVICE_TIMES])
    if each.memory_mb in FEW_MB and each.model_store == FEW_STORE
]
DAY = Profile(
    rates_per_s=tuple(0.01 if hour < 7 else 0.1 for hour in range(24)),
    bursts=Bursts(size=4, per_hour=1.0),
    description="a day",
)


def plan_request(
    slo: str = "p99=1s",
    cold_share: str | None = "0.2%",
    *,
    traffic: Profile = DAY,
    concurrency: int = 1000,
    seeds: int | None = 5,
) -> PlanRequest:
    return PlanRequest(
        traffic=traffic,
        objective=read_objective(slo, cold_share),
        measured=MEASURED,
        prices=read_prices(),
        model_bytes=23_826_237,
        assumptions=Assumptions(concurrency=concurrency),
        seeds=seeds,
    )


def chosen(advice: Advice) -> Plan:
    assert advice.chosen is not None
    return advice.chosen


def run(*arguments: str) -> tuple[int, str]:
    """Run `warmlens plan`; gives its exit code and what it printed."""
    result = invoke(app, "plan", *arguments)
    return result.exit_code, result.stdout + result.stderr
