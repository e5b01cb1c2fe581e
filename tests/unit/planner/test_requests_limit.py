"""AWS's limit of 10 requests a second per environment, in both readings."""

from dataclasses import replace

import pytest

from tests.unit.planner.scenarios import Given, by_kernel
from warmlens.planner.distribution import constant
from warmlens.planner.scenario import (
    FOREVER,
    PerEnvironmentLimit,
    Scenario,
    WakeAhead,
    WarmingPolicy,
    by_hour,
)
from warmlens.planner.simulate import Backend
from warmlens.planner.traffic import Bursts, Profile, constant_rate

SHORT = Scenario(init=constant(1.0), service=constant(0.015))
EVENING = Profile(rates_per_s=(0.0,), bursts=Bursts(size=300, per_hour=1, within_s=1.0))


def each(scenario: Scenario) -> Scenario:
    return replace(scenario, per_environment_limit=PerEnvironmentLimit.ENVIRONMENT)


@pytest.mark.parametrize("backend", [Backend.NUMBA, Backend.PYTHON])
def test_twenty_pinged_are_enough_for_300_short_calls_a_second_only_if_each_may_take_15(
    backend: Backend,
) -> None:
    """Five calls are in progress at once, but 20 instances take 200 a second, read strictly."""
    pinged = replace(SHORT, warming=WarmingPolicy(by_hour=by_hour(20)))
    together = by_kernel(pinged, EVENING, horizon_s=86_400, backend=backend)
    strictly = by_kernel(each(pinged), EVENING, horizon_s=86_400, backend=backend)
    assert together.cold_share < 0.007
    assert strictly.cold_share > 0.2
    assert strictly.throttled == together.throttled == 0


@pytest.mark.parametrize("reading", PerEnvironmentLimit)
def test_provisioned_instances_serve_ten_calls_a_second_and_others_spill_over(
    reading: PerEnvironmentLimit,
) -> None:
    provisioned = replace(
        SHORT,
        lifetimes=FOREVER,
        provisioned_by_hour=by_hour(10),
        per_environment_limit=reading,
    )
    outcome = by_kernel(provisioned, constant_rate(300), horizon_s=600)
    served = outcome.provisioned_billed_ms / 15
    assert served == pytest.approx(100 * 600, rel=0.01)
    assert outcome.cold > 0
    assert outcome.throttled == 0
    enough = replace(provisioned, provisioned_by_hour=by_hour(60))
    assert by_kernel(enough, constant_rate(300), horizon_s=600).cold == 0


@pytest.mark.parametrize("reading", PerEnvironmentLimit)
def test_a_function_takes_ten_calls_a_second_for_each_of_its_concurrency(
    reading: PerEnvironmentLimit,
) -> None:
    """A new account's concurrency of 10 takes 100 a second, though five are in progress."""
    outcome = by_kernel(
        replace(SHORT, lifetimes=FOREVER, concurrency=10, per_environment_limit=reading),
        constant_rate(200),
        horizon_s=600,
    )
    assert outcome.served / 600 == pytest.approx(100, rel=0.05)


def test_an_instance_that_has_served_ten_rests_for_the_rest_of_the_second() -> None:
    """Eleven calls 50 ms apart: the eleventh is the first that finds the instance used up."""

    calls = Given(10.0, *(20 + 0.05 * number for number in range(11)), 30.0)
    scenario = replace(SHORT, lifetimes=FOREVER)
    assert by_kernel(scenario, calls, horizon_s=60).cold == 1
    assert by_kernel(each(scenario), calls, horizon_s=60).cold == 2


def test_wakes_of_the_uploads_are_asynchronous_and_have_no_limit() -> None:
    """Forty users within 0.4 s, where 20 calls a second are allowed."""
    users = Given(50.0, *(100 + 0.01 * number for number in range(40)))
    uploads_only = replace(
        SHORT,
        lifetimes=FOREVER,
        service=constant(0.002),
        concurrency=2,
        wake_ahead=WakeAhead(
            pause=constant(5.0), upload=constant(2.0), from_page=False, service=constant(0.002)
        ),
    )
    assert by_kernel(uploads_only, users, horizon_s=200).wakes_throttled == 0
    assert uploads_only.wake_ahead
    with_page = replace(uploads_only, wake_ahead=replace(uploads_only.wake_ahead, from_page=True))
    assert by_kernel(with_page, users, horizon_s=200).wakes_throttled > 5
