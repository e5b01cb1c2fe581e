"""Percentiles are interpolated between the nearest values."""

import numpy as np
import pytest

from lab.statistics import percentile


def test_a_percentile_lies_between_the_nearest_values() -> None:
    assert percentile([3.0], 99) == 3.0
    assert percentile(list(map(float, range(101))), 95) == pytest.approx(95.0)
    assert percentile([10.0, 0.0], 95) == pytest.approx(9.5)


@pytest.mark.parametrize("percent", [1, 50, 95, 99])
def test_it_is_numpys(percent: int) -> None:
    values = np.random.default_rng(1).exponential(size=137).tolist()
    assert percentile(values, percent) == pytest.approx(float(np.percentile(values, percent)))
