"""Answers of the shipped models to photos of groceries, as records: right, wrong or not sure."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.everyday import OWN_GROCERIES
from lab.intervals import share_interval
from lab.markdown import listed, measured_by, wrapped
from lab.shipped_models import SHIPPED
from training.dataset import Photo, hashed_photos, read_labelled_photos
from training.evaluate import targets_of
from training.model_file import Softmax, open_model_file
from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.records import Record, machine, today
from warmlens.registry.manifest import Manifest
from warmlens.registry.manifest_file import read_manifest

COMMAND = "python -m lab grocery-answers photos/groceries"
GROCERIES, BANANA = "groceries-lite2", "Banana"

_NAMES_OF_BANANAS = {BANANA, OWN_GROCERIES[BANANA]}

Chosen = npt.NDArray[np.bool_]


def measure_grocery_answers(data: Path) -> Iterator[Record]:
    """Yield the shares of photos that the shipped models answer right, wrong or not at all.

    `groceries-lite2` gets the validation and test photos of its data set, every model the test
    photos of bananas.

    Args:
        data: the folder that `python -m lab groceries` made.

    Raises:
        WarmlensError: `no_images` for a folder without one of these, or what reading it raises.
    """
    for name, version in SHIPPED:
        folder = MODEL_ARTIFACTS / name / version
        manifest = read_manifest(folder)
        ids = json.loads((folder / manifest.files.labels.path).read_bytes())["ids"]
        if name == GROCERIES:
            photos = read_labelled_photos(data, tuple(ids), ("val", "test"))
            for split, named in (("val", "validation"), ("test", "test")):
                if split not in photos:
                    raise WarmlensError("no_images", f"{data} has no photos in {split}.")
                answers = _answers(folder, manifest, photos[split])
                right = answers.argmax(1) == targets_of(photos[split])
                yield from outcomes(name, named, right, _refused(manifest, answers))
        bananas = _bananas(data)
        answers = _answers(folder, manifest, bananas)
        known = [number for number, each in enumerate(ids) if each in _NAMES_OF_BANANAS]
        right = np.isin(answers.argmax(1), known)
        yield from outcomes(name, "bananas", right, _refused(manifest, answers))


def _bananas(data: Path) -> tuple[Photo, ...]:
    paths = sorted((data / "test" / BANANA).glob("*.jpg"))
    if not paths:
        raise WarmlensError("no_images", f"{data} has no photos in test/{BANANA}.")
    return hashed_photos([(path, 0) for path in paths])


def _answers(folder: Path, manifest: Manifest, photos: Sequence[Photo]) -> Softmax:
    model = open_model_file(
        manifest.engine,
        folder / manifest.files.model.path,
        manifest.input,
        optimized=manifest.optimization is not None,
    )
    return model.answer(tuple(photos))


def _refused(manifest: Manifest, answers: Softmax) -> Chosen:
    threshold = manifest.recognition.threshold if manifest.recognition else 0.0
    refused: Chosen = answers.max(1) < threshold
    return refused


def outcomes(name: str, photos: str, right: Chosen, refused: Chosen) -> Iterator[Record]:
    """Yield the shares of right, wrong and refused answers to photos.

    Args:
        name: the model.
        photos: what they are.
        right: bool [photos], whether the first class is right, refused or not.
        refused: bool [photos].
    """
    for metric, among, counted in (
        ("right_share", np.ones_like(right), right & ~refused),
        ("wrong_share", np.ones_like(right), ~right & ~refused),
        ("refused_share", np.ones_like(right), refused),
        ("right_share_of_recognized", ~refused, right),
        ("wrong_share_of_refused", refused, ~right),
        ("refused_share_of_wrong", ~right, refused),
    ):
        of = int(among.sum())
        if of:
            count = int((counted & among).sum())
            yield Record(
                name=name,
                metric=metric,
                value=count / of,
                unit="1",
                kind="measured",
                conditions={"photos": photos, "count": count},
                command=COMMAND,
                machine=machine(),
                date=today(),
                samples=of,
                interval=share_interval(count, of),
            )


def bananas(records: Sequence[Record]) -> str:
    """Return how often each model is right, wrong or not sure of bananas, as a list."""
    lines = []
    for name, _ in SHIPPED:
        counts = [
            f"{_of(records, name, 'bananas', metric).conditions['count']} {said}"
            for metric, said in (
                ("right_share", "right"),
                ("wrong_share", "wrong"),
                ("refused_share", "not sure"),
            )
        ]
        lines.append(f"`{name}`: {', '.join(counts)}")
    photos = _of(records, GROCERIES, "bananas", "right_share").samples
    intro = (
        f"{measured_by(records)}: answers to the {photos} test photos of bananas in the [Grocery "
        "Store data set](#networks-on-real-photos)."
    )
    return f"{wrapped(intro)}\n\n{listed(*lines)}"


def refused_by_threshold(records: Sequence[Record]) -> str:
    """Return what the groceries' threshold refuses, as a paragraph."""
    own = _share(records, "validation", "refused_share")
    wrong = _share(records, "test", "wrong_share_of_refused")
    return wrapped(
        f"`{GROCERIES}` refuses {own} validation photos, far fewer than of its test photos. It "
        f"would have answered {wrong} refused test photos wrong."
    )


def recognized(records: Sequence[Record]) -> str:
    """Return how good the groceries' recognized answers are, as a paragraph."""
    right = _share(records, "test", "right_share_of_recognized")
    found = _share(records, "test", "refused_share_of_wrong")
    return wrapped(
        f"Of its answers to test photos that it recognizes, {right} are right. Of its wrong "
        f"answers to test photos, it refuses {found}."
    )


def _share(records: Sequence[Record], photos: str, metric: str) -> str:
    found = _of(records, GROCERIES, photos, metric)
    low, high = (100 * each for each in found.interval or (found.value, found.value))
    return f"{100 * found.value:.1f} % ({low:.1f} to {high:.1f}) of {found.samples:,}"


def _of(records: Sequence[Record], name: str, photos: str, metric: str) -> Record:
    (found,) = (
        each
        for each in records
        if (each.name, each.metric, each.conditions["photos"]) == (name, metric, photos)
    )
    return found
