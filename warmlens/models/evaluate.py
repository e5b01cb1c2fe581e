"""How well a model file answers on photos of known classes."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmlens.models.errors import ModelError
from warmlens.models.manifest import InputSpec
from warmlens.models.model_packages import import_model_package
from warmlens.models.training.folder import Photo, read_test_photos
from warmlens.models.training.pixels import Geometry, read_pixels
from warmlens.models.verify import require_verified

CALIBRATION_BINS = 15
MAX_CELLS_WITH_NUMBERS = 30

Softmax = npt.NDArray[np.float32]
OnPhoto = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class ClassResult:
    """One class: its photos, the share that was recognised, and what it was most often taken for.

    ``precision`` is the share of right ones among the answers with this class, None without any.
    """

    id: str
    label: str
    photos: int
    recall: float
    precision: float | None
    taken_for: str | None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Measurements on one set of photos; ``confusion[i][j]`` counts photos of i answered with j.

    ``calibration_error`` is the expected calibration error: how far the softmax of the best class
    is from the share of right answers, over 15 equal bins, weighted by their photos.
    """

    data: str
    photos: int
    top1: float
    top5: float
    calibration_error: float
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...]


class ModelFile:
    """An ONNX file in the runtime that serves.

    Args:
        model: the file's content, or its path where its weights lie beside it.
        spec: the graph's input.
        optimized: whether the graph was optimized when it was made.

    Raises:
        ModelError: ``bad_model_file`` when the runtime cannot load it.
    """

    def __init__(self, model: bytes | Path, spec: InputSpec, *, optimized: bool = False) -> None:
        onnxruntime = import_model_package("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        # As in the service: on a busy machine a spinning thread costs more than it saves.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if optimized:
            level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.graph_optimization_level = level
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own types share no public base
            raise ModelError(
                "bad_model_file", f"ONNX Runtime cannot load the model file: {error}."
            ) from None
        self._input_name = spec.name
        self._geometry = geometry_of(spec)

    def softmax(self, pixels: npt.NDArray[np.uint8]) -> Softmax:
        """Return float32 [classes] for uint8 [height, width, 3]."""
        answer: Softmax = self._session.run(None, {self._input_name: pixels[np.newaxis]})[0][0]
        return answer

    def answer(self, photos: tuple[Photo, ...], on_photo: OnPhoto | None = None) -> Softmax:
        """Return float32 [photos, classes], each photo prepared as the service does."""
        rows = []
        for photo in photos:
            rows.append(self.softmax(read_pixels(photo.path, self._geometry)))
            if on_photo is not None:
                on_photo(len(rows), len(photos))
        return np.stack(rows)


def geometry_of(spec: InputSpec) -> Geometry:
    """Return how an image becomes this input."""
    return Geometry(spec.width, spec.height, spec.resize_shorter_side, spec.interpolation)


def evaluate_version(
    folder: Path, data: Path, on_photo: OnPhoto | None = None
) -> dict[str, Evaluation]:
    """Measure the model version in ``folder`` on each of ``data``'s test splits.

    ``data`` has the splits ``test`` and ``hard``, or class folders right away (``all``). A class
    without photos is allowed, a class that the model does not know is not.

    Raises:
        ModelError: what verifying raises, ``not_a_folder``, ``labels_mismatch``, ``no_images``,
            ``unreadable_photo`` or ``bad_model_file``.
    """
    manifest = require_verified(folder)
    names = json.loads((folder / manifest.files.labels.path).read_bytes())
    ids, labels = tuple(names["ids"]), tuple(names["labels"])
    path = folder / manifest.files.model.path
    model = ModelFile(path, manifest.input, optimized=manifest.optimization is not None)
    return {
        name: measure(name, model.answer(photos, on_photo), targets_of(photos), ids, labels)
        for name, photos in read_test_photos(data, ids).items()
    }


def measure(
    data: str,
    softmax: Softmax,
    targets: npt.NDArray[np.int64],
    ids: tuple[str, ...],
    labels: tuple[str, ...],
) -> Evaluation:
    """Compare answers, float32 [photos, classes], with the right classes, int64 [photos]."""
    best = softmax.argmax(1)
    # The place of the right class among all, the most probable first; ties count against it.
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
    )


def targets_of(photos: tuple[Photo, ...]) -> npt.NDArray[np.int64]:
    """Return the class of each photo."""
    return np.array([photo.target for photo in photos], np.int64)


def write_confusion(evaluation: Evaluation, path: Path) -> None:
    """Draw the confusion matrix as a PNG picture, in shares of each row."""
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
