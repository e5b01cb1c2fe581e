"""Servers that are always on, EC2 or Fargate, beside a plan: which traffic makes them cheaper."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from warmlens.errors import WarmlensError
from warmlens.planner.candidates import busiest_rates
from warmlens.planner.chance import constant
from warmlens.planner.cost import MONTH_S, Item
from warmlens.planner.evidence import calls_to_tell
from warmlens.planner.model import FOREVER, HOUR_S, Model, by_hour
from warmlens.planner.plan import Plan
from warmlens.planner.question import Question
from warmlens.planner.service_times import X86_64, Measured
from warmlens.planner.simulate import simulate
from warmlens.planner.traffic import DAY_S, Profile
from warmlens.prices import PriceList

SERVERS = ("Fargate", "EC2 c7i.large")
MOST_SERVERS = 2_000
MOST_HOURS = 1_000  # like the busiest one, where one alone has too few calls
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
        WarmlensError: nothing was.
    """
    for each in question.measured:
        if (each.architecture, each.vcpu) == (X86_64, 1.0):  # the servers that are priced are such
            return each
    raise WarmlensError(
        "not_measured",
        "servers are compared by what 1,769 MB (1 vCPU) on x86_64 take: measure that size, or "
        "leave them out with --no-servers",
    )


def servers_needed(question: Question, service: Measured, profile: Profile) -> int:
    """Return how many processors meet the objective's latency in the busiest hour.

    Each works on one call at a time, further ones wait in the order of arrival (M/G/c).

    Raises:
        WarmlensError: the latency cannot be reached, or not with 2,000.
    """
    busiest = Profile(rates_per_s=(max(busiest_rates(profile)),), bursts=profile.bursts)
    needed = calls_to_tell(1 - question.objective.percent / 100)
    hours = min(MOST_HOURS, max(1, math.ceil(needed / busiest.expected(HOUR_S))))

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
            model, busiest, horizon_s=hours * HOUR_S, seed=question.seed, engine=question.engine
        )
        return outcome.percentile_ms(question.objective.percent) <= question.objective.latency_ms

    low, high = 0, max(1, math.ceil(busiest.rates_per_s[0] * service.service.mean_s))
    while not meets(high):
        low, high = high, high * 2
        if high > MOST_SERVERS:
            raise WarmlensError(
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
        WarmlensError: a price is missing.
    """
    return [
        Item(item, quantity, unit, price, quantity * prices[price])
        for item, quantity, unit, price in _quantities(name, vcpus, requests_per_month)
    ]


def _quantities(
    name: str, vcpus: int, requests_per_month: float
) -> list[tuple[str, float, str, str]]:
    hours = MONTH_S / HOUR_S
    lcus = max(1.0, requests_per_month / MONTH_S / CONNECTIONS_PER_LCU_S)
    quantities = [
        ("load balancer", hours, "h", "alb_per_h"),
        ("load balancer's capacity", hours * lcus, "LCU-h", "alb_per_lcu_h"),
        ("photos read", requests_per_month, "GETs", "s3_per_get"),
        ("photos written", requests_per_month, "PUTs", "s3_per_put"),
    ]
    if name == "Fargate":
        return [
            *quantities,
            ("processors", vcpus * hours, "vCPU-h", "fargate_x86_per_vcpu_h"),
            ("memory", vcpus * FARGATE_GB * hours, "GB-h", "fargate_x86_per_gb_h"),
        ]
    machines = math.ceil(vcpus / EC2_VCPUS)
    return [*quantities, ("c7i.large", machines * hours, "h", "ec2_c7i_large_per_h")]


def break_even(question: Question, plan: Plan, name: str) -> BreakEven:
    """Compare a plan with servers of one kind.

    The plan's items for users' calls grow with the traffic, those for warming stay: N by the hour
    hardly grows.

    Args:
        question: what was asked.
        plan: the plan.
        name: one of `SERVERS`.

    Raises:
        WarmlensError: one processor's times were not measured, or cannot reach the latency.
        WarmlensError: prices are missing.
    """
    question.prices.require(price for *_, price in _quantities(name, 1, 0.0))
    service, profile = one_vcpu(question), question.profile
    per_day = question.expected / (question.horizon_s / DAY_S)
    fixed = fixed_usd(plan)
    growing = plan.usd_per_month - fixed
    counts: dict[float, int] = {}

    def count_at(factor: float) -> int:
        if factor not in counts:
            counts[factor] = servers_needed(question, service, profile.scaled(factor))
        return counts[factor]

    def usd_at(factor: float) -> float:
        items = server_items(name, count_at(factor), per_day * 30 * factor, question.prices)
        return sum(item.usd for item in items)

    factor = _crossing(lambda factor: fixed + growing * factor - usd_at(factor))
    return BreakEven(
        name,
        count_at(1.0),
        usd_at(1.0),
        plan.usd_per_month,
        None if factor is None else per_day * factor,
    )


def fixed_usd(plan: Plan) -> float:
    """Return what of a plan's cost does not grow with its traffic."""
    return sum(item.usd for item in plan.items if item.name in WARMING)


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
