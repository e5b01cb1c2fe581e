"""The simulation compared with queueing theory: loss, occupancy and waiting.

Each figure is the mean of some seeds. It must lie within four standard errors of the formula, and
these must be small, so that a wrong rule cannot hide behind a wide interval.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.planner.scenarios import by_kernel
from warmlens.planner.distribution import Distribution, constant, exponential
from warmlens.planner.outcome import Outcome
from warmlens.planner.scenario import FOREVER, HOUR_S, Scenario, by_hour
from warmlens.planner.traffic import constant_rate

HORIZON_S = 24 * HOUR_S
SEEDS = range(1, 13)
WARM_UP = 1e-3  # a share of the time: the first calls find an empty system
pytestmark = pytest.mark.slow


def erlang_b(servers: int, load: float) -> float:
    """The share of calls that are lost, by the recursion on the number of servers."""
    share = 1.0
    for count in range(1, servers + 1):
        share = load * share / (count + load * share)
    return share


def erlang_c(servers: int, load: float) -> float:
    """The share of calls that wait."""
    lost = erlang_b(servers, load)
    return servers * lost / (servers - load * (1 - lost))


def agrees(
    figure: Callable[[Outcome], float], scenario: Scenario, rate: float, expected: float
) -> None:
    values = [
        figure(by_kernel(scenario, constant_rate(rate), horizon_s=HORIZON_S, seed=seed))
        for seed in SEEDS
    ]
    error = statistics.stdev(values) / math.sqrt(len(values))
    assert error < 0.02 * expected, "the interval is too wide"
    assert statistics.fmean(values) == pytest.approx(
        expected, abs=4 * error + WARM_UP * expected
    ), (values, expected)


def scenario(service: Distribution, servers: int) -> Scenario:
    return Scenario(init=constant(0), service=service, lifetimes=FOREVER, concurrency=servers)


def share_that_sees(count: int) -> Callable[[Outcome], float]:
    return lambda outcome: outcome.busy_seen[count] / outcome.requests


TWO_POINTS = Distribution("table", (0.2, 0.2, 1.8, 1.8), (0.0, 0.5, 0.5 + 1e-9, 1.0))


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 3.0), (10, 12.0)])
@pytest.mark.parametrize("service", [exponential(1.0), constant(1.0), TWO_POINTS])
def test_throttled_calls_follow_erlang_b_for_any_service_time(
    servers: int, load: float, service: Distribution
) -> None:
    agrees(
        lambda outcome: outcome.throttled_share,
        scenario(service, servers),
        load / service.mean_s,
        erlang_b(servers, load),
    )


@pytest.mark.parametrize("service", [exponential(2.0), constant(2.0), TWO_POINTS])
def test_calls_in_progress_are_poisson_when_none_is_throttled(service: Distribution) -> None:
    load = 3.0
    rate = load / service.mean_s
    agrees(lambda outcome: outcome.mean_busy, scenario(service, 200), rate, load)
    # Poisson arrivals see time averages (Wolff, 1982).
    for count in (0, 1, 3, 6):
        agrees(
            share_that_sees(count),
            scenario(service, 200),
            rate,
            math.exp(-load) * load**count / math.factorial(count),
        )


@pytest.mark.parametrize(("servers", "load"), [(1, 0.6), (4, 3.0), (10, 8.0)])
def test_waiting_calls_follow_erlang_c(servers: int, load: float) -> None:
    waiting = replace(
        scenario(exponential(1.0), servers), when_full="wait", provisioned_by_hour=by_hour(servers)
    )
    expected_s = erlang_c(servers, load) / (servers - load) + 1.0
    agrees(lambda outcome: outcome.latency_s / outcome.requests, waiting, load, expected_s)


def test_cold_starts_of_one_user_at_a_time_are_gaps_longer_than_the_expiry() -> None:
    """At a rate at which calls never overlap, a call is cold when the gap before it is long."""
    expiry_s, rate = 600.0, 1 / 400
    alone = Scenario(
        init=constant(0),
        service=constant(0),
        lifetimes=replace(FOREVER, shortest_idle_s=expiry_s, longest_idle_s=expiry_s),
    )
    values = [
        by_kernel(alone, constant_rate(rate), horizon_s=100 * HORIZON_S, seed=seed).cold_share
        for seed in SEEDS
    ]
    error = statistics.stdev(values) / math.sqrt(len(values))
    expected = math.exp(-rate * expiry_s)
    assert error < 0.02 * expected
    assert statistics.fmean(values) == pytest.approx(expected, abs=4 * error + 1 / 20_000)


def test_a_simulation_with_a_wrong_service_time_is_noticed() -> None:
    """The checks above can fail: the same with calls 3 % too long does."""
    with pytest.raises(AssertionError, match="comparison failed"):
        agrees(lambda outcome: outcome.mean_busy, scenario(constant(2.06), 200), 1.5, 3.0)
