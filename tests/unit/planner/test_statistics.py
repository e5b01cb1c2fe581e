"""Shares and percentiles of simulated calls, their intervals, and objectives."""

import math

import pytest

from lab.oracle.random import Random
from tests.unit.planner.scenarios import by_kernel
from warmlens.errors import WarmlensError
from warmlens.planner.distribution import constant
from warmlens.planner.objective import Verdict, read_objective, summarize
from warmlens.planner.outcome import Outcome, Outcomes, bin_of
from warmlens.planner.scenario import Scenario
from warmlens.planner.statistics import (
    binomial_above,
    calls_to_show,
    effective_sample_size,
    exact_binomial,
    share,
)
from warmlens.planner.traffic import constant_rate


def day(fast: int, slow: int, *, fast_s: float = 0.05, slow_s: float = 1.2) -> Outcome:
    outcome = Outcome(requests=fast + slow, cold=slow, horizon_s=86_400)
    by_bin = {bin_of(fast_s): fast, bin_of(slow_s): slow}
    outcome.latencies = {at: count for at, count in by_bin.items() if count}
    return outcome


def pooled(*days: Outcome) -> Outcomes:
    outcomes = Outcomes()
    for each in days:
        outcomes.add(each)
    return outcomes


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # R, binom.test(count, total)$conf.int
        (5, 10, 0.1870860, 0.8129140),
        (0, 10, 0.0, 0.3084971),
        (10, 10, 0.6915029, 1.0),
        (10, 100, 0.0490047, 0.1762226),
    ],
)
def test_a_share_has_clopper_and_pearsons_interval(
    count: int, total: int, low: float, high: float
) -> None:
    assert exact_binomial(count, total) == pytest.approx((low, high), abs=1e-6)


def test_the_binomial_tail_is_the_sum_of_its_terms() -> None:
    for total, probability in ((12, 0.3), (400, 0.01)):
        terms = [
            math.comb(total, k) * probability**k * (1 - probability) ** (total - k)
            for k in range(total + 1)
        ]
        for count in (-1, 0, 3, 11, total):
            assert binomial_above(count, total, probability) == pytest.approx(
                sum(terms[count + 1 :])
            )


def test_none_cold_of_a_few_hundred_does_not_show_one_in_a_thousand() -> None:
    assert share([0] * 100, [8] * 99 + [68]).high > 0.004
    needed = calls_to_show(0.001)
    assert exact_binomial(0, needed)[1] <= 0.001 < exact_binomial(0, needed - 1)[1]
    assert 3 / 0.001 < needed < 4 / 0.001


def test_every_call_counts_alike_and_a_day_without_any_counts_nothing() -> None:
    few_and_many = pooled(day(0, 1), day(99, 0), day(0, 0))
    assert few_and_many.cold_share().value == pytest.approx(0.01)
    alone = pooled(day(50, 50))
    assert pooled(day(50, 50), day(0, 0)).percentile_ms(50) == alone.percentile_ms(50)


def test_at_twenty_calls_a_day_two_cold_of_a_hundred_are_seen_in_p99() -> None:
    """Most of the days have no cold start, so that the mean of the days' p99 would be fast."""
    outcomes = pooled(*(day(18, 2) if number % 5 == 0 else day(20, 0) for number in range(100)))
    assert outcomes.cold_share().value == pytest.approx(0.02)
    found = outcomes.percentile_ms(99)
    assert found.value == pytest.approx(1200, rel=0.001)
    objective = read_objective("p99=1s", None)
    assert summarize(outcomes, objective).verdict(objective) is Verdict.MISSES


def test_a_result_between_meets_and_misses_is_unsure() -> None:
    objective = read_objective("p99=1s", None)
    nearly = pooled(*(day(199, 1) if number % 2 else day(198, 2) for number in range(10)))
    assert nearly.percentile_ms(99).high == pytest.approx(1200, rel=0.001)
    assert summarize(nearly, objective).verdict(objective) is Verdict.UNSURE
    enough = pooled(*(day(9990, 10) for _ in range(10)))
    assert summarize(enough, objective).verdict(objective) is Verdict.MEETS


def test_no_percentile_is_claimed_from_too_few_calls() -> None:
    few = pooled(day(150, 0), day(150, 0)).percentile_ms(99)
    assert few.value == pytest.approx(50, rel=0.001)
    assert few.high == math.inf
    assert pooled(day(200, 0), day(200, 0)).percentile_ms(99).high < 51
    assert pooled(day(0, 0)).percentile_ms(99).high == math.inf


def test_differing_days_give_wider_intervals() -> None:
    even, uneven = [2] * 20, [20, 20] + [0] * 18
    assert share(uneven, [100] * 20).high > 2 * share(even, [100] * 20).high
    assert effective_sample_size(uneven, [100] * 20) < 0.2 * effective_sample_size(even, [100] * 20)
    assert share(even, [100] * 20).high >= exact_binomial(40, 2000)[1]


@pytest.mark.parametrize("clump", [1, 5])
def test_the_interval_covers_the_true_share_in_95_of_100_samples(clump: int) -> None:
    """Calls one by one, and in groups that are all cold or all warm."""
    truth, held = 0.02, 0
    for seed in range(200):
        random = Random(seed, 0)
        counts = [clump * sum(random() < truth for _ in range(100 // clump)) for _ in range(15)]
        found = share(counts, [100] * 15)
        held += found.low <= truth <= found.high
    assert held >= 0.94 * 200


def test_outcomes_add_up() -> None:
    scenario = Scenario(init=constant(0.3), service=constant(0.05))
    days = [
        by_kernel(scenario, constant_rate(0.01), horizon_s=7200.0, seed=seed) for seed in (1, 2)
    ]
    total = pooled(*days).total
    for name in ("requests", "cold", "billed_ms", "busy_s", "horizon_s", "instances"):
        assert getattr(total, name) == sum(getattr(each, name) for each in days)
    assert total.peak_busy == max(each.peak_busy for each in days)


# Objectives


@pytest.mark.parametrize("text", ["p99=1s", "P99=1S", " p99 = 1 s ", "p99=1000ms", "p99=1.s"])
def test_an_objective_is_read_as_people_write_it(text: str) -> None:
    objective = read_objective(text, None)
    assert (objective.percent, objective.latency_ms) == (99, 1000)
    assert read_objective("p99=.4s", None).latency_ms == 400


@pytest.mark.parametrize("text", ["0.1%", ".1%", "0.1 %", "0.001", ".001", "1e-3", "1E-3"])
def test_a_share_is_read_as_people_write_it(text: str) -> None:
    assert read_objective("p99=1s", text).cold_share == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("slo", "share_text", "code", "words"),
    [
        ("p0=1s", None, "bad_slo", "above 0"),
        ("p99=0s", None, "bad_slo", "above 0"),
        ("p99=" + "9" * 400 + "s", None, "bad_slo", "above 0"),
        ("p99=1s", "1", "bad_cold_share", "in percent"),
        ("p99=1s", "0%", "bad_cold_share", "cannot show a share of 0"),
        ("p99=1s", "101%", "bad_cold_share", "100% at most"),
    ],
)
def test_an_invalid_or_ambiguous_objective_is_an_error(
    slo: str, share_text: str | None, code: str, words: str
) -> None:
    with pytest.raises(WarmlensError, match=words) as error:
        read_objective(slo, share_text)
    assert error.value.code == code


def test_a_cold_probability_100_percent_is_no_limit() -> None:
    assert read_objective("p99=1s", "100%").cold_share is None
