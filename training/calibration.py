"""Calibration of a model file: temperature and threshold, chosen on some photos, judged on others.

Photos of the model's own classes choose or judge, never both where there are two splits, and so do
photos of other things.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from training.dataset import Dataset, Photo, read_dataset, read_labelled_photos
from training.evaluate import targets_of
from training.foreign_photos import ForeignPhotos, read_foreign_photos
from training.imagenet_classes import Classes
from training.model_file import ModelFile, Softmax
from training.recognition import (
    LEAST_FOUND,
    MOST_REFUSED,
    area_under_curve,
    at_temperature,
    choose_threshold,
    fit_temperature,
)
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import Manifest, PhotoShare, Recognition
from warmlens.registry.shares import interval

FEW_PHOTOS = 100


@dataclasses.dataclass(frozen=True)
class OwnPhotos:
    """Labelled photos of a model's classes, which choose or judge, and their descriptions."""

    choosing: tuple[Photo, ...]
    judging: tuple[Photo, ...]
    choosing_data: str
    judging_data: str
    judging_split: str


@dataclasses.dataclass(frozen=True)
class OtherThings:
    """The user's choice of photos of other things; without folders, the project's own."""

    folders: tuple[Path, ...] = ()
    leave_out: tuple[str, ...] = ()

    def read(self, ids: Sequence[str], labels: Sequence[str]) -> ForeignPhotos:
        """Read them for a model of these classes, as `read_foreign_photos` does."""
        return read_foreign_photos(self.folders, self.leave_out, (*ids, *labels))


@dataclasses.dataclass(frozen=True)
class Fit:
    """A temperature and a threshold, and the photos that they were chosen on.

    `softmax` are the answers for the choosing photos, before the temperature.
    """

    temperature: float
    threshold: float
    own: OwnPhotos
    foreign: ForeignPhotos
    softmax: Softmax


def held_out(photos: Dataset) -> OwnPhotos:
    """Return the photos of a run's data that it was not trained on.

    The split val chooses, and test judges, or else hard; without them val does both.
    """
    return _own(photos.root, photos.splits, "the run's data")


def labelled_photos(folder: Path, classes: Classes, manifest: Manifest) -> OwnPhotos:
    """Read the photos of a folder that a version can be calibrated on.

    They are the splits val and test. Of class folders without splits, a version that was trained
    here takes the parts that training holds out, and any other one halves all photos.

    Raises:
        WarmlensError: `no_images`, `labels_mismatch`, or what reading the folder
            raises.
    """
    splits = read_labelled_photos(
        folder, classes.ids, ("val", "test", "hard", "all"), classes.labels
    )
    if "all" not in splits:
        return _own(folder, splits, f"the folder {folder.resolve().name}")
    if manifest.training is None:
        return _halves(folder, classes)
    dataset = read_dataset(folder)
    if dataset.ids != classes.ids:
        raise WarmlensError(
            "labels_mismatch",
            f"{folder} has {len(dataset.ids)} classes and the model {len(classes.ids)}; allowed: a "
            "folder for each class, as for its training, or the splits val and test.",
        )
    return _own(folder, dataset.splits, f"the folder {folder.resolve().name}")


def _halves(folder: Path, classes: Classes) -> OwnPhotos:
    found = read_labelled_photos(folder, classes.ids, ("all", "val", "test"), classes.labels)
    photos = sorted(
        (photo for split in found.values() for photo in split),
        key=lambda photo: (photo.target, photo.sha256),
    )
    halves = {"val": tuple(photos[::2]), "test": tuple(photos[1::2])}
    return _own(folder, halves, f"the folder {folder.resolve().name}, halved")


def imported_photos(
    given: tuple[Path, ...],
    classes: Classes,
    others: OtherThings,
    say: Callable[[str], None],
) -> OwnPhotos | None:
    """Return labelled photos among those given at an import, halved; None without any.

    Args:
        given: photos and folders.
        classes: of the model.
        others: the user's choice of other things, which needs labelled photos.
        say: called with the reason for None, where photos are given.

    Raises:
        WarmlensError: `bad_setting` for other things without labelled photos.
    """
    reason = "no photos are given"
    if given:
        reason = "a threshold needs one folder with a folder for each class"
    if len(given) == 1 and given[0].is_dir():
        try:
            return _halves(given[0], classes)
        except WarmlensError as error:
            reason = error.message
    if others != OtherThings():
        raise WarmlensError(
            "bad_setting", f"--others and --leave-out need --photos of classes: {reason}"
        )
    if given:
        say(f"The version has no threshold: {reason}")
    return None


def _own(folder: Path, splits: dict[str, tuple[Photo, ...]], where: str) -> OwnPhotos:
    val = splits.get("val", ())
    if not val:
        raise WarmlensError(
            "no_images",
            f"{folder} has no photos to choose a threshold on; allowed: {folder}/val/CLASS/*.jpg "
            f"and {folder}/test/CLASS/*.jpg, or {folder}/CLASS/*.jpg.",
        )
    chosen = f"{len(val)} photos of {where}, split val"
    for name in ("test", "hard"):
        if judging := splits.get(name, ()):
            data = f"{len(judging)} photos of {where}, split {name}"
            return OwnPhotos(val, judging, chosen, data, name)
    return OwnPhotos(val, val, chosen, f"{chosen}, which also chose the threshold", "val")


def fit(model: ModelFile, own: OwnPhotos, foreign: ForeignPhotos, already: float = 1.0) -> Fit:
    """Choose temperature and threshold for a model file.

    Args:
        model: the file to calibrate.
        own: photos of its classes.
        foreign: photos of other things.
        already: temperature that the file's logits are divided by already.

    Raises:
        WarmlensError: `unreadable_photo`.
    """
    softmax = model.answer(own.choosing)
    temperature = fit_temperature(softmax, targets_of(own.choosing))
    others = _answers(model, foreign.choosing)
    threshold = choose_threshold(
        at_temperature(softmax, temperature).max(1), at_temperature(others, temperature).max(1)
    )
    return Fit(float(f"{temperature * already:.4g}"), threshold, own, foreign, softmax)


def judge(model: ModelFile, chosen: Fit, own: Softmax) -> Recognition:
    """Return the manifest's description of a fit, judged on the photos that did not choose it.

    Args:
        model: the file with its temperature.
        chosen: the fit.
        own: the file's answers for the judging photos of its classes.

    Raises:
        WarmlensError: `unreadable_photo`.
    """
    scores, others = own.max(1), _answers(model, chosen.foreign.judging).max(1)
    foreign = f"photos of {chosen.foreign.description}"
    return Recognition(
        temperature=chosen.temperature,
        threshold=chosen.threshold,
        score="top1_softmax",
        kept=PhotoShare(
            share=round(float((scores >= chosen.threshold).mean()), 4),
            images=len(scores),
            data=chosen.own.judging_data,
        ),
        found=PhotoShare(
            share=round(float((others < chosen.threshold).mean()), 4),
            images=len(others),
            data=f"{len(others)} {foreign} that did not choose the threshold",
        ),
        auroc=round(area_under_curve(scores, others), 4),
        chosen_on=f"{chosen.own.choosing_data} and {len(chosen.foreign.choosing)} {foreign}"
        + (f", {len(chosen.foreign.left_out)} left out" if chosen.foreign.left_out else ""),
    )


def notes_on(recognition: Recognition, chosen: Fit) -> list[str]:
    """Return sentences on the limits of a threshold, for the user."""
    notes = []
    if left_out := chosen.foreign.left_out:
        named = ", ".join(sorted({photo.parent.name for photo in left_out}))
        notes.append(f"Left out of the other things, as they may be classes: {named}.")
    kept, found = recognition.kept, recognition.found
    if kept.share < 1 - MOST_REFUSED:
        notes.append(
            f"The threshold keeps {kept.share:.1%} of the model's own photos; the target is "
            f"{1 - MOST_REFUSED:.0%}. Validation photos taken on other days help."
        )
    if found.share < LEAST_FOUND:
        notes.append(
            f"The threshold finds {found.share:.1%} of the photos of other things; the target is "
            f"{LEAST_FOUND:.0%}. A class for other things helps (docs/models.md)."
        )
    if (count := len(chosen.own.choosing)) < FEW_PHOTOS:
        low, high = interval(kept.share, kept.images)
        notes.append(
            f"Only {count} photos chose the threshold: it keeps between {low:.0%} and "
            f"{high:.0%} of new photos, with 95 % confidence."
        )
    return notes


def _answers(model: ModelFile, photos: tuple[Path, ...]) -> Softmax:
    # Their class and hash are not read.
    return model.answer(tuple(Photo(path, 0, "") for path in photos))
