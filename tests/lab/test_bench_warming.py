"""The comparison of warming policies: simulation, arrivals and tables."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from lab.bench.warming.arrivals import DAY_S, Workload, bursts, day_profile, poisson
from lab.bench.warming.comparison import Case, compare
from lab.bench.warming.policies import PERIOD_S, Policy, policies
from lab.bench.warming.presentation import draw, table
from lab.bench.warming.simulation import Times, simulate, usd_per_month
from lab.docs_blocks import RECORDS
from lab.oracle.fleet import SimulatedFleet
from lab.oracle.random import Random
from warmlens.paths import ROOT
from warmlens.planner.distribution import constant
from warmlens.planner.outcome import Outcome
from warmlens.planner.rng import LIFETIMES
from warmlens.planner.scenario import FOREVER, InstanceLifetimes, Scenario
from warmlens.records import Record, read_records

LIVES_LONG = Times(
    lifetimes=replace(InstanceLifetimes(), shortest_lifetime_s=10.0**9, longest_lifetime_s=10.0**9)
)
HOUR = Workload("one user an hour", tuple(3600.0 * hour + 1 for hour in range(24)))
BURST = Workload("five at noon", (43_333.0,) * 5)  # 133 s after a round


def outcome_of(
    workload: Workload, policy: Policy, days: int = 1, times: Times = LIVES_LONG
) -> Outcome:
    outcome = Outcome()
    for seed in range(days):
        simulate(workload, policy, outcome, seed=seed, times=times)
    return outcome


def policy(name: str, instances: int = 5) -> Policy:
    (found,) = (each for each in policies(instances) if each.name == name)
    return found


def instances(lifetimes: InstanceLifetimes = FOREVER, concurrency: int = 1000) -> SimulatedFleet:
    scenario = Scenario(
        init=constant(1.5), service=constant(0.1), lifetimes=lifetimes, concurrency=concurrency
    )
    return SimulatedFleet(scenario, Random(1, LIFETIMES))


# The rules


def test_a_call_takes_the_idle_instance_used_last() -> None:
    pool = instances()
    first, second = (pool.call(0.0, lambda _: 1.0) for _ in range(2))
    assert (first.instance, second.instance) == (1, 2)
    pool.call(10.0, lambda _: 5.0)  # the second again
    assert pool.call(10.0, lambda _: 1.0).instance == 1
    assert pool.call(20.0, lambda _: 1.0).instance == 2


def test_a_cold_start_counts_from_the_call_and_a_warm_call_does_not_wait() -> None:
    pool = instances()
    cold = pool.call(100.0, lambda _: 0.1)
    assert cold.cold
    assert cold.end_s == pytest.approx(101.6)
    warm = pool.call(200.0, lambda _: 0.1)
    assert not warm.cold
    assert warm.end_s == pytest.approx(200.1)


def test_an_idle_instance_is_gone_after_its_time_and_a_used_one_is_not() -> None:
    pool = instances(replace(FOREVER, shortest_idle_s=600.0, longest_idle_s=600.0))
    end_s = pool.call(0.0, lambda _: 0.0).end_s
    end_s = pool.call(end_s + 599, lambda _: 0.0).end_s
    assert not pool.call(end_s + 599, lambda _: 0.0).cold
    assert pool.call(end_s + 599 + 600, lambda _: 0.0).cold


def test_an_instance_takes_no_call_after_its_lifetime() -> None:
    pool = instances(replace(FOREVER, shortest_lifetime_s=7200.0, longest_lifetime_s=7200.0))
    assert [pool.call(60.0 * minute, lambda _: 0.1).cold for minute in range(0, 121)].count(
        True
    ) == 2


def test_more_calls_at_once_than_the_concurrency_are_refused() -> None:
    pool = instances(concurrency=2)
    served = [pool.call(0.0, lambda _: 1.0).instance for _ in range(3)]
    assert served == [1, 2, None]


# The policies


def test_the_papers_burst_meets_no_cold_start_with_ours_and_five_without() -> None:
    assert outcome_of(BURST, policy("off")).cold == 5
    assert outcome_of(BURST, policy("one ping")).cold == 4
    assert outcome_of(BURST, policy("ours")).cold == 0
    assert outcome_of(BURST, policy("provisioned")).cold == 0


def test_calls_that_do_not_hold_keep_one_instance_however_many_there_are() -> None:
    naive = outcome_of(BURST, policy("naive pings"))
    assert naive.cold == 4
    assert naive.pings == outcome_of(BURST, policy("ours")).pings == 5 * 288


def test_a_round_that_its_spread_defeats_is_repeated_with_a_longer_hold() -> None:
    slow = Policy(name="slow", pings=5, spread_s=1.0, hold_s=0.1, shared_deadline=True, rounds=3)
    assert outcome_of(BURST, slow).cold < 4
    once = Policy(name="once", pings=5, spread_s=1.0, hold_s=0.1, shared_deadline=True)
    assert outcome_of(BURST, once).cold == 4
    assert outcome_of(BURST, slow).pings > outcome_of(BURST, once).pings


def test_users_made_slower_by_a_round_are_at_most_hold_by_period() -> None:
    users = poisson(3600, seed=3)
    outcome = outcome_of(users, policy("ours"), days=3)
    assert outcome.served > 200_000
    assert 0 < outcome.slowed_share <= 0.4 / PERIOD_S


def test_held_time_is_counted_in_instance_seconds() -> None:
    holding = outcome_of(HOUR, policy("ours"))
    assert 5 * 288 * 0.3 < holding.held_s < 5 * 288 * 0.45
    assert outcome_of(HOUR, policy("off")).held_s == 0


def test_provisioned_instances_cost_by_the_second_and_pings_by_the_call() -> None:
    # 5 x 1.7275 GB x 2,592,000 s x $0.0000041667
    assert usd_per_month(outcome_of(HOUR, policy("provisioned"))) == pytest.approx(93.29, abs=0.01)
    assert 0 < usd_per_month(outcome_of(HOUR, policy("ours"))) < 1
    assert usd_per_month(outcome_of(HOUR, policy("off"))) == 0


# The arrivals


def test_arrivals_come_at_the_rate_that_they_are_named_after() -> None:
    counts = [len(poisson(60, seed).arrivals_s) for seed in range(20)]
    assert sum(counts) / 20 == pytest.approx(24 * 60, rel=0.02)
    burst = bursts(10, seed=1).arrivals_s
    assert len(burst) % 10 == 0
    assert burst[9] - burst[0] <= 0.1
    day = day_profile(120, seed=1).arrivals_s
    night = sum(3 * 3600 <= each < 5 * 3600 for each in day)
    afternoon = sum(15 * 3600 <= each < 17 * 3600 for each in day)
    assert afternoon > 5 * night
    for workload in (poisson(60, 1), bursts(10, 1), day_profile(120, 1)):
        arrivals = workload.arrivals_s
        assert list(arrivals) == sorted(arrivals)
        assert arrivals[-1] < DAY_S + 0.1


def test_the_same_seed_gives_the_same_arrivals_and_another_one_others() -> None:
    assert poisson(60, 1) == poisson(60, 1)
    assert poisson(60, 1) != poisson(60, 2)


# The page


def records(days: int = 2) -> list[Record]:
    return list(compare([Case(days, lambda seed: bursts(5, seed))]))


def test_every_policy_has_its_line_and_its_mark_in_the_chart() -> None:
    found = records()
    names = [each.name for each in policies(5)]
    lines = table(found).splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == names
    figure = Figure()
    draw(found, figure)
    (axes,) = figure.axes
    assert [points.get_label() for points in axes.collections] == names
    shares = {each.name: 100 * each.value for each in found if each.metric == "cold_share"}
    drawn = {each.get_label(): np.asarray(each.get_offsets())[0, 0] for each in axes.collections}
    assert drawn == shares


def test_the_table_in_the_docs_is_what_the_command_makes() -> None:
    page = (ROOT / "docs" / "warming.md").read_text()
    for line in table(list(compare([Case(20, lambda seed: bursts(5, seed))]))).splitlines():
        assert line in page


def test_the_records_of_the_chart_in_the_docs_are_the_same() -> None:
    kept = {
        (each.name, each.conditions["workload"]): each.value
        for each in read_records((RECORDS / "warming.jsonl").read_text())
        if each.metric == "cold_share"
    }
    for record in compare([Case(20, lambda seed: bursts(5, seed))]):
        if record.metric == "cold_share":
            assert kept[record.name, record.conditions["workload"]] == record.value
