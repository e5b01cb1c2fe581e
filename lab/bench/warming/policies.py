"""The compared warming policies, as scenarios of the planner."""

from dataclasses import replace
from enum import StrEnum

from lab.bench.warming.workloads import INIT_S, Workload
from lab.oracle.warmer import OtherPolicy
from warmlens.planner.assumptions import PLATFORM, RESTORE
from warmlens.planner.distribution import constant
from warmlens.planner.scenario import NO_TIME, Scenario, WakeAhead, WarmingPolicy, by_hour

PERIOD_S = 300.0
SERVICE_S = 0.05
WAKEUP_S = 0.008  # the shipped model's run at 1,769 MB
HOLDS_MS = (50, 100, 200)
WITH_OTHERS = "groups of 20 within 2 s, 4 an hour"
DELAY_S = 0.075  # of lambda-warmer-py 0.6.0
FUNCTION = Scenario(platform=PLATFORM, init=constant(INIT_S), service=constant(SERVICE_S))


class Policy(StrEnum):
    """A way to meet fewer cold starts."""

    OFF = "off"
    AHEAD = "ahead"
    ONE_PING = "ping 1"
    DEFAULT = "ahead + ping 1"
    PING = "ping N"
    AHEAD_AND_PING = "ahead + ping N"
    PROVISIONED = "provisioned N"
    SNAPSTART = "snapstart"
    NAIVE = "naive pings"
    DELAY = "75 ms delay"


def scenarios_of(workload: Workload) -> dict[str, Scenario]:
    """Return the policies to compare, and wakes ahead that hold their instance for a time.

    Pings that are not ours are compared for one workload: the kernel does not have them.
    """
    others = {Policy.NAIVE, Policy.DELAY} if workload.name != WITH_OTHERS else set()
    scenarios = {each.value: scenario_of(each, workload) for each in Policy if each not in others}
    for hold_ms in HOLDS_MS:
        wakes = replace(wakes_of(workload), hold_s=hold_ms / 1000)
        scenarios[held_name(hold_ms)] = replace(_function(workload), wake_ahead=wakes)
    return scenarios


def wakes_of(workload: Workload) -> WakeAhead:
    """Return the wakes ahead of a workload's calls."""
    return WakeAhead(from_page=workload.page, service=constant(WAKEUP_S))


def _function(workload: Workload) -> Scenario:
    return replace(FUNCTION, init=constant(workload.init_s))


def held_name(hold_ms: int) -> str:
    """Return the name of wakes ahead with a hold."""
    return f"{Policy.AHEAD}, held {hold_ms} ms"


def ping(count: int, hold_s: float | None = None) -> WarmingPolicy:
    """Return the rounds of `lambda_src/warmer`.

    Args:
        count: instances to wake.
        hold_s: the first round's hold; the one that it finds itself unless given.
    """
    return WarmingPolicy(by_hour=by_hour(count), period_s=PERIOD_S, hold_s=hold_s)


def others_ping(count: int, delay_s: float) -> OtherPolicy:
    """Return rounds without a common moment: each call keeps its instance for itself."""
    return OtherPolicy(
        by_hour=by_hour(count),
        period_s=PERIOD_S,
        hold_s=delay_s,
        shared_deadline=False,
        rounds=1,
    )


def scenario_of(policy: Policy, workload: Workload) -> Scenario:
    """Return the function under a policy."""
    count = workload.instances
    scenario, ahead = _function(workload), wakes_of(workload)
    match policy:
        case Policy.OFF:
            return scenario
        case Policy.AHEAD:
            return replace(scenario, wake_ahead=ahead)
        case Policy.ONE_PING:
            return replace(scenario, warming=ping(1))
        case Policy.DEFAULT:
            return replace(scenario, warming=ping(1), wake_ahead=ahead)
        case Policy.PING:
            return replace(scenario, warming=ping(count))
        case Policy.AHEAD_AND_PING:
            return replace(scenario, warming=ping(count), wake_ahead=ahead)
        case Policy.PROVISIONED:
            return replace(scenario, provisioned_by_hour=by_hour(count))
        case Policy.SNAPSTART:
            return replace(scenario, platform=NO_TIME, init=RESTORE)
        case Policy.NAIVE:
            return replace(scenario, warming=others_ping(count, 0.0))
        case Policy.DELAY:
            return replace(scenario, warming=others_ping(count, DELAY_S))
