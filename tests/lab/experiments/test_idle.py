"""The experiment on idle expiry: its steps, and environments that keep instances warm."""

import pytest

from lab.experiments import idle
from lab.experiments.experiment import Mode
from lab.experiments.target import Target
from warmlens.errors import WarmlensError

DEV = Target(name="dev", url="https://api.example")


def test_one_instance_is_probed_before_five_may_be_left() -> None:
    counts = [step.conditions["instances"] for step in idle.steps(Mode.FULL, DEV)]
    assert counts == sorted(counts)
    assert set(counts) == {1, 5}


def test_a_minute_is_a_minute_where_expiry_is_not_a_setting() -> None:
    assert {step.conditions["minute_s"] for step in idle.steps(Mode.QUICK, DEV)} == {60.0}


def test_an_environment_that_is_kept_warm_is_not_probed() -> None:
    kept = Target(name="prod", url="https://api.example", kept_warm=True)
    with (
        pytest.raises(WarmlensError, match=r"prod keeps instances warm.*warming=\"off\""),
        idle.idle_setup(kept, {}),
    ):
        pytest.fail("it was probed")
