"""Users' cold starts with wakes ahead, compared with the first model that proposed them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean

import pytest

from tests.unit.planner.scenarios import Given, by_kernel
from warmlens.errors import WarmlensError
from warmlens.planner.distribution import constant, exponential
from warmlens.planner.outcome import Outcome
from warmlens.planner.scenario import (
    FOREVER,
    HOUR_S,
    Scenario,
    WakeAhead,
    WarmingPolicy,
    by_hour,
)
from warmlens.planner.stationary import idle_instances
from warmlens.planner.statistics import exact_binomial
from warmlens.planner.traffic import Traffic, constant_rate

DAYS, SEEDS = 30, 4


@dataclass(frozen=True)
class Groups:
    """Groups of five users whose calls come within two seconds, at independent moments."""

    per_hour: float
    description: str = "groups"

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        chance, moments, now_s = random.Random(seed), [], 0.0
        while (now_s := now_s + chance.expovariate(self.per_hour / HOUR_S)) < horizon_s - 2:
            moments += [now_s + chance.uniform(0, 2) for _ in range(5)]
        return iter(sorted(moments))

    def expected(self, horizon_s: float) -> float:
        return 5 * self.per_hour * horizon_s / HOUR_S


NONE = Scenario(init=constant(1.0), service=constant(0.05))
POLICIES = {
    "none": NONE,
    "upload": replace(NONE, wake_ahead=WakeAhead(from_page=False)),
    "page and upload": replace(NONE, wake_ahead=WakeAhead()),
    "five pinged": replace(NONE, warming=WarmingPolicy(by_hour=by_hour(5))),
}
# The share of cold users in the first model, which rounds them so. Its sample is not stated: taken
# for 2,000 users, or 400 groups.
FIRST_MODEL: dict[str, tuple[Traffic, int, tuple[float, ...]]] = {
    "2 an hour": (constant_rate(2 / HOUR_S), 2_000, (0.55, 0.32, 0.0, 0.0)),
    "12 an hour": (constant_rate(12 / HOUR_S), 2_000, (0.061, 0.040, 0.0002, 0.0005)),
    "groups, 20 users an hour": (Groups(per_hour=4), 400, (0.17, 0.07, 0.031, 0.002)),
}


def pooled(scenario: Scenario, traffic: Traffic) -> Outcome:
    outcome = Outcome()
    for seed in range(SEEDS):
        outcome.add(by_kernel(scenario, traffic, horizon_s=DAYS * 24 * HOUR_S, seed=seed))
    return outcome


@pytest.mark.parametrize("users", FIRST_MODEL)
def test_users_meet_about_as_many_cold_starts_as_in_the_first_model(users: str) -> None:
    traffic, sample, figures = FIRST_MODEL[users]
    shares = [pooled(scenario, traffic).cold_share for scenario in POLICIES.values()]
    for share, figure in zip(shares, figures, strict=True):
        low, high = exact_binomial(figure * sample, sample)
        assert low <= share <= high, (users, shares)
    assert shares[0] > shares[1] > shares[2]


@pytest.mark.parametrize(
    ("upload_s", "pause_s", "from_page", "cold"),
    [
        (2.0, 7.0, False, 0),  # the upload takes longer than a start of 1.1 s
        (1.0, 7.0, False, 1),
        (1.0, 7.0, True, 0),  # the page has woken it before
        (0.5, 0.5, True, 1),
    ],
)
def test_a_user_meets_no_cold_start_if_an_instance_has_started_by_then(
    upload_s: float, pause_s: float, from_page: bool, cold: int
) -> None:
    wakes = WakeAhead(
        pause=constant(pause_s),
        upload=constant(upload_s),
        from_page=from_page,
        service=constant(0.1),
    )
    outcome = by_kernel(replace(NONE, wake_ahead=wakes), Given(1000.0), horizon_s=2000.0)
    assert outcome.cold == cold
    assert outcome.instances == outcome.wakes_cold + cold


def test_a_wake_takes_concurrency_and_is_dropped_without_it() -> None:
    """Two users' calls fill the function; the third one's wakes are refused, not repeated."""
    alone = replace(
        NONE,
        lifetimes=FOREVER,
        service=constant(60.0),
        concurrency=2,
        wake_ahead=WakeAhead(pause=constant(7.0), upload=constant(2.0)),
    )
    outcome = by_kernel(alone, Given(100.0, 101.0, 150.0), horizon_s=500.0)
    assert (outcome.wakes, outcome.wakes_throttled, outcome.throttled) == (6, 2, 1)


def test_a_held_wake_keeps_its_instance_from_the_user_it_was_for() -> None:
    wakes = WakeAhead(pause=constant(7.0), upload=constant(1.5))
    scenario = replace(NONE, lifetimes=FOREVER, wake_ahead=wakes)
    calls = Given(100.0, 200.0)
    assert by_kernel(scenario, calls, horizon_s=500.0).cold == 0
    held = replace(scenario, wake_ahead=replace(wakes, hold_s=3.0))
    assert by_kernel(held, calls, horizon_s=500.0).cold == 1


def test_a_window_begins_with_instances_used_by_each_wake_that_there_is() -> None:
    """Wakes that take no time: the second instance was used as long ago as uses are rare."""

    def idle_s(*, from_page: bool = True, from_upload: bool = True) -> float:
        wakes = WakeAhead(from_page=from_page, from_upload=from_upload, service=constant(1e-9))
        scenario = replace(NONE, service=constant(1.0), lifetimes=FOREVER, wake_ahead=wakes)
        found = (idle_instances(scenario, constant_rate(0.1), HOUR_S, seed) for seed in range(200))
        return fmean(instances[1].idle_s for instances in found)

    alone_s = idle_s(from_page=False, from_upload=False)
    in_the_call_s, uploaded_s = idle_s(from_upload=False), idle_s()
    assert idle_s(from_page=False) == pytest.approx(alone_s / 2)  # an upload without a page
    assert in_the_call_s == pytest.approx(alone_s / 2)  # the page wakes once
    assert uploaded_s == pytest.approx(alone_s / 3)  # and the upload once more


def test_wakes_go_neither_with_provisioned_instances_nor_without_a_maximum() -> None:
    with pytest.raises(WarmlensError) as error:
        replace(NONE, wake_ahead=WakeAhead(), provisioned_by_hour=by_hour(1))
    assert error.value.code == "bad_wake_ahead"
    with pytest.raises(WarmlensError, match="no maximum"):
        WakeAhead(upload=exponential(1.0))
