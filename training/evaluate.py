"""Evaluation of a model version on labelled photos: accuracy, calibration, confusion matrix."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.dataset import Photo, read_test_photos
from training.model_file import OnPhoto, Softmax, open_model_file
from training.model_packages import import_model_package
from warmlens.registry.verify import require_verified

CALIBRATION_BINS = 15
MAX_CELLS_WITH_NUMBERS = 30


@dataclasses.dataclass(frozen=True)
class ClassResult:
    """The results for one class.

    `recall` is the share of its photos that were recognised, `precision` the share of right answers
    among those with this class (None without any), and `taken_for` the class that its photos were
    most often mistaken for.
    """

    id: str
    label: str
    photos: int
    recall: float
    precision: float | None
    taken_for: str | None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The results on one set of photos; `confusion[i][j]` counts photos of i answered with j.

    `calibration_error` is the expected calibration error: the distance of the best class's softmax
    from the share of right answers, over 15 equal bins, weighted by their photos. `recognized` is
    the share of photos at or above the version's threshold, None if it has none.
    """

    data: str
    photos: int
    top1: float
    top5: float
    calibration_error: float
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...]
    recognized: float | None = None


def evaluate_version(
    folder: Path, data: Path, on_photo: OnPhoto | None = None
) -> dict[str, Evaluation]:
    """Evaluate a model version on each test split of a folder of photos.

    Args:
        folder: the version's folder.
        data: folder with the splits `test` and `hard`, or with class folders (`all`). A class
            without photos is allowed, a class that the model does not know is not.
        on_photo: called after each photo.

    Raises:
        WarmlensError: what verifying raises, `not_a_folder`, `labels_mismatch`, `no_images`,
            `unreadable_photo` or `bad_model_file`.
    """
    manifest = require_verified(folder)
    names = json.loads((folder / manifest.files.labels.path).read_bytes())
    ids, labels = tuple(names["ids"]), tuple(names["labels"])
    path = folder / manifest.files.model.path
    optimized = manifest.optimization is not None
    model = open_model_file(manifest.engine, path, manifest.input, optimized=optimized)
    threshold = manifest.recognition.threshold if manifest.recognition else None
    return {
        name: measure(
            name, model.answer(photos, on_photo), targets_of(photos), ids, labels, threshold
        )
        for name, photos in read_test_photos(data, ids).items()
    }


def measure(
    data: str,
    softmax: Softmax,
    targets: npt.NDArray[np.int64],
    ids: tuple[str, ...],
    labels: tuple[str, ...],
    threshold: float | None = None,
) -> Evaluation:
    """Compute the metrics of answers for labelled photos.

    Args:
        data: name of the set of photos.
        softmax: float32 [photos, classes].
        targets: int64 [photos].
        ids: ids of the classes.
        labels: names of the classes.
        threshold: least softmax of a recognized photo.
    """
    best = softmax.argmax(1)
    # The rank of the right class by probability; ties count against it.
    right = softmax[np.arange(len(targets)), targets]
    place = (softmax >= right[:, np.newaxis]).sum(1)
    confusion = np.zeros((len(ids), len(ids)), np.int64)
    np.add.at(confusion, (targets, best), 1)
    return Evaluation(
        data=data,
        photos=len(targets),
        top1=float((best == targets).mean()),
        top5=float((place <= 5).mean()),
        calibration_error=_calibration_error(softmax.max(1), best == targets),
        classes=tuple(_class_result(i, confusion, ids, labels) for i in range(len(ids))),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        recognized=None if threshold is None else float((softmax.max(1) >= threshold).mean()),
    )


def targets_of(photos: tuple[Photo, ...]) -> npt.NDArray[np.int64]:
    """Return the class of each photo, int64."""
    return np.array([photo.target for photo in photos], np.int64)


def write_confusion(evaluation: Evaluation, path: Path) -> None:
    """Draw the confusion matrix as a PNG file, in shares of each row."""
    figure_module = import_model_package("matplotlib.figure")
    counts = np.array(evaluation.confusion)
    count = len(counts)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(24.0, 3 + 0.32 * count)
    figure = figure_module.Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.6, label="share of the class's photos")
    if count <= MAX_CELLS_WITH_NUMBERS:
        names = [result.label for result in evaluation.classes]
        axes.set_xticks(range(count), names, rotation=90, fontsize=7)
        axes.set_yticks(range(count), names, fontsize=7)
        for row, column in zip(*np.nonzero(counts), strict=True):
            dark = shares[row, column] > 0.5
            axes.text(
                column,
                row,
                int(counts[row, column]),
                ha="center",
                va="center",
                fontsize=6,
                color="white" if dark else "black",
            )
    axes.set(
        xlabel="answered",
        ylabel="right",
        title=f"{evaluation.data}: {evaluation.photos} photos, top-1 {evaluation.top1:.1%}",
    )
    figure.savefig(path, dpi=110)


def _calibration_error(confidence: npt.NDArray[np.float32], right: npt.NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    error = 0.0
    for index in np.unique(bins):
        chosen = bins == index
        error += float(chosen.mean() * abs(confidence[chosen].mean() - right[chosen].mean()))
    return error


def _class_result(
    index: int, confusion: Any, ids: tuple[str, ...], labels: tuple[str, ...]
) -> ClassResult:
    photos, answers = int(confusion[index].sum()), int(confusion[:, index].sum())
    wrong = confusion[index].copy()
    wrong[index] = 0
    return ClassResult(
        id=ids[index],
        label=labels[index],
        photos=photos,
        recall=float(confusion[index, index] / photos) if photos else 0.0,
        precision=float(confusion[index, index] / answers) if answers else None,
        taken_for=labels[int(wrong.argmax())] if wrong.any() else None,
    )
