"""The comparison of training modes on a tiny data set."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import SIZE, Trainer
from training.compare import (
    VARIANTS,
    Comparison,
    compare,
    summary,
    write_chart,
)
from training.config import parse_epochs
from warmlens.errors import WarmlensError
from warmlens.records import Record, read_records, write_records

EPOCHS = {"small-cnn": 2, "resnet50-head": 1, "resnet50-full": 1}


def comparison(trainer: Trainer, resnet_run: Path, out: Path, **changes: object) -> Comparison:
    values: dict[str, Any] = {
        "data": trainer.photos,
        "pretrained": str(resnet_run),
        "out": out,
        "seeds": 1,
        "size": SIZE,
        "epochs": EPOCHS,
        "command": "warmlens model compare",
        "cache": trainer.cache,
        "precision": "fp32",
        **changes,
    }
    return Comparison(**values)


def test_every_way_is_trained_measured_and_drawn_and_a_second_run_trains_nothing_again(
    trainer: Trainer, resnet_run: Path, tmp_path: Path
) -> None:
    asked = comparison(trainer, resnet_run, tmp_path / "runs")
    records = compare(asked)
    assert [record.name for record in records if record.metric == "test_top1"] == [
        variant.name for variant in VARIANTS
    ]
    assert all(0 <= record.value <= 100 and record.unit == "%" for record in records)
    assert {record.kind for record in records} == {"measured"}
    assert all(record.machine and record.conditions["photos"] for record in records)
    assert [record.conditions["epochs"] for record in records if "test" in record.metric] == [
        2, 1, 1, 1, 1,
    ]  # fmt: skip

    weights = sorted((tmp_path / "runs").glob("*/best.safetensors"))
    assert len(weights) == len(VARIANTS)
    written = [path.stat().st_mtime_ns for path in weights]
    assert [record.value for record in compare(asked)] == [record.value for record in records]
    assert [path.stat().st_mtime_ns for path in weights] == written

    chart = tmp_path / "chart.png"
    write_chart(records, chart)
    assert chart.read_bytes().startswith(b"\x89PNG")
    assert read_records(write_records(records)) == records


def test_the_summary_has_mean_and_spread_over_the_seeds() -> None:
    records = [
        Record(
            name=variant.name,
            metric="test_top1",
            value=value,
            unit="%",
            kind="measured",
            command="warmlens model compare",
            machine="a machine",
            date="2026-11-24",
        )
        for variant in VARIANTS
        for value in (10.0, 20.0, 60.0)
    ]
    rows = list(summary(records))
    assert rows[0] == ("own CNN", "test_top1", 30.0, 10.0, 60.0, 3)
    assert len(rows) == len(VARIANTS)


def test_photos_without_a_test_split_are_refused(
    trainer: Trainer, resnet_run: Path, tmp_path: Path
) -> None:
    data = tmp_path / "photos"
    for split in ("train", "val"):
        shutil.copytree(trainer.photos / split, data / split)
    with pytest.raises(WarmlensError) as refused:
        compare(comparison(trainer, resnet_run, tmp_path / "runs", data=data))
    assert refused.value.code == "data_missing"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("text", ["small-cnn", "small-cnn:0", "small-cnn:x", "cnn:3", ":"])
def test_epochs_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(WarmlensError, match="epochs is"):
        parse_epochs(text)


def test_epochs_are_read_by_mode() -> None:
    assert parse_epochs("") == {}
    assert parse_epochs("small-cnn:3,resnet50-full:6") == {"small-cnn": 3, "resnet50-full": 6}
