"""The benchmark of networks: they are exported, started and called in turns."""

import pytest

from lab.bench.architectures.comparison import (
    BASE,
    METRICS,
    measure_architectures,
    networks,
)
from lab.bench.architectures.presentation import architectures_table
from lab.bench.architectures.versions import NATIVE_PX, Network
from lab.bench.speed.harness import running_harness
from warmlens.runtime.best_isolation import best_isolation

INT8, FP32 = (Network("small-cnn", 64, precision) for precision in ("int8", "fp32"))


def test_both_files_of_a_network_are_started_and_called_in_turns() -> None:
    with running_harness(224, with_baseline=False) as harness:
        records = list(
            measure_architectures(
                harness,
                [INT8, FP32],
                rounds=2,
                calls=3,
                isolation=best_isolation(),
                busy=True,
                base=INT8,
            )
        )
    assert [(each.name, each.metric) for each in records] == [
        (network.name, metric) for network in (INT8, FP32) for metric in METRICS
    ]
    assert {each.metric: each.samples for each in records} == {
        "cold_start_ms": 2, "cold_start_cpu_s": 2, "warm_ms": 6, "peak_rss_mb": 2,
    }  # fmt: skip
    assert all(each.value > 0 and each.ratio_to == INT8.name for each in records)
    assert all(each.ratio == 1 for each in records if each.name == INT8.name)
    assert {each.mode for each in records} == {None}  # the command marks quick runs
    sizes = {each.name: each.conditions["file_mb"] for each in records}
    assert sizes[INT8.name] < 0.5 * sizes[FP32.name]
    text = architectures_table(records)
    assert "| small-cnn | 64 | int8 | " in text
    assert "Other programs used the machine" in text
    assert "2 starts and 6 warm calls" in text


def test_each_network_has_its_own_size_and_the_base_is_measured_too() -> None:
    found = networks(["efficientnet-lite2"], [128])
    assert found[0] == BASE
    assert [(each.input_px, each.precision) for each in found[1:]] == [
        (128, "int8"), (128, "fp32"), (260, "int8"), (260, "fp32"),
    ]  # fmt: skip
    assert networks(list(NATIVE_PX), [224]).count(BASE) == 1


@pytest.mark.parametrize("network", [INT8, FP32])
def test_names_are_those_of_models(network: Network) -> None:
    assert network.name == f"small-cnn-64px-{network.precision}"
