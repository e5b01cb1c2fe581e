"""`python -m lab bench cold|warm|memory` on real processes, and the budgets that follow from it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.bench.speed.photos import SIZES

# Of the baseline's processor time, to the first answer; in the same run, so that a slow or busy
# machine is slow for both. NumPy alone would take it beyond.
MAX_CPU_RATIO = 1 / 15
MAX_MEMORY_RATIO = 1 / 4

pytestmark = pytest.mark.timeout(900)


def bench(*arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "lab", "bench", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def of(records: list[dict[str, Any]], metric: str, name: str = "ours") -> list[dict[str, Any]]:
    return [each for each in records if (each["metric"], each["name"]) == (metric, name)]


def test_a_cold_start_costs_a_small_part_of_the_baselines_processor_time(tmp_path: Path) -> None:
    picture = tmp_path / "cold.svg"
    records = bench("cold", "--runs", "3", "--input-px", "128", "--chart", str(picture))
    (cpu,) = of(records, "cold_start_cpu_s")
    assert cpu["samples"] == 3
    assert cpu["ratio"] <= MAX_CPU_RATIO
    for name in ("baseline", "ours"):
        (total,) = of(records, "cold_start_ms", name)
        stages = of(records, "cold_stage_ms", name)
        assert {"interpreter", "imports", "session", "decode", "inference"} <= {
            stage["conditions"]["stage"] for stage in stages if stage["value"] > 0
        }
        assert total["value"] > 0
    assert "<svg" in picture.read_text()


def test_an_instance_uses_a_small_part_of_the_baselines_memory_and_disk() -> None:
    records = bench("memory", "--runs", "1", "--input-px", "128")
    peaks = of(records, "peak_rss_mb")
    assert [each["conditions"]["megapixels_up_to"] for each in peaks] == sorted(SIZES)
    assert peaks[0]["ratio"] <= MAX_MEMORY_RATIO
    (installed,) = of(records, "installed_mb")
    assert installed["value"] < 150


def test_warm_calls_are_timed_on_each_photo_and_priced() -> None:
    records = bench("warm", "--calls", "5", "--input-px", "128")
    assert [each["conditions"]["megapixels"] for each in of(records, "warm_ms")] == list(SIZES)
    for call, cost in zip(of(records, "warm_ms"), of(records, "cost_usd_per_million"), strict=True):
        assert call["samples"] == 5
        assert call["ratio"] < 1
        assert cost["value"] > 0.6  # the request and the GET alone


def test_the_model_from_s3_and_a_dropped_page_cache_are_told_apart() -> None:
    records = bench(
        "cold", "--runs", "1", "--store", "s3", "--page-cache", "dropped", "--input-px", "128"
    )
    (total,) = of(records, "cold_start_ms")
    assert (total["conditions"]["model_store"], total["conditions"]["page_cache"]) == (
        "s3",
        "dropped",
    )
