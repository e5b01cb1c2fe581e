"""Definitions of an evaluation's metrics."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.conftest import Exported
from training.evaluate import evaluate_version, measure, write_confusion
from warmlens.errors import WarmlensError

IDS = tuple("abcdef")
LABELS = tuple("ABCDEF")


def test_the_figures_are_right_on_answers_that_can_be_counted_by_hand() -> None:
    softmax = np.array(
        [
            [0.9, 0.02, 0.02, 0.02, 0.02, 0.02],  # a, rightly
            [0.3, 0.25, 0.2, 0.15, 0.06, 0.04],  # b taken for a
            [0.3, 0.25, 0.2, 0.15, 0.06, 0.04],  # f in the last place
        ],
        np.float32,
    )
    result = measure("test", softmax, np.array([0, 1, 5]), IDS, LABELS)
    assert (result.photos, result.top1, result.top5) == (3, 1 / 3, 2 / 3)
    # One bin says 0.9 and is right, the other says 0.3 for two and is never right.
    assert result.calibration_error == pytest.approx((0.1 * 1 + 0.3 * 2) / 3)
    assert result.confusion[0] == (1, 0, 0, 0, 0, 0)
    assert result.confusion[1] == result.confusion[5] == (1, 0, 0, 0, 0, 0)
    first, second, third = result.classes[:3]
    assert (first.recall, first.precision, first.taken_for) == (1.0, 1 / 3, None)
    assert (second.recall, second.precision, second.taken_for) == (0.0, None, "A")
    assert (third.photos, third.precision) == (0, None)


def test_a_version_is_measured_on_its_held_out_splits(int8_version: Exported, photos: Path) -> None:
    results = evaluate_version(int8_version.folder, photos)
    metrics = {metric.name: metric.value for metric in int8_version.manifest.metrics}
    assert [result.photos for result in results.values()] == [30, 15]
    for split, result in results.items():
        assert result.top1 == pytest.approx(metrics[f"{split}_top1_accuracy"], abs=1e-4)
        assert result.calibration_error == pytest.approx(
            metrics[f"{split}_calibration_error"], abs=1e-4
        )


def test_class_folders_without_splits_are_measured_as_one(
    int8_version: Exported, photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos / "hard", tmp_path / "mine")
    shutil.rmtree(tmp_path / "mine" / "disc")
    results = evaluate_version(int8_version.folder, tmp_path / "mine")
    assert list(results) == ["all"]
    assert results["all"].classes[0].photos == 0


def test_a_class_that_the_model_does_not_know_is_refused(
    int8_version: Exported, photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos / "hard", tmp_path / "mine")
    (tmp_path / "mine" / "disc").rename(tmp_path / "mine" / "star")
    with pytest.raises(WarmlensError, match=r'the class "star".*allowed: disc, square') as refused:
        evaluate_version(int8_version.folder, tmp_path / "mine")
    assert refused.value.code == "labels_mismatch"


def test_a_version_whose_labels_do_not_fit_is_refused(
    int8_version: Exported, photos: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(int8_version.folder, tmp_path / "shapes" / "1.0.0")
    (folder / "labels.json").write_text(json.dumps({"ids": ["disc"], "labels": ["disc"]}))
    with pytest.raises(WarmlensError, match=r"labels\.json has .* bytes") as refused:
        evaluate_version(folder, photos)
    assert refused.value.code == "wrong_bytes"


def test_the_confusion_matrix_is_drawn(
    int8_version: Exported, photos: Path, tmp_path: Path
) -> None:
    result = evaluate_version(int8_version.folder, photos)["test"]
    write_confusion(result, tmp_path / "confusion.png")
    with Image.open(tmp_path / "confusion.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
