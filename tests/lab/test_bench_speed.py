"""Records and tables of `python -m lab bench cold|warm|memory`."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from lab.bench.speed.chart import draw
from lab.bench.speed.cold import STAGES, stages_of
from lab.bench.speed.comparison import compared, plain_cell
from lab.bench.speed.memory import installed_mb
from lab.bench.speed.photos import SIZES, photo
from lab.bench.speed.process import Answer, Ready
from lab.bench.speed.warm import costs_of
from lab.markdown import ratio_cell
from warmlens.records import Record

ABOUT: dict[str, Any] = {
    "conditions": {},
    "command": "test",
    "metric": "cold_start_ms",
    "unit": "ms",
}


def warm_record(value_ms: float, memory_mb: int) -> Record:
    return Record(
        name="ours",
        metric="warm_ms",
        value=value_ms,
        unit="ms",
        kind="measured",
        conditions={"memory_mb": memory_mb},
        command="test",
        machine="",
        date="2026-11-24",
    )


def test_a_ratio_is_that_of_medians_and_nothing_is_left_out() -> None:
    baseline, ours = compared({"baseline": [10, 30, 20, 1000], "ours": [1, 2, 900]}, **ABOUT)
    assert (baseline.value, ours.value) == (25, 2)
    assert (baseline.ratio, ours.ratio) == (1, 0.08)
    assert (baseline.samples, ours.samples) == (4, 3)
    assert (ours.p99, ours.largest, ours.mean) == (None, 900, 301)


def test_one_sample_has_no_percentiles_and_no_interval() -> None:
    (only,) = compared({"baseline": [5]}, **ABOUT)
    assert (only.value, only.largest, only.ratio) == (5, 5, 1)
    assert (only.p95, only.p99, only.interval) == (None, None, None)


def test_each_ratio_is_named_after_its_baseline() -> None:
    turns = [1.0, 1.1, 0.9, 1.2, 1.0, 1.1, 1.0]
    taken = {"baseline": [20 * each for each in turns], "plain-onnx": [5 * each for each in turns]}
    *_, ours = compared({**taken, "ours": turns}, **ABOUT)
    assert ours.ratios is not None
    assert {name: each["value"] for name, each in ours.ratios.items()} == pytest.approx(
        {"baseline": 1 / 20, "plain-onnx": 1 / 5}
    )
    assert ours.ratio == pytest.approx(1 / 20)
    assert ratio_cell(ours, "baseline", inverse=True) == "1/20.0 (1/20.0 to 1/20.0)"
    assert plain_cell(ours) == "1/5.0 (1/5.0 to 1/5.0)"
    assert plain_cell(replace(ours, ratios=None)) == "not measured yet"


def test_without_a_baseline_there_is_no_ratio() -> None:
    (only,) = compared({"ours": [1, 2, 900]}, **ABOUT)
    assert (only.value, only.ratio, only.ratio_to) == (2, None, None)


def test_a_cost_is_of_whole_milliseconds_at_the_memory_size_with_one_get() -> None:
    (cost,) = costs_of([warm_record(99.2, 1024)], {"ours": [99.2]})
    assert cost.value == pytest.approx(100 * 0.0166667 + 0.2 + 0.4)
    assert cost.kind == "computed"
    assert (cost.ratio, cost.ratio_to, cost.ratios) == (None, None, None)


def test_a_cost_has_the_ratio_to_that_of_the_baseline_in_the_same_run() -> None:
    theirs = replace(warm_record(20, 1024), name="baseline")
    base, ours = costs_of([theirs, warm_record(10, 1024)], {"baseline": [20] * 3, "ours": [10] * 3})
    assert (ours.ratio_to, list(ours.ratios or {})) == ("baseline", ["baseline"])
    assert ours.ratio == pytest.approx(ours.value / base.value)


def test_a_cost_counts_the_calls_that_waited_for_their_processor_share() -> None:
    (cost,) = costs_of([warm_record(10, 1024)], {"ours": [10, 10, 10.5, 89]})
    assert cost.value == pytest.approx(30 * 0.0166667 + 0.2 + 0.4)


def test_the_photos_have_the_sizes_that_they_are_named_after() -> None:
    for megapixels in (0.3, 2):
        image = Image.open(io.BytesIO(photo(megapixels)))
        assert image.format == "JPEG"
        assert image.width * image.height / 1e6 == pytest.approx(megapixels, rel=0.03)
    width, height = SIZES[12]
    assert width * height == 12_000_000


def test_each_moment_of_a_cold_start_is_in_a_stage_with_a_name() -> None:
    ready = Ready(ms=90, interpreter_ms=17, stages_ms={"modules": 9, "session": 60}, cpu_s=0.1)
    first = Answer(
        ms=20,
        since_start_ms=112,
        stages_ms={"fetch": 2, "inference": 15},
        cpu_s=0.12,
        peak_rss_mb=80,
        top1="a",
    )
    stages = stages_of(ready, first)
    assert (stages["handover"], stages["request"]) == (6, 3)
    assert sum(stages.values()) == first.since_start_ms
    assert set(stages) <= set(STAGES)
    assert "other" not in STAGES


def test_the_chart_has_every_stage_of_each_implementation_and_case() -> None:
    records = [
        Record(
            name=name,
            metric="cold_stage_ms",
            value=10.0,
            unit="ms",
            kind="measured",
            conditions={
                "memory_mb": 768,
                "input_px": 224,
                "page_cache": "warm",
                "model_store": store,
                "stage": stage,
            },
            command="test",
            machine="",
            date="2026-11-24",
        )
        for name, store in (("baseline", "image"), ("ours", "image"), ("ours", "s3"))
        for stage in STAGES
    ]
    figure = Figure()
    draw(records, figure)
    assert [axes.get_title() for axes in figure.axes] == ["PyTorch", "ours"]
    for axes, cases in zip(figure.axes, (1, 2), strict=True):
        assert [bars.get_label() for bars in axes.containers] == list(STAGES)
        widths = [bar.get_width() for bars in axes.containers for bar in bars]
        assert widths == [10.0] * len(STAGES) * cases
        said = [text.get_text().strip() for text in axes.texts]
        assert said == [f"{10 * len(STAGES)} ms"] * cases


def test_installed_size_is_that_of_the_packages_and_of_what_they_need(tmp_path: Path) -> None:
    for name, needs, size in (("one", "two>=1", 1000), ("two", "", 500), ("other", "", 9000)):
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        requires = f"Requires-Dist: {needs}\n" if needs else ""
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{requires}"
        )
        (info / "RECORD").write_text(f"{name}.py,,\n")
        (tmp_path / f"{name}.py").write_bytes(b"#" * size)
    assert installed_mb(tmp_path, ["one"], with_needed=True) == pytest.approx(0.0015)
    assert installed_mb(tmp_path, ["one==1  # why"], with_needed=False) == pytest.approx(0.001)
