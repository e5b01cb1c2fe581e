"""`python -m lab bench cold|warm|memory` with real processes, and speed budgets."""

import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.__main__ import app
from lab.bench.speed import commands
from lab.bench.speed.cold import Case, measure_cold
from lab.bench.speed.harness import Harness, running_harness
from lab.bench.speed.memory import measure_memory
from lab.bench.speed.photos import SIZES
from lab.bench.speed.warm import measure_warm
from tests.invoke import invoke
from warmlens.records import Record, write_records
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

INPUT_PX = 128
# Of the baseline's processor time, to the first answer; in the same run, so that a slow or busy
# machine is slow for both. NumPy alone would take it beyond.
MAX_CPU_RATIO = 1 / 15
MAX_CPU_RATIO_TO_PLAIN_ONNX = 1 / 3
MAX_MEMORY_RATIO = 1 / 4

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    """One S3 with photos and models for all measurements of this module."""
    with running_harness(INPUT_PX) as made:
        yield made


def documents(records: Iterable[Record]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in write_records(list(records)).splitlines()]


def of(records: list[dict[str, Any]], metric: str, name: str = "ours") -> list[dict[str, Any]]:
    return [each for each in records if (each["metric"], each["name"]) == (metric, name)]


def test_a_cold_start_costs_a_small_part_of_the_baselines_processor_time(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "running_harness", lambda *_, **__: nullcontext(harness))
    picture = tmp_path / "cold.svg"
    options = ("--runs", "3", "--input-px", str(INPUT_PX), "--chart", str(picture), "--json")
    done = invoke(app, "bench", "cold", *options)
    assert done.exit_code == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    (cpu,) = of(records, "cold_start_cpu_s")
    assert cpu["samples"] == 3
    assert cpu["ratio"] <= MAX_CPU_RATIO
    assert cpu["ratios"]["plain-onnx"]["value"] <= MAX_CPU_RATIO_TO_PLAIN_ONNX
    assert {each["mode"] for each in records} == {"quick"}  # three starts are too few to keep
    for name in ("baseline", "plain-onnx", "ours"):
        (total,) = of(records, "cold_start_ms", name)
        stages = of(records, "cold_stage_ms", name)
        assert {"interpreter", "imports", "session", "decode", "inference"} <= {
            stage["conditions"]["stage"] for stage in stages if stage["value"] > 0
        }
        assert total["value"] > 0
    assert "<svg" in picture.read_text()


def test_an_instance_uses_a_small_part_of_the_baselines_memory_and_disk(harness: Harness) -> None:
    records = documents(measure_memory(harness, runs=1, isolation=best_isolation()))
    peaks = of(records, "peak_rss_mb")
    assert [each["conditions"]["megapixels_up_to"] for each in peaks] == sorted(SIZES)
    assert peaks[0]["ratio"] <= MAX_MEMORY_RATIO
    (installed,) = of(records, "installed_mb")
    assert installed["value"] < 150


def test_warm_calls_are_timed_on_each_photo_and_priced(harness: Harness) -> None:
    measured = measure_warm(harness, [MEMORY_MB_PER_VCPU], calls=5, isolation=best_isolation())
    records = documents(measured)
    assert [each["conditions"]["megapixels"] for each in of(records, "warm_ms")] == list(SIZES)
    for call, cost in zip(of(records, "warm_ms"), of(records, "cost_usd_per_million"), strict=True):
        assert call["samples"] == 5
        assert call["ratio"] < 1
        assert cost["value"] > 0.6  # the request and the GET alone


def test_the_classifier_alone_from_s3_with_a_dropped_page_cache(harness: Harness) -> None:
    case = Case(memory_mb=MEMORY_MB_PER_VCPU, page_cache="dropped", store="s3")
    alone = replace(harness, with_baseline=False)
    records = documents(measure_cold(alone, [case], runs=1, isolation=best_isolation()))
    assert {each["name"] for each in records} == {"ours"}
    assert not any("ratio" in each for each in records)
    (total,) = of(records, "cold_start_ms")
    assert (total["conditions"]["model_store"], total["conditions"]["page_cache"]) == (
        "s3",
        "dropped",
    )
