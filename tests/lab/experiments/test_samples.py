"""The full mode takes enough samples where a verdict rests on them."""

from collections import Counter

import pytest

from lab.bench.extent import COLD_STARTS, WARM_CALLS
from lab.experiments import concurrency, flow, idle, memory, stages
from lab.experiments.claims.calls import COLD_MB
from lab.experiments.experiment import Mode
from lab.experiments.memory import COLD, SPEED
from lab.experiments.memory_sizes import PAIRS
from lab.experiments.prices import PAPER
from lab.experiments.target import Target
from lab.intervals import LEAST_BLOCKS

LOCAL, DEV = Target(), Target(name="dev", url="https://api.example")


def test_first_calls_of_both_handlers() -> None:
    runs = Counter(each.name for each in stages.steps(Mode.FULL, LOCAL))
    assert set(runs) == {"baseline", "ours"}
    assert min(runs.values()) >= COLD_STARTS
    assert min(runs.values()) * (1 + stages.LATER_CALLS) >= WARM_CALLS


def test_cold_starts_over_the_api() -> None:
    assert len(flow.steps(Mode.FULL, LOCAL)) >= COLD_STARTS


def test_memory_sizes_that_are_compared() -> None:
    steps = memory.steps(Mode.FULL, LOCAL)
    warm = Counter(
        (each.name, each.conditions["memory_mb"])
        for each in steps
        if each.conditions["part"] == SPEED
    )
    cold = Counter(
        (each.name, each.conditions["memory_mb"])
        for each in steps
        if each.conditions["part"] == COLD
    )
    for name in ("baseline", "ours"):
        for size in {size for pair in PAIRS for size in pair}:
            assert warm[name, size] * memory.BLOCK >= WARM_CALLS
            assert warm[name, size] >= LEAST_BLOCKS
        for size in {*COLD_MB} - {PAPER["memory_mb"]}:  # of which `stages` has the starts
            assert cold[name, size] >= COLD_STARTS


def test_idle_instances_of_an_environment() -> None:
    trials = Counter(
        (each.conditions["instances"], each.conditions["wait_min"])
        for each in idle.steps(Mode.FULL, DEV)
    )
    assert min(trials.values()) >= LEAST_BLOCKS


@pytest.mark.parametrize("target", [LOCAL, DEV], ids=["local", "deployed"])
def test_five_users_on_five_instances(target: Target) -> None:
    calls = sum(
        each.conditions["clients"]
        for each in concurrency.steps(Mode.FULL, target)
        if (each.name, each.conditions["clients"]) == (concurrency.REAL, concurrency.WARM)
        and each.conditions["arrivals"] == "closed"
    )
    assert calls >= WARM_CALLS
