"""A plan from a week of requests at a real load balancer, checked on the week after it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lab.bench.forecast.figures import CAME, COMMAND, Draws, records_of
from lab.bench.forecast.minutes import paired_share
from lab.bench.warming.traces import load_balancer
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.planner.bill import total_usd
from warmlens.planner.cost import monthly_items
from warmlens.planner.objective import read_objective
from warmlens.planner.options import MODEL_BYTES, BillOptions, DataOptions
from warmlens.planner.plan import Plan, PlanRequest
from warmlens.planner.search import Search
from warmlens.planner.simulate import simulate
from warmlens.planner.traffic import DAY_S, Profile, Traffic
from warmlens.planner.traffic_files import read_traffic
from warmlens.records import Record, today

WEEK_1 = ROOT / "docs" / "examples" / "elb-requests.csv"
WEEK_S = 7 * DAY_S
ONE_BY_ONE = "week 2, one by one"
IN_PAIRS = "week 2, some in pairs"
IN_FIVES = "week 2, in fives"
CASES = ONE_BY_ONE, IN_PAIRS, IN_FIVES
"""Arrivals within five minutes, of which only the count is known: at independent moments, with the
inference service's share of pairs at one moment, or all in fives within 0.1 s."""


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Traffic of which some calls are moved to the moment of the call before.

    Attributes:
        traffic: the calls.
        share: the share of calls that are then in a pair.
    """

    traffic: Traffic
    share: float
    description: str = "some in pairs"

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Yield the moments of the calls before the horizon, ascending."""
        rng, before_s = random.Random(seed), -1.0
        for now_s in self.traffic.arrivals(seed, horizon_s):
            moved = before_s >= 0 and rng.random() < self.share / 2
            yield before_s if moved else now_s
            before_s = -1.0 if moved else now_s

    def expected(self, horizon_s: float) -> float:
        """Return the number of calls before the horizon."""
        return self.traffic.expected(horizon_s)


@dataclass(frozen=True)
class Planned:
    """A plan, and what it was planned for."""

    request: PlanRequest
    plan: Plan

    def figures(self, traffic: Traffic, seed: int) -> dict[str, float]:
        """Simulate a week with the plan."""
        request, candidate = self.request, self.plan.candidate
        scenario = candidate.scenario(request.assumptions, request.way)
        outcome = simulate(scenario, traffic, horizon_s=WEEK_S, seed=seed)
        deployment = candidate.deployment(request.model_bytes, request.way)
        return {
            "requests": outcome.requests,
            "cold_share": outcome.cold_share,
            "warm_coverage": 1 - outcome.pings_cold / outcome.pings,
            "usd_per_month": total_usd(monthly_items(outcome, deployment, request.prices)),
        }


@cache
def planned() -> Planned:
    """Return what `warmlens plan` proposes from the first week.

    Raises:
        WarmlensError: nothing meets the objective.
    """
    data, bill = DataOptions(), BillOptions()
    request = PlanRequest(
        traffic=read_traffic(WEEK_1),
        objective=read_objective("p99=1s", "0.1%"),
        measured=data.measured(),
        prices=data.price_list(),
        model_bytes=MODEL_BYTES,
        way=bill.way(data.clients),
        assumptions=data.assumptions(),
        seed=data.seed,
    )
    search = Search(request, request.assumptions)
    search.run(only_the_cheapest=True)
    if search.chosen is None:
        raise WarmlensError("not_planned", f"{WEEK_1}: nothing meets the objective")
    return Planned(request, search.chosen)


def predictions() -> dict[str, Profile]:
    """Return the first week, as it was and with as many requests as the second one had."""
    week = planned().request.profile
    factor = second_week().expected(WEEK_S) / week.expected(WEEK_S)
    return {"week 1": week, "week 1, if the number of requests were known": week.scaled(factor)}


def second_week(case: str = ONE_BY_ONE) -> Traffic:
    """Return the second week, with its requests arriving as the case says."""
    balancer = load_balancer(5, 0.1) if case == IN_FIVES else load_balancer()
    week = balancer.part(WEEK_S, 2 * WEEK_S)
    return Paired(traffic=week, share=paired_share()) if case == IN_PAIRS else week


def simulated(traffic: Traffic, seeds: int) -> Draws:
    """Simulate weeks of some traffic with the plan."""
    return [planned().figures(traffic, seed) for seed in range(1, seeds + 1)]


def measure_week(seeds: int) -> Iterator[Record]:
    """Yield the figures of the plan, predicted and of the second week.

    Args:
        seeds: simulations of each.
    """
    plan = planned().plan
    found = {name: simulated(week, seeds) for name, week in predictions().items()}
    for case in CASES:
        conditions = {"case": case, "plan": plan.candidate.label}
        if case == ONE_BY_ONE:
            yield _printed(plan, conditions)
        for name, draws in found.items():
            yield from records_of(name, _of(draws, case), conditions)
        yield from records_of(CAME, _of(simulated(second_week(case), seeds), case), conditions)


def _of(draws: Draws, case: str) -> Draws:
    """Leave out what is the same in all cases."""
    if case == ONE_BY_ONE:
        return draws
    return [{"cold_share": each["cold_share"]} for each in draws]


def _printed(plan: Plan, conditions: dict[str, str]) -> Record:
    share = plan.result.cold_share
    return Record(
        name="week 1, as `warmlens plan` prints it",
        metric="cold_share",
        value=share.value,
        unit="",
        kind="simulated",
        conditions=conditions,
        command=COMMAND,
        machine="",
        date=today(),
        interval=(share.low, share.high),
    )
