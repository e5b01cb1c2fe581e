"""Versions with temperature and threshold, made from existing ones with the same weights."""

import dataclasses
import datetime
import json
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from training.calibration import Fit, OtherThings, fit, judge, labelled_photos, notes_on
from training.class_map import with_class_map
from training.evaluate import measure, targets_of
from training.imagenet_classes import Classes
from training.install import file_entry, install_version
from training.model_card import further_sections, model_card
from training.model_file import ModelFile, Softmax, open_model_file
from training.parity import SOFTMAX_TOLERANCE, parity_failed, preprocess, top5
from training.recognition import at_temperature
from training.temperature import scale_logits
from warmlens.errors import WarmlensError
from warmlens.paths import WEB
from warmlens.registry.manifest import MANIFEST_NAME, Files, Manifest, Metric, Parity, SampleAnswer
from warmlens.registry.manifest_file import manifest_errors
from warmlens.registry.verify import require_verified, sha256_of
from warmlens.text_files import read_text

CARD = "README.md"
COMPARED_PHOTOS = 200


@dataclasses.dataclass(frozen=True)
class CalibrationRequest:
    """The parameters of a calibration.

    Attributes:
        folder: folder of the existing version.
        version: the new version.
        data: folder of photos of its classes.
        out: folder of model versions.
        command: the command line, for the manifest.
        title: short name of what the model knows; None keeps the existing one.
        others: photos of other things.
    """

    folder: Path
    version: str
    data: Path
    out: Path
    command: str
    title: str | None = None
    others: OtherThings = dataclasses.field(default_factory=OtherThings)


def calibrate_version(
    request: CalibrationRequest,
    on_step: Callable[[str], None] = lambda step: None,
    say: Callable[[str], None] = lambda note: None,
) -> Manifest:
    """Make a version with temperature and threshold from an existing one.

    The graph changes, its weights do not; where it ends in average pooling and one layer, the new
    one also gives class-activation maps.

    Args:
        request: the request.
        on_step: called with the name of each step.
        say: called with sentences on the threshold.

    Raises:
        WarmlensError: what verifying raises, `same_version`, `no_images`, `labels_mismatch`,
            `too_few_others`, `unreadable_photo`, `no_softmax`, `parity_failed` or
            `version_differs`.
    """
    before = require_verified(request.folder)
    if request.version == before.version:
        raise WarmlensError(
            "same_version",
            f"{before.name} {before.version} exists, and a version never changes; give --as "
            "another number.",
        )
    names = json.loads((request.folder / before.files.labels.path).read_bytes())
    classes = Classes(tuple(names["ids"]), tuple(names["labels"]))
    own = labelled_photos(request.data, classes, before)
    foreign = request.others.read(classes.ids, classes.labels)
    already = before.recognition.temperature if before.recognition else 1.0
    on_step("choosing temperature and threshold")
    model = _open(before, request.folder)
    chosen = fit(model, own, foreign, already)
    contents = _contents(before, request.folder)
    path = before.files.model.path
    contents[path] = scale_logits(
        before.engine, contents[path], before.output.name, chosen.temperature / already
    )
    explain = None
    if before.engine == "onnxruntime":
        contents, explain = with_class_map(contents)
    on_step("judging them on other photos")
    with tempfile.TemporaryDirectory() as folder:
        for name, raw in contents.items():
            (Path(folder) / name).write_bytes(raw)
        scaled = _open(before, Path(folder))
        answers = scaled.answer(own.judging)
        recognition = judge(scaled, chosen, answers)
        parity = _parity(before, chosen, (model, scaled), already, classes)
    entries = {name: file_entry(name, raw) for name, raw in contents.items()}
    weights = before.files.weights
    with manifest_errors(f"{before.name}/{request.version}/{MANIFEST_NAME}"):
        manifest = Manifest.model_validate(
            {name: value for name, value in before if name != "schema_id"}
            | {
                "schema": before.schema_id,
                "version": request.version,
                "title": request.title or before.title,
                "files": Files(
                    model=entries[path],
                    weights=entries[weights.path] if weights else None,
                    labels=entries[before.files.labels.path],
                ),
                "metrics": (*_kept_metrics(before), _calibration_error(before, chosen, answers)),
                "parity": parity,
                "provenance": before.provenance.model_copy(
                    update={
                        "source": f"{before.name} {before.version} with temperature and threshold; "
                        f"the weights are its own: {before.provenance.source}",
                        "command": request.command,
                        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                    }
                ),
                "recognition": recognition,
                "explain": explain,
                "quantization": before.quantization
                and before.quantization.model_copy(
                    update={"data": f"{before.quantization.data}, before the temperature"}
                ),
            }
        )
    contents[CARD] = model_card(manifest, classes.labels, _further(request.folder / CARD)).encode()
    on_step("writing the version")
    install_version(request.out, manifest, contents)
    for note in notes_on(recognition, chosen):
        say(note)
    return manifest


def _further(card: Path) -> list[str]:
    """Return the card's sections on mistakes, which the temperature does not change, and notes."""
    return further_sections(read_text(card, "bad_notes")) if card.is_file() else []


def _open(manifest: Manifest, folder: Path) -> ModelFile:
    path = folder / manifest.files.model.path
    optimized = manifest.optimization is not None
    return open_model_file(manifest.engine, path, manifest.input, optimized=optimized)


def _contents(manifest: Manifest, folder: Path) -> dict[str, bytes]:
    """Return the content of a version's files by name, without its manifest and card.

    Files that the manifest does not name, such as a licence, are included.
    """
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in (MANIFEST_NAME, CARD)
    }


def _kept_metrics(before: Manifest) -> list[Metric]:
    """Return the figures that a temperature does not change."""
    return [metric for metric in before.metrics if "calibration_error" not in metric.name]


def _calibration_error(before: Manifest, chosen: Fit, answers: Softmax) -> Metric:
    own = chosen.own
    names = tuple(map(str, range(before.class_count)))
    found = measure(own.judging_split, answers, targets_of(own.judging), names, names)
    return Metric(
        name=f"{own.judging_split}_calibration_error",
        value=round(found.calibration_error, 4),
        data=own.judging_data,
        kind="measured",
        source=f"{before.files.model.path} ({before.precision}), with the temperature",
    )


def _parity(
    before: Manifest,
    chosen: Fit,
    models: tuple[ModelFile, ModelFile],
    already: float,
    classes: Classes,
) -> Parity:
    """Compare both files, the earlier one's softmax at the temperature of the new one."""
    factor = chosen.temperature / already
    expected = at_temperature(chosen.softmax[:COMPARED_PHOTOS], factor)
    actual = models[1].answer(chosen.own.choosing[:COMPARED_PHOTOS])
    samples = []
    old = before.parity
    for sample in old.samples if old else ():
        photo = WEB / "samples" / sample.file
        if photo.is_file() and sha256_of(photo) == sample.sha256:
            with Image.open(photo) as image:
                pixels = preprocess(image, before.input)
            (right,) = at_temperature(models[0].softmax(pixels)[np.newaxis], factor)
            expected = np.vstack([expected, right])
            actual = np.vstack([actual, models[1].softmax(pixels)])
            samples.append(
                SampleAnswer(file=sample.file, sha256=sample.sha256, top5=top5(right, classes))
            )
    engine = "PyTorch" if before.engine == "torch" else "ONNX Runtime"
    version = metadata.version("torch" if before.engine == "torch" else "onnxruntime")
    reference = (
        f"{before.name} {before.version} in {engine} {version}, its logits divided by {factor:.4g}"
    )
    if old is not None:
        reference += (
            f"; that version's parity: at most {old.max_abs_softmax_difference:g} from "
            f"{old.reference}"
        )
    parity = Parity(
        reference=reference,
        data=f"{len(expected) - len(samples)} photos that chose the temperature, and "
        f"{len(samples)} sample photos",
        images=len(expected),
        max_abs_softmax_difference=float(f"{float(np.abs(actual - expected).max()):.2g}"),
        tolerance=SOFTMAX_TOLERANCE,
        top1_agreement=float((actual.argmax(1) == expected.argmax(1)).mean()),
        samples=tuple(samples),
    )
    if parity.max_abs_softmax_difference > parity.tolerance or parity.top1_agreement < 1:
        raise parity_failed(parity)
    return parity
