"""Servers that are always on, EC2 or Fargate, beside a plan: which traffic makes them cheaper."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from warmlens.planner.advice import Plan, Question
from warmlens.planner.candidates import busiest_rates
from warmlens.planner.chance import constant
from warmlens.planner.cost import MONTH_S, Item
from warmlens.planner.errors import PlanError
from warmlens.planner.model import FOREVER, HOUR_S, Model, by_hour
from warmlens.planner.service_times import X86_64, Measured
from warmlens.planner.simulate import simulate
from warmlens.planner.traffic import Profile
from warmlens.prices import PriceList

MOST_SERVERS = 2_000
LARGEST_FACTOR = 1_000.0
FARGATE_GB = 2.0  # the least that a task of one vCPU has
EC2_VCPUS = 2  # of c7i.large
CONNECTIONS_PER_LCU_S = 25.0  # new connections a second (Elastic Load Balancing pricing)
WARMING = (
    "wakeups",
    "instances held by wakeups",
    "warmer's runs",
    "warmer's time",
    "warmer's schedule",
    "provisioned concurrency",
    "model's storage",
)
"""Items of a plan that do not grow with its traffic."""


@dataclass(frozen=True)
class BreakEven:
    """Where servers become cheaper than a plan.

    Attributes:
        name: of the servers.
        servers: how many the traffic as given needs.
        usd_per_month: what they cost.
        plan_usd_per_month: what the plan costs.
        requests_per_day: the traffic at which both cost the same, of the same shape; None: the
            servers are the dearer ones up to a thousandfold of the traffic.
    """

    name: str
    servers: int
    usd_per_month: float
    plan_usd_per_month: float
    requests_per_day: float | None


def one_vcpu(question: Question) -> Measured:
    """Return what was measured with one processor, which a server's processor is taken for.

    Raises:
        PlanError: nothing was.
    """
    for each in question.measured:
        if (each.architecture, each.vcpu) == (X86_64, 1.0):  # the servers that are priced are such
            return each
    raise PlanError(
        "not_measured",
        "servers are compared by what 1,769 MB (1 vCPU) on x86_64 take: measure that size, or "
        "leave them out with --no-servers",
    )


def servers_needed(question: Question, service: Measured, profile: Profile) -> int:
    """Return how many processors meet the objective's latency in the busiest hour.

    Each works on one call at a time, further ones wait in the order of arrival (M/G/c).

    Raises:
        PlanError: the latency cannot be reached, or not with 2,000.
    """
    busiest = Profile(rates_per_s=(max(busiest_rates(profile)),), bursts=profile.bursts)

    def meets(count: int) -> bool:
        model = Model(
            init=constant(0),
            service=service.service,
            lives=FOREVER,
            concurrency=count,
            when_full="wait",
            provisioned_by_hour=by_hour(count),
        )
        outcome = simulate(
            model, busiest, horizon_s=HOUR_S, seed=question.seed, engine=question.engine
        )
        return outcome.percentile_ms(question.objective.percent) <= question.objective.latency_ms

    low, high = 0, max(1, math.ceil(busiest.rates_per_s[0] * service.service.mean_s))
    while not meets(high):
        low, high = high, high * 2
        if high > MOST_SERVERS:
            raise PlanError(
                "too_slow",
                f"{MOST_SERVERS} processors do not reach the latency; a call takes "
                f"{service.warm_ms:.0f} ms on one",
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if meets(middle) else (middle, high)
    return high


def server_items(name: str, vcpus: int, requests_per_month: float, prices: PriceList) -> list[Item]:
    """Return what servers with so many processors cost in a month, behind a load balancer.

    Raises:
        PriceError: a price is missing.
    """
    hours = MONTH_S / HOUR_S
    lcus = max(1.0, requests_per_month / MONTH_S / CONNECTIONS_PER_LCU_S)
    quantities: list[tuple[str, float, str, str]] = [
        ("load balancer", hours, "h", "alb_per_h"),
        ("load balancer's capacity", hours * lcus, "LCU-h", "alb_per_lcu_h"),
        ("photos read", requests_per_month, "GETs", "s3_per_get"),
        ("photos written", requests_per_month, "PUTs", "s3_per_put"),
    ]
    if name == "Fargate":
        quantities += [
            ("processors", vcpus * hours, "vCPU-h", "fargate_x86_per_vcpu_h"),
            ("memory", vcpus * FARGATE_GB * hours, "GB-h", "fargate_x86_per_gb_h"),
        ]
    else:
        machines = math.ceil(vcpus / EC2_VCPUS)
        quantities.append(("c7i.large", machines * hours, "h", "ec2_c7i_large_per_h"))
    return [
        Item(item, quantity, unit, price, quantity * prices[price])
        for item, quantity, unit, price in quantities
    ]


def break_evens(question: Question, plan: Plan) -> list[BreakEven]:
    """Compare a plan with Fargate and EC2.

    The plan's items for users' calls grow with the traffic, those for warming stay: N by the hour
    hardly grows.

    Raises:
        PlanError: one processor's times were not measured, or cannot reach the latency.
        PriceError: a price is missing.
    """
    service, profile = one_vcpu(question), question.profile
    per_day = question.traffic.expected(question.horizon_s) / (question.horizon_s / 86_400)
    fixed = sum(item.usd for item in plan.items if item.name in WARMING)
    growing = plan.usd_per_month - fixed
    counts: dict[float, int] = {}

    def count_at(factor: float) -> int:
        if factor not in counts:
            counts[factor] = servers_needed(question, service, profile.scaled(factor))
        return counts[factor]

    def usd_at(name: str, factor: float) -> float:
        items = server_items(name, count_at(factor), per_day * 30 * factor, question.prices)
        return sum(item.usd for item in items)

    def compared(name: str) -> BreakEven:
        factor = _crossing(lambda factor: fixed + growing * factor - usd_at(name, factor))
        return BreakEven(
            name,
            count_at(1.0),
            usd_at(name, 1.0),
            plan.usd_per_month,
            None if factor is None else per_day * factor,
        )

    return [compared(name) for name in ("Fargate", "EC2 c7i.large")]


def _crossing(dearer: Callable[[float], float]) -> float | None:
    """Return the least factor, to 1 %, from which a plan costs more than servers."""
    low, high = 1e-4, 1.0
    if dearer(1.0) < 0:
        low = 1.0
        while dearer(high) < 0:
            low, high = high, high * 2
            if high > LARGEST_FACTOR:
                return None
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if dearer(middle) >= 0 else (middle, high)
    return high


def provisioned_pays_above(question: Question) -> float:
    """Return the share of its time that a provisioned instance must be busy to be the cheaper one.

    On demand costs its price for the busy time; a provisioned instance costs less for that, and
    its own price for all the time.

    Raises:
        PriceError: a price is missing.
    """
    prices = question.prices
    return prices["provisioned_x86_per_gb_s"] / (
        prices["lambda_x86_per_gb_s"] - prices["provisioned_duration_x86_per_gb_s"]
    )
