"""Temperature, threshold and AUROC are what their definitions say, also for few photos."""

import numpy as np
import pytest

from training.recognition import (
    area_under_curve,
    at_temperature,
    choose_threshold,
    fit_temperature,
)


def answers(temperature: float, photos: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return answers that are calibrated at this temperature, and the right classes."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (photos, 5))
    likelihood = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    targets = np.array([random.choice(5, p=row) for row in likelihood])
    return at_temperature(likelihood, 1 / temperature), targets


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_calibrates_is_found(temperature: float) -> None:
    softmax, targets = answers(temperature)
    assert fit_temperature(softmax, targets) == pytest.approx(temperature, rel=0.05)


def test_the_temperature_has_the_least_negative_log_likelihood() -> None:
    softmax, targets = answers(1.7, photos=600)

    def loss(temperature: float) -> float:
        scaled = at_temperature(softmax, temperature)
        return float(-np.log(scaled[np.arange(600), targets]).mean())

    found = fit_temperature(softmax, targets)
    assert loss(found) <= min(map(loss, np.linspace(0.3, 4, 400))) + 1e-4


def test_ten_photos_without_an_error_do_not_make_a_model_certain() -> None:
    targets = np.zeros(10, np.int64)
    softmax = np.tile([0.9, 0.06, 0.04], (10, 1))
    best = at_temperature(softmax, fit_temperature(softmax, targets)).max(1)
    assert best == pytest.approx(11 / 12, abs=0.01)  # the rule of succession


def test_answers_of_zero_and_one_give_a_finite_temperature() -> None:
    softmax = np.eye(3)[[0, 1, 2, 1]]
    for targets in ([0, 1, 2, 1], [0, 1, 2, 2]):
        assert 0.05 <= fit_temperature(softmax, np.array(targets)) <= 20


def test_the_softmax_at_a_temperature_is_that_of_the_divided_logits() -> None:
    logits = np.array([[2.0, -1.0, 0.5]])
    plain, divided = (np.exp(each) / np.exp(each).sum() for each in (logits, logits / 3))
    assert at_temperature(plain, 3) == pytest.approx(divided)


def test_a_threshold_between_both_kinds_is_the_middle_of_the_gap() -> None:
    own, foreign = np.array([0.9, 0.8, 0.99]), np.array([0.2, 0.4, 0.3])
    assert choose_threshold(own, foreign) == 0.6


@pytest.mark.parametrize("shape", [(6, 2), (20, 1)])
def test_no_threshold_stays_further_from_both_limits(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    own, foreign = random.beta(*shape, 400), random.beta(4, 3, 200)
    threshold = choose_threshold(own, foreign)
    assert (own < threshold).mean() <= 0.05

    def share_of_allowed(at: float) -> float:
        return float(max((own < at).mean() / 0.05, (foreign >= at).mean() / 0.2))

    for other in np.linspace(0.01, 0.99, 300):
        if (own < other).mean() <= 0.05:
            assert share_of_allowed(threshold) <= share_of_allowed(other) + 1e-9


def test_own_photos_are_not_refused_up_to_the_limit_to_find_a_few_more() -> None:
    own = np.repeat([0.95, 0.85, 0.6], [90, 5, 5])
    foreign = np.repeat([0.3, 0.55, 0.8, 0.9], [70, 15, 8, 7])
    assert choose_threshold(own, foreign) == pytest.approx(0.575)  # finds 85 %, refuses none


def test_where_both_limits_cannot_be_met_that_for_own_photos_is() -> None:
    own, foreign = np.linspace(0.3, 1, 100), np.linspace(0.2, 1, 100)
    threshold = choose_threshold(own, foreign)
    assert (own < threshold).sum() == 5
    assert (foreign < threshold).mean() < 0.8


def test_a_foreign_photo_is_not_found_at_the_price_of_more_own_ones() -> None:
    own = np.concatenate([np.full(96, 0.95), [0.5, 0.6, 0.7, 0.75]])
    foreign = np.concatenate([np.full(99, 0.3), [0.72]])
    assert choose_threshold(own, foreign) == pytest.approx(0.4)


def test_nineteen_photos_are_all_kept() -> None:
    own, foreign = np.linspace(0.5, 0.9, 19), np.full(30, 0.55)
    assert choose_threshold(own, foreign) <= 0.5


def test_scores_next_to_one_are_still_parted() -> None:
    own, foreign = np.full(50, 0.99999), np.full(50, 0.99996)
    assert foreign[0] < choose_threshold(own, foreign) <= own[0]


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order() -> None:
    random = np.random.default_rng(2)
    own, foreign = random.integers(3, 10, 40) / 10, random.integers(0, 8, 30) / 10
    pairs = [float(a > b) + 0.5 * float(a == b) for a in own for b in foreign]
    assert area_under_curve(own, foreign) == pytest.approx(sum(pairs) / len(pairs))
    assert area_under_curve(np.array([0.9, 0.8]), np.array([0.1])) == 1
