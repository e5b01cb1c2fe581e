"""Intervals cover what they should, and are wide where samples share their disturbances."""

import random
import statistics

import pytest

from lab.intervals import (
    mean_interval,
    mean_product_ratio_interval,
    median_interval,
    ratio_interval,
    share_interval,
)


def alone(values: list[float]) -> list[list[float]]:
    return [[value] for value in values]


def test_intervals_cover_the_truth_in_about_95_of_100_cases() -> None:
    rng = random.Random(3)
    covered = 0
    for _ in range(60):
        low, high = mean_interval(alone([rng.gauss(100, 10) for _ in range(30)])) or (0, 0)
        covered += low <= 100 <= high
    assert 50 <= covered < 60


def test_the_interval_of_a_median_is_that_of_the_same_resamples_in_plain_python() -> None:
    rng = random.Random(5)
    values = [rng.expovariate(1) for _ in range(31)]
    again = random.Random(1)
    medians = sorted(
        statistics.median(values[each] for each in again.choices(range(31), k=31))
        for _ in range(2000)
    )
    low, high = median_interval(alone(values)) or (0, 0)
    assert low == pytest.approx(medians[50], rel=0.02)
    assert high == pytest.approx(medians[1949], rel=0.02)


def test_calls_made_together_do_not_count_as_independent() -> None:
    rng = random.Random(4)
    blocks = []
    for _ in range(10):
        level = rng.gauss(100, 20)  # a disturbance that a whole repetition shares
        blocks.append([level + rng.gauss(0, 1) for _ in range(30)])
    together = mean_interval(blocks) or (0, 0)
    apart = mean_interval(alone([value for block in blocks for value in block])) or (0, 0)
    assert together[1] - together[0] > 3 * (apart[1] - apart[0])


def test_a_ratio_of_means_lies_in_its_interval() -> None:
    times, base = alone([9.0, 10, 11] * 4), alone([6.0, 5, 4, 4.5] * 3)
    low, high = ratio_interval(times, base, of_means=True) or (0, 0)
    assert low < 10 / 4.875 < high < 2.5


def test_a_product_of_means_is_drawn_in_the_same_turns() -> None:
    load = [1 + number % 7 for number in range(30)]
    slow = [alone([20.0 * each for each in load]), alone([3.0 * each for each in load])]
    fast = [alone([10.0 * each for each in load]), alone([1.0 * each for each in load])]
    assert mean_product_ratio_interval(slow, fast) == pytest.approx((6.0, 6.0))
    low, high = mean_product_ratio_interval(slow, [each[1:] for each in fast]) or (6, 6)
    assert low < 6 < high  # not in turns


def test_few_blocks_have_no_interval() -> None:
    assert mean_interval([[1.0, 2.0]] * 4) is None
    assert median_interval(alone([1.0, 2.0])) is None
    assert ratio_interval([[1.0]] * 9, [[1.0]] * 4, of_means=True) is None


def test_no_case_in_fifty_may_still_be_seven_in_a_hundred() -> None:
    assert share_interval(0, 50) == pytest.approx((0.0, 0.0713), abs=1e-4)
    assert share_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
