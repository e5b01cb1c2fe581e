"""Percentiles, peaks and ratios of samples."""

import random

import numpy as np
import pytest

from lab.modality import dip, has_one_peak
from lab.statistics import carried, fewest_for, percentile, ratio_of, summary


def test_a_percentile_lies_between_the_nearest_values() -> None:
    assert percentile([3.0], 99) == 3.0
    assert percentile(list(map(float, range(101))), 95) == pytest.approx(95.0)
    assert percentile([10.0, 0.0], 95) == pytest.approx(9.5)


@pytest.mark.parametrize("percent", [1, 50, 95, 99])
def test_it_is_numpys(percent: int) -> None:
    values = np.random.default_rng(1).exponential(size=137).tolist()
    assert percentile(values, percent) == pytest.approx(float(np.percentile(values, percent)))


def test_a_percentile_needs_samples_beyond_it() -> None:
    """Wilks: with 59 and 299, one lies beyond p95 and p99 with 95 %."""
    assert (fewest_for(95), fewest_for(99)) == (59, 299)
    for percent in (95, 99):
        fewest = fewest_for(percent)
        assert 1 - (percent / 100) ** fewest >= 0.95 > 1 - (percent / 100) ** (fewest - 1)
        values = list(map(float, range(fewest)))
        assert carried(values, percent) == percentile(values, percent)
        assert carried(values[1:], percent) is None


def test_five_starts_have_no_p99_but_a_slowest_one() -> None:
    fields = summary([115.0, 120.0, 117.0, 300.0, 116.0])
    assert (fields["p95"], fields["p99"], fields["largest"]) == (None, None, 300.0)
    assert (fields["value"], fields["mean"], fields["samples"]) == (117.0, 153.6, 5)


def test_the_dip_is_what_the_package_diptest_computes() -> None:
    """Its version 0.12.0, whose licence keeps it out of this project."""
    rng = random.Random(11)
    one = [round(rng.gauss(0, 1), 3) for _ in range(50)]
    two = [round(rng.gauss(0 if rng.random() < 0.5 else 4, 1), 3) for _ in range(50)]
    tied = [round(rng.expovariate(1), 1) for _ in range(200)]
    for values, of_diptest in (
        (one, 0.03833480956598759),
        (two, 0.07922302962548908),
        (tied, 0.034),
    ):
        assert dip(values) == pytest.approx(of_diptest, rel=1e-12)
    assert dip([7.0] * 9) == pytest.approx(1 / 18)
    assert dip([0.0] * 50 + [1.0] * 50) == pytest.approx(0.25)


def test_two_peaks_are_seen_and_one_is_not_taken_for_two() -> None:
    rng = random.Random(5)
    throttled = [rng.gauss(16, 1) if rng.random() < 0.6 else rng.gauss(71, 3) for _ in range(300)]
    assert not has_one_peak(throttled)
    ones = [[rng.lognormvariate(3, 0.3) for _ in range(300)] for _ in range(40)]
    assert sum(map(has_one_peak, ones)) >= 36
    assert has_one_peak([1.0])
    assert has_one_peak([1.0, 90.0])


def test_a_ratio_is_of_means_where_a_median_would_lie_on_one_of_two_peaks() -> None:
    rng = random.Random(7)
    base = [rng.gauss(110, 4) for _ in range(300)]
    whole = [rng.gauss(29, 1) for _ in range(300)]
    throttled = [rng.gauss(16, 1) if rng.random() < 0.6 else rng.gauss(71, 3) for _ in range(300)]
    assert ratio_of(whole, base).of == "medians"
    found = ratio_of(throttled, base)
    assert found.of == "means"
    assert found.value == pytest.approx(np.mean(throttled) / np.mean(base))
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_what_disturbs_both_of_a_turn_cancels_out() -> None:
    rng = random.Random(9)
    load = [1 + rng.random() for _ in range(40)]
    base = [100 * each for each in load]
    values = [25 * each for each in load]
    interval = ratio_of(values, base).interval
    assert interval == pytest.approx((0.25, 0.25))
    apart = ratio_of(values, base + base[:1]).interval  # not in turns
    assert apart is not None
    assert apart[1] - apart[0] > 0.01
