"""Properties of all simulations, and counterexamples of one that does not hold."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.oracle.fleet import SimulatedFleet
from lab.oracle.random import Random
from lab.oracle.reference import simulate
from tests.unit.planner.scenarios import by_kernel, fields_of, profiles, scenarios
from warmlens.planner.bill import total_usd
from warmlens.planner.cost import Deployment, monthly_items
from warmlens.planner.distribution import constant
from warmlens.planner.outcome import Outcome
from warmlens.planner.scenario import FOREVER, InstanceLifetimes, Scenario, WarmingPolicy, by_hour
from warmlens.planner.traffic import Profile, constant_rate
from warmlens.prices import read_prices

gaps_s = st.lists(st.floats(0.0, 500.0), min_size=1, max_size=60)


def arrivals_of(gaps: list[float]) -> list[float]:
    return list(itertools.accumulate(gaps))


def cold_with(provisioned: int, scenario: Scenario, arrivals: list[float]) -> int:
    with_provisioned = replace(scenario, provisioned_by_hour=by_hour(provisioned))
    return simulate(with_provisioned, arrivals, horizon_s=arrivals[-1] + 1, seed=1).cold


@settings(max_examples=300, deadline=None)
@given(gaps_s, st.floats(0.1, 300.0), st.floats(1.0, 400.0), st.integers(0, 5))
def test_more_provisioned_instances_never_give_more_cold_starts(
    gaps: list[float], service_s: float, expiry_s: float, provisioned: int
) -> None:
    """On the same arrivals, where what an instance's life depends on is the same for all.

    With lives drawn for each instance, or a cold start that keeps its instance longer, another
    number of provisioned instances is another draw; the next test is about those.
    """
    lifetimes = replace(FOREVER, shortest_idle_s=expiry_s, longest_idle_s=expiry_s)
    scenario = Scenario(init=constant(0), service=constant(service_s), lifetimes=lifetimes)
    arrivals = arrivals_of(gaps)
    more = cold_with(provisioned + 1, scenario, arrivals)
    assert more <= cold_with(provisioned, scenario, arrivals)


def test_more_provisioned_instances_give_fewer_cold_starts_with_drawn_lifetimes() -> None:
    scenario = Scenario(init=constant(1.5), service=constant(1.0))
    shares = []
    for provisioned in range(5):
        pooled = [
            by_kernel(
                replace(scenario, provisioned_by_hour=by_hour(provisioned)),
                constant_rate(0.5),
                horizon_s=86_400,
                seed=seed,
            )
            for seed in range(20)
        ]
        shares.append(sum(each.cold for each in pooled) / sum(each.served for each in pooled))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 2 * shares[4] > 0


def test_a_larger_pinged_number_can_give_more_cold_starts() -> None:
    """Held instances are taken from users: with nothing idle beside them, a user is cold."""
    lifetimes = InstanceLifetimes(shortest_idle_s=299.0, longest_idle_s=299.0)
    scenario = Scenario(init=constant(0.2), service=constant(0.02), lifetimes=lifetimes)

    def cold_share(count: int) -> float:
        pinged = replace(scenario, warming=WarmingPolicy(by_hour=by_hour(count), hold_s=5.0))
        pooled = [
            by_kernel(pinged, constant_rate(0.05), horizon_s=86_400, seed=seed)
            for seed in range(20)
        ]
        return sum(each.cold for each in pooled) / sum(each.served for each in pooled)

    held_one, held_ten = cold_share(1), cold_share(10)
    # Users are never 299 s apart, so one instance stays for them without any ping.
    off = [
        by_kernel(scenario, constant_rate(0.05), horizon_s=86_400, seed=seed) for seed in range(20)
    ]
    without = sum(each.cold for each in off) / sum(each.served for each in off)
    assert without < held_one
    assert held_ten > 1.5 * without
    assert held_ten <= 5.0 / 300.0 * 1.5


@settings(max_examples=60, deadline=None)
@given(
    scenarios(), profiles(), st.sampled_from(["image", "s3"]), st.sampled_from(["x86_64", "arm64"])
)
def test_the_cost_is_the_sum_of_its_items_and_none_is_negative(
    scenario: Scenario, traffic: Profile, store: str, architecture: str
) -> None:
    outcome = by_kernel(scenario, traffic, horizon_s=7200.0)
    what = Deployment(
        memory_mb=1769, architecture=architecture, model_store=store, model_bytes=23_826_237
    )
    prices = read_prices()
    items = monthly_items(outcome, what, prices)
    assert all(item.usd >= 0 for item in items)
    assert len({item.name for item in items}) == len(items)
    for item in items:
        assert item.usd == pytest.approx(item.quantity * prices[item.price])
    assert total_usd(items) == pytest.approx(math.fsum(item.usd for item in items))


@settings(max_examples=100, deadline=None)
@given(scenarios(), gaps_s, st.integers(0, 1000))
def test_time_moves_forward(scenario: Scenario, gaps: list[float], seed: int) -> None:
    fleet = SimulatedFleet(scenario, Random(seed, 3))
    for now_s in arrivals_of(gaps):
        served = fleet.call(now_s, lambda _: 1.0)
        assert served.end_s >= now_s
        if served.instance is None:
            assert scenario.when_full == "refuse" or scenario.scaling_per_10_s < 1000
            continue
        assert served.end_s >= now_s + 1.0
        assert fleet.busy(now_s) <= scenario.concurrency


@settings(max_examples=60, deadline=None)
@given(scenarios(), profiles(), st.integers(0, 2**30))
def test_nothing_is_lost_or_counted_twice(scenario: Scenario, traffic: Profile, seed: int) -> None:
    outcome = by_kernel(scenario, traffic, horizon_s=7200.0, seed=seed)
    assert sum(outcome.latencies.values()) == outcome.served
    assert sum(outcome.busy_seen) == outcome.requests == sum(outcome.hour_requests)
    assert outcome.cold == sum(outcome.hour_cold) <= outcome.served
    assert outcome.instances == outcome.cold + outcome.pings_cold + outcome.wakes_cold
    if scenario.wake_ahead:
        assert outcome.page_wakes == outcome.requests * scenario.wake_ahead.from_page
        of_uploads = outcome.wakes - outcome.page_wakes
        assert of_uploads == outcome.requests * scenario.wake_ahead.from_upload
    assert outcome.slowed <= outcome.cold
    assert outcome.peak_busy <= scenario.concurrency
    assert sum(outcome.hour_samples) == 120


@given(profiles(), st.integers(0, 2**30))
@settings(max_examples=60, deadline=None)
def test_arrivals_ascend_and_come_before_the_horizon(traffic: Profile, seed: int) -> None:
    found = list(traffic.arrivals(seed, 3600.0))
    assert found == sorted(found)
    assert all(0 <= moment < 3600.0 for moment in found)


def test_arrivals_come_at_the_rate_of_each_part() -> None:
    profile = Profile(rates_per_s=(0.0, 2.0, 0.5), segment_s=600.0)
    found = [moment for seed in range(50) for moment in profile.arrivals(seed, 3600.0)]
    parts = [sum(int(moment // 600) % 3 == part for moment in found) / 50 / 2 for part in range(3)]
    assert parts[0] == 0
    assert parts[1] == pytest.approx(1200, rel=0.02)
    assert parts[2] == pytest.approx(300, rel=0.04)
    assert profile.expected(3600.0) == pytest.approx(3000.0)


def test_the_same_seed_gives_the_same_and_another_one_other_figures() -> None:
    scenario = Scenario(init=constant(1.0), service=constant(0.1))
    one, again, other = (
        fields_of(by_kernel(scenario, constant_rate(1.0), horizon_s=3600.0, seed=seed))
        for seed in (1, 1, 2)
    )
    assert one == again != other


def test_percentiles_are_right_to_half_a_thousandth() -> None:
    outcome = Outcome()
    scenario = Scenario(init=constant(0), service=constant(0.1234), concurrency=10)
    simulate(scenario, [float(at) for at in range(100)], horizon_s=100, seed=1, into=outcome)
    assert outcome.percentile_ms(50) == pytest.approx(123.4, rel=0.0005)
