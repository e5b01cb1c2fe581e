"""Comparison of a plan with always-on servers (EC2, Fargate) and provisioned concurrency."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from warmlens.errors import WarmlensError
from warmlens.planner.advice import Advice
from warmlens.planner.at_rest import at_rest, at_rest_items
from warmlens.planner.bill import (
    Item,
    Part,
    less_free_tier,
    of_parts,
    priced,
    scaled,
    total_usd,
)
from warmlens.planner.candidates import busiest_rates
from warmlens.planner.cost import SHORT
from warmlens.planner.distribution import constant
from warmlens.planner.photo import ANSWER_BYTES, MONTH_S, PhotoBy, Way, kept_gb
from warmlens.planner.plan import Plan, PlanRequest
from warmlens.planner.sampling import AMPLE
from warmlens.planner.scenario import FOREVER, HOUR_S, Scenario, by_hour
from warmlens.planner.search import Search
from warmlens.planner.service_times import X86_64, Measured
from warmlens.planner.simulate import simulate
from warmlens.planner.statistics import calls_to_show
from warmlens.planner.traffic import DAY_S, Profile
from warmlens.prices import PriceList

SERVERS = ("Fargate", "EC2 c7i.large")
MOST_SERVERS = 2_000
MOST_HOURS, FEWEST_CALLS = 1_000, 4_000  # simulated, all like the busiest hour
LARGEST_FACTOR = 1_000.0
FARGATE_GB = 2.0  # the least that a task of one vCPU has
EC2_VCPUS = 2  # of c7i.large
CONNECTIONS_PER_LCU_S = 25.0  # new connections a second (Elastic Load Balancing pricing)


@dataclass(frozen=True)
class BreakEven:
    """The traffic from which servers are cheaper than a plan.

    Attributes:
        name: of the servers.
        servers: processors that the given traffic needs.
        usd_per_month: cost of the servers.
        requests_per_day: traffic of the same shape at which both cost the same; None: servers cost
            more up to 1,000 times the traffic.
    """

    name: str
    servers: int
    usd_per_month: float
    requests_per_day: float | None


def one_vcpu(request: PlanRequest) -> Measured:
    """Return the measurement with one processor, taken for a server's processor.

    Raises:
        WarmlensError: there is none.
    """
    for each in request.measured:
        if (each.architecture, each.vcpu) == (X86_64, 1.0):  # the servers that are priced are such
            return each
    raise WarmlensError(
        "not_measured",
        "1,769 MB (1 vCPU) on x86_64 was not measured: measure it, or give --no-servers",
    )


def servers_needed(request: PlanRequest, service: Measured, profile: Profile) -> int:
    """Return the number of processors that meet the objective's latency in the busiest hour.

    Each works on one call at a time, further ones wait in the order of arrival (M/G/c).

    Raises:
        WarmlensError: the latency cannot be reached, or not with 2,000.
    """
    busiest = Profile(rates_per_s=(max(busiest_rates(profile)),), bursts=profile.bursts)
    calls = max(FEWEST_CALLS, AMPLE * calls_to_show(1 - request.objective.percent / 100))
    horizon_s = min(MOST_HOURS * HOUR_S, calls / busiest.expected(1.0))

    def meets(count: int) -> bool:
        scenario = Scenario(
            init=constant(0),
            service=service.service,
            lifetimes=FOREVER,
            concurrency=count,
            when_full="wait",
            provisioned_by_hour=by_hour(count),
        )
        outcome = simulate(
            scenario, busiest, horizon_s=horizon_s, seed=request.seed, backend=request.backend
        )
        return outcome.percentile_ms(request.objective.percent) <= request.objective.latency_ms

    # With as many as are busy on average, or fewer, waits grow without end.
    low = math.floor(busiest.expected(HOUR_S) / HOUR_S * service.service.mean_s)
    high = low + 1
    while not meets(high):
        low, high = high, high * 2
        if high > MOST_SERVERS:
            raise WarmlensError(
                "too_slow",
                f"{MOST_SERVERS} processors do not reach the latency; a call on one takes "
                f"{service.warm_ms:.0f} ms",
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if meets(middle) else (middle, high)
    return high


def server_items(
    name: str, vcpus: int, requests_per_month: float, prices: PriceList, way: Way
) -> list[Item]:
    """Return the monthly cost of servers with a number of processors, behind a load balancer.

    What does not grow with the requests is fixed. Servers take photos in the same way, for which
    they have no front door but the load balancer.

    Raises:
        WarmlensError: a price is missing.
    """
    hours = MONTH_S / HOUR_S
    lcus = max(1.0, requests_per_month / MONTH_S / CONNECTIONS_PER_LCU_S)
    items = [
        ("load balancer", hours, "h", "alb_per_h"),
        ("load balancer's capacity", hours * lcus, "LCU-h", "alb_per_lcu_h"),
        ("answers", requests_per_month * ANSWER_BYTES / 1e9, "GB", "data_out_per_gb"),
    ]
    if way.photo is PhotoBy.UPLOAD:
        kept_gb_months = kept_gb(requests_per_month, way)
        items += [
            ("photos read", requests_per_month, "GETs", "s3_per_get"),
            ("photos written", requests_per_month, "PUTs", "s3_per_put"),
            ("photos kept", kept_gb_months, "GB-month", "s3_per_gb_month"),
        ]
    if name == "Fargate":
        memory_gb = vcpus * FARGATE_GB
        items += [
            ("processors", vcpus * hours, "vCPU-h", "fargate_x86_per_vcpu_h"),
            ("memory", memory_gb * hours, "GB-h", "fargate_x86_per_gb_h"),
        ]
    else:
        machines = math.ceil(vcpus / EC2_VCPUS)
        items.append(("c7i.large", machines * hours, "h", "ec2_c7i_large_per_h"))
    prices.require(price for *_, price in items)
    billed = (priced(prices, *item) for item in items)
    return [
        replace(item, fixed=item.part is Part.SERVERS and (lcus == 1.0 or item.unit != "LCU-h"))
        for item in billed
    ]


def break_even(
    request: PlanRequest, plan: Plan, name: str, counts: dict[float, int] | None = None
) -> BreakEven:
    """Compare a plan with servers of one kind, one of `SERVERS`.

    The plan's cost of users' calls grows with the traffic. Its cost of warming stays the same, as
    the number of warm instances hardly grows; so does the web ACL's, which servers lack here.
    Monitoring is on neither side.

    Args:
        request: the request.
        plan: the plan.
        name: the kind of servers.
        counts: processors that are known to be needed, by the factor of the traffic; what is found
            is added.

    Raises:
        WarmlensError: one processor was not measured or is too slow, or a price is missing.
    """
    # Names all missing prices before simulating.
    server_items(name, 1, 0.0, request.prices, request.way)
    acl = acl_items(request)
    service, profile = one_vcpu(request), request.profile
    per_day = request.expected / (request.horizon_s / DAY_S)
    counts = {} if counts is None else counts

    def count_at(factor: float) -> int:
        if factor not in counts:
            counts[factor] = servers_needed(request, service, profile.scaled(factor))
        return counts[factor]

    def usd_at(factor: float) -> float:
        photos, way = per_day * 30 * factor, request.way
        return total_usd(server_items(name, count_at(factor), photos, request.prices, way))

    def plan_at(factor: float) -> float:
        items = scaled([*plan.items, *acl], factor)
        return total_usd(less_free_tier(items, request.prices) if request.free_tier else items)

    factor = _crossing(lambda factor: plan_at(factor) - usd_at(factor))
    from_per_day = None if factor is None else per_day * factor
    return BreakEven(name, count_at(1.0), usd_at(1.0), from_per_day)


def fixed_usd(plan: Plan) -> float:
    """Return the part of a plan's cost that does not grow with its traffic."""
    return sum(item.usd for item in plan.items if item.fixed)


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


def comparison(advice: Advice, request: PlanRequest) -> list[str]:
    """Return lines of text that compare the chosen plan with servers and provisioned concurrency.

    If a comparison is not possible, its line has the reason.
    """
    plan = advice.chosen
    if plan is None:
        return []
    lines, counts = [_basis(request)], dict[float, int]()
    for name in SERVERS:
        try:
            lines.append(_server_line(break_even(request, plan, name, counts)))
        except WarmlensError as error:
            lines.append(f"{name}: not compared. {error.code}: {error}")
    return [*lines, *_provisioned_lines(advice, plan, request)]


def cheapest_provisioned(advice: Advice, request: PlanRequest) -> Plan | None:
    """Return the cheapest plan with provisioned concurrency that meets the objective."""
    for plan in (advice.chosen, advice.runner_up):
        if plan is not None and plan.candidate.warming == "provisioned":
            return plan
    search = Search(request, request.assumptions, kind="provisioned")
    search.run(only_the_cheapest=True)
    return search.chosen


def provisioned_pays_above(request: PlanRequest, architecture: str) -> float:
    """Return the busy share from which a provisioned instance costs less than on demand.

    On demand, busy time has a price; provisioned, busy time has a lower one, and all time another.

    Raises:
        WarmlensError: a price is missing.
    """
    prices, short = request.prices, SHORT[architecture]
    return prices[f"provisioned_{short}_per_gb_s"] / (
        prices[f"lambda_{short}_per_gb_s"] - prices[f"provisioned_duration_{short}_per_gb_s"]
    )


def acl_items(request: PlanRequest) -> list[Item]:
    """Return the fixed costs of the web ACL, which servers do not have."""
    items = at_rest_items(at_rest(request.way, warmer=False), request.prices)
    return of_parts(items, [Part.WEB_ACL])


def _basis(request: PlanRequest) -> str:
    acl_usd = total_usd(acl_items(request))
    acl = f" and ${acl_usd:.2f} a month for the web ACL" if acl_usd else ""
    return (
        f"Servers, compared with all items of the plan{acl} (monitoring and operation are on "
        "neither side):"
    )


def _server_line(servers: BreakEven) -> str:
    if servers.requests_per_day is None:
        when = f"more expensive than the plan up to {LARGEST_FACTOR:,.0f} times this traffic"
    else:
        when = f"cheaper from {servers.requests_per_day:,.0f} requests a day of the same shape"
    cost = f"${servers.usd_per_month:.2f} a month"
    return f"{servers.name}, processors needed: {servers.servers}, {cost}; {when}."


def _provisioned_lines(advice: Advice, plan: Plan, request: PlanRequest) -> list[str]:
    architecture = plan.candidate.measured.architecture
    share = provisioned_pays_above(request, architecture)
    general = (
        f"Provisioned concurrency on {architecture}: cheaper than on demand for an instance that "
        f"is busy more than {share:.0%} of its time."
    )
    other = cheapest_provisioned(advice, request)
    if other is None:
        return [general, "No plan with provisioned concurrency meets the objective."]
    if other.candidate == plan.candidate:
        return [general, "The plan itself has provisioned concurrency."]
    words = f"The cheapest with it: {other.candidate.label}, ${other.usd_per_month:.2f} a month"
    return [general, f"{words}; {_from_when(other, plan, request)}."]


def _from_when(other: Plan, plan: Plan, request: PlanRequest) -> str:
    dearer = fixed_usd(other) - fixed_usd(plan)
    saved = (plan.usd_per_month - fixed_usd(plan)) - (other.usd_per_month - fixed_usd(other))
    if saved <= 0:
        return "its calls are not cheaper than the plan's, so it stays more expensive"
    per_day = request.expected / (request.horizon_s / DAY_S) * dearer / saved
    return f"cheaper from {per_day:,.0f} requests a day, if its instances can serve them"
