"""The planner's copies of numbers that the deployed functions have."""

from lambda_src.classifier import download
from lambda_src.warmer import hold, rounds
from stacks.settings import Settings
from warmlens.planner import cost, scenario

DEFAULTS = Settings(env_name="test")


def test_simulated_rounds_are_repeated_as_often_and_as_long_as_the_warmers() -> None:
    assert scenario.MAX_ROUNDS == rounds.MAX_ROUNDS
    assert scenario.LONGER_HOLD == rounds.HOLD_FACTOR
    assert DEFAULTS.warming_budget_s == scenario.BUDGET_S


def test_simulated_holds_are_those_of_the_warmer() -> None:
    spread_ms = 500
    steady = hold.Spread(mean_ms=spread_ms, deviation_ms=0)
    assert steady.hold_ms - spread_ms == scenario.HOLD_MARGIN_S * 1000
    assert scenario.LEAST_HOLD_S * 1000 == hold.MIN_HOLD_MS
    assert DEFAULTS.warming_hold_ms == scenario.MOST_HOLD_S * 1000


def test_a_model_is_fetched_in_as_many_parts_as_are_billed() -> None:
    assert cost.PART_BYTES == download.PART_BYTES
