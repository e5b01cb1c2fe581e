"""The comparison of training modes on a tiny data set."""

import dataclasses
import itertools
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.invoke import invoke
from tests.training.conftest import SIZE, Trainer
from training.compare import Comparison, compare
from training.comparison_chart import write_chart
from training.comparison_records import (
    ALL_VARIANTS,
    VARIANTS,
    difference,
    hits,
    parse_variants,
    read_known,
    rows,
)
from training.config import parse_epochs
from training.photo_folder import read_photo_folder
from warmlens.cli import app
from warmlens.errors import WarmlensError
from warmlens.records import Record, read_records, write_records

EPOCHS = {"small-cnn": 2, "resnet50-head": 1, "resnet50-full": 1, "efficientnet-lite0-head": 1}
TRAINED = parse_variants(
    "small-cnn-plain,small-cnn-augmented,resnet50-head-plain,efficientnet-lite0-head-plain"
)


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
        "variants": TRAINED,
        **changes,
    }
    return Comparison(**values)


def with_groups(trainer: Trainer, to: Path) -> Path:
    """A copy of the photos with groups: one class is a package, two are of one coarse class."""
    shutil.copytree(trainer.photos, to)
    names = sorted(path.name for path in (to / "test").iterdir())
    groups = {
        name: {"coarse": "first" if name == names[0] else "others", "package": name == names[0]}
        for name in names
    }
    (to / "groups.json").write_text(json.dumps(groups))
    return to


def test_every_variant_is_trained_measured_and_drawn_and_no_run_is_repeated(
    trainer: Trainer, resnet_run: Path, small_run: Path, tmp_path: Path
) -> None:
    data = with_groups(trainer, tmp_path / "photos")
    assert read_photo_folder(data).unused == ()
    asked = comparison(trainer, resnet_run, tmp_path / "runs", data=data, runs=(small_run,))
    kept: list[list[Record]] = []
    records = compare(asked, keep=lambda each: kept.append(list(each)))
    assert [row.name for row in rows(records)] == [
        "own CNN", "own CNN, augmented", "own CNN, augmented", "ResNet50, last layer",
        "EfficientNet-Lite0, last layer",
    ]  # fmt: skip
    assert {row.stages for row in rows(records) if row.name.endswith("augmented")} == {
        "2 epochs at 64 px", f"8 epochs at {SIZE} px",
    }  # fmt: skip
    assert len(kept) == len(TRAINED) + 1
    assert all(len(fewer) < len(more) for fewer, more in itertools.pairwise(kept))

    # Every figure follows from the recorded answers.
    (photos,) = (each.conditions for each in records if each.metric == "test_photos")
    runs = [each for each in records if each.metric == "test_top1"]
    assert len(runs) == len(TRAINED) + 1
    for run in runs:
        answers = run.conditions["answers"]
        pairs = list(zip(photos["targets"], answers, strict=True))
        of_packages = [pair for pair in pairs if photos["packages"][pair[0]]]
        expected = {
            "test_top1": sum(a == b for a, b in pairs) / len(pairs),
            "test_packages_top1": sum(a == b for a, b in of_packages) / len(of_packages),
            "test_coarse_top1": sum(photos["coarse"][a] == photos["coarse"][b] for a, b in pairs)
            / len(pairs),
        }
        of_run = {key: value for key, value in run.conditions.items() if key != "answers"}
        recorded = {
            each.metric: each.value
            for each in records
            if each.metric.startswith("test_")
            and of_run.keys() <= each.conditions.keys()
            and each.conditions["variant"] == of_run["variant"]
            and each.conditions["stages"] == of_run["stages"]
        }
        assert recorded == {name: round(100 * share, 2) for name, share in expected.items()}

    # From a file of records, nothing is trained, even without the folders of the runs.
    file = tmp_path / "records.jsonl"
    file.write_text(write_records(records))
    assert read_known(file) == records
    again = comparison(trainer, resnet_run, tmp_path / "other", data=data, runs=(small_run,))
    assert compare(again, known=read_known(file)) == records
    assert not (tmp_path / "other").exists()

    # A finished run may be measured at another size, too.
    larger = compare(dataclasses.replace(again, run_size=2 * SIZE), known=records)
    assert compare(again, known=larger) == larger
    (added,) = {row.stages for row in rows(larger)} - {row.stages for row in rows(records)}
    assert added == f"8 epochs at {SIZE} px, measured at {2 * SIZE} px"

    chart = tmp_path / "chart.png"
    write_chart(records, chart)
    assert chart.read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_comparison_continues_with_the_runs_that_are_missing(
    trainer: Trainer, resnet_run: Path, tmp_path: Path
) -> None:
    small = parse_variants("small-cnn-plain,small-cnn-augmented")
    asked = comparison(trainer, resnet_run, tmp_path / "runs", variants=small[:1])
    first = compare(asked)
    (weights,) = (tmp_path / "runs").glob("*/best.safetensors")
    written = weights.stat().st_mtime_ns
    begun: list[str] = []
    both = compare(
        comparison(trainer, resnet_run, tmp_path / "runs", variants=small),
        on_run=lambda name, seed: begun.append(name),
        known=first,
    )
    assert begun == ["own CNN, augmented"]
    assert weights.stat().st_mtime_ns == written
    assert both[: len(first)] == first

    file = tmp_path / "records.jsonl"
    file.write_text(write_records(first))
    command = (
        f"model compare --data {trainer.photos} --out {tmp_path / 'runs'} --records {file} --json "
        f"--variants small-cnn-plain,small-cnn-augmented --seeds 1 --epochs small-cnn:2 "
        f"--precision fp32 --cache {trainer.cache}"
    )
    result = invoke(app, *shlex.split(command))
    assert result.exit_code == 0
    printed = read_records(result.stdout)
    assert printed == read_known(file)
    assert [(each.name, each.value) for each in printed] == [
        (each.name, each.value) for each in both
    ]
    assert weights.stat().st_mtime_ns == written
    # Without groups.json there are no groups.
    assert {each.metric.partition("_")[2] for each in both} == {"photos", "top1"}


def made(name: str, seed: int, answers: list[int], photos: dict[str, Any]) -> Record:
    right = hits(photos, answers)["top1"]
    return Record(
        name=name,
        metric="test_top1",
        value=100 * sum(right) / len(right),
        unit="%",
        kind="measured",
        conditions={
            "seed": seed, "stages": "1 epochs at 32 px", "size_px": 32, "photos": len(right),
            "answers": answers,
        },
        command="warmlens model compare",
        machine="a machine",
        date="2026-11-30",
    )  # fmt: skip


def test_intervals_are_over_photos_and_over_three_seeds_or_more() -> None:
    photos = {"targets": [0] * 50 + [1] * 50}
    about = Record(
        name="photos", metric="test_photos", value=100, unit="photos", kind="measured",
        conditions=photos, command="", machine="", date="2026-11-30",
    )  # fmt: skip
    good = [[0] * 50 + [1] * right + [0] * (50 - right) for right in (30, 40, 50)]
    bad = [0] * 60 + [1] * 40
    records = [about, *(made("own CNN", seed, each, photos) for seed, each in enumerate(good))]
    records.append(made("ResNet50, whole", 0, bad, photos))
    own, resnet = rows(records)
    assert own.figures["test_top1"].mean == 90
    # Clopper and Pearson's interval of 90 of 100; Student's t with two degrees of freedom, 4.303.
    assert own.figures["test_top1"].over_photos == pytest.approx((82.38, 95.10), abs=0.01)
    assert own.figures["test_top1"].over_seeds == pytest.approx((65.16, 100), abs=0.01)
    assert resnet.figures["test_top1"].over_seeds is None
    # Ten photos differ by 1, ten by -1/3 and ten by -2/3: a variance of 15.56 / 99.
    mean, (low, high) = difference(own, resnet, "test_top1")
    assert mean == pytest.approx(0)
    assert (low, high) == pytest.approx((-7.77, 7.77), abs=0.01)


def test_variants_are_named_on_the_command_line() -> None:
    assert parse_variants(None) == VARIANTS
    assert [each.name for each in parse_variants("resnet50-full-plain,small-cnn-augmented")] == [
        "ResNet50, whole", "own CNN, augmented",
    ]  # fmt: skip
    assert len({each.slug for each in ALL_VARIANTS}) == len(ALL_VARIANTS)


@pytest.mark.parametrize("name", ["resnet50-full", "pretrain-plain", "distill-augmented"])
def test_a_variant_that_is_no_classifier_is_refused(name: str) -> None:
    with pytest.raises(WarmlensError, match=f'variants has "{name}"; allowed: small-cnn-p') as one:
        parse_variants(name)
    assert "distill" not in one.value.message.partition("allowed")[2]


def test_records_of_other_photos_and_unfinished_runs_are_refused(
    trainer: Trainer, resnet_run: Path, small_run: Path, tmp_path: Path
) -> None:
    one = parse_variants("small-cnn-plain")
    records = compare(comparison(trainer, resnet_run, tmp_path / "runs", variants=one))
    fewer = tmp_path / "fewer"
    shutil.copytree(trainer.photos, fewer)
    next((fewer / "test").rglob("*.jpg")).unlink()
    with pytest.raises(WarmlensError, match="records are of other photos"):
        compare(comparison(trainer, resnet_run, tmp_path, data=fewer, variants=one), known=records)
    with pytest.raises(WarmlensError, match="was trained on other photos"):
        compare(comparison(trainer, resnet_run, tmp_path, data=fewer, runs=(small_run,), seeds=0))
    with pytest.raises(WarmlensError, match="do not say which photos"):
        compare(comparison(trainer, resnet_run, tmp_path, variants=one), known=records[1:])
    cut = tmp_path / "cut"
    shutil.copytree(small_run, cut)
    history = (small_run / "history.jsonl").read_text().splitlines(keepends=True)
    (cut / "history.jsonl").write_text("".join(history[:-1]))
    run = json.loads((cut / "run.json").read_text())
    run["settings"]["patience"] = 0
    (cut / "run.json").write_text(json.dumps(run))
    with pytest.raises(WarmlensError, match="7 of 8 epochs"):
        compare(comparison(trainer, resnet_run, tmp_path, runs=(cut,), seeds=0))
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(WarmlensError, match="no records of a comparison"):
        read_known(tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "not such an object"),
        ("{", "not such an object"),
        ('{"disc": {"coarse": "round"}}', "not such an object"),
        ('{"disc": {"coarse": "round", "package": 1}}', "another type"),
        ('{"disc": {"coarse": "round", "package": true}}', "is missing"),
    ],
)
def test_groups_that_cannot_be_read_are_refused_before_training(
    trainer: Trainer, resnet_run: Path, tmp_path: Path, text: str, problem: str
) -> None:
    data = tmp_path / "photos"
    shutil.copytree(trainer.photos, data)
    (data / "groups.json").write_text(text)
    with pytest.raises(WarmlensError, match=problem) as refused:
        compare(comparison(trainer, resnet_run, tmp_path / "runs", data=data))
    assert refused.value.code == "bad_groups"
    assert not (tmp_path / "runs").exists()


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


@pytest.mark.parametrize(
    "text", ["small-cnn", "small-cnn:0", "small-cnn:x", "cnn:3", "pretrain:3", "distill:3", ":"]
)
def test_epochs_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(WarmlensError, match="epochs is"):
        parse_epochs(text)


def test_epochs_are_read_by_mode() -> None:
    assert parse_epochs("") == {}
    assert parse_epochs("small-cnn:3,resnet50-full:6") == {"small-cnn": 3, "resnet50-full": 6}
