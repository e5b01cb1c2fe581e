"""Durations of a call's stages."""

import time

import pytest

from lambda_src.classifier.stages import Stages


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Successive times of the clock, in seconds."""
    moments: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: moments.pop(0))
    return moments


def test_stages_are_told_in_milliseconds_and_the_call_in_seconds(clock: list[float]) -> None:
    clock += [10, 11, 11.25, 12, 12.0005, 13]
    stages = Stages()
    with stages.measure("fetch"):
        pass
    with stages.measure("decode"):
        pass
    assert stages.milliseconds == {"fetch": 250, "decode": 0.5}
    assert stages.elapsed_s() == 3


def test_a_stage_that_fails_is_measured_too(clock: list[float]) -> None:
    clock += [0, 1, 3]
    stages = Stages()
    with pytest.raises(ValueError), stages.measure("decode"):
        raise ValueError
    assert stages.milliseconds == {"decode": 2000}


def test_the_stages_of_an_init_are_all_of_its_time(clock: list[float]) -> None:
    clock += [10.5, 12, 12.25, 13]
    stages = Stages(10)
    for name in ("modules", "runtime", "files", "session"):
        stages.end(name)
    assert stages.milliseconds == {"modules": 500, "runtime": 1500, "files": 250, "session": 750}
