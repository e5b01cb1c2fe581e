"""Export of a training run as a model version: model file, labels, manifest and card."""

import dataclasses
import datetime
import platform
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from training.calibration import Fit, OtherThings, fit, held_out, judge, notes_on
from training.class_map import with_class_map
from training.dataset import Dataset, Photo, read_dataset
from training.evaluate import Evaluation, measure, targets_of
from training.groups import Groups, read_groups
from training.history import read_history
from training.install import file_entry, install_version, labels_json
from training.licence_text import licence_file
from training.mistakes import mistakes
from training.model_card import card_notes, model_card
from training.model_file import ModelFile, Softmax, open_model_file
from training.networks import normalization_of
from training.onnx_export import (
    GRAPH_FILE,
    WEIGHTS_FILE,
    GraphSpec,
    export_classifier,
    optimization,
    optimize,
)
from training.parity import Reference, export_parity, parity_failed
from training.pixels import Pixels, read_pixels, square
from training.quantize import method, quantize_classifier
from training.run_folder import RunFolder, RunRecord
from training.temperature import scale_logits
from training.torch_export import PROGRAM_FILE, export_program
from training.train import best_network
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import (
    SCHEMA_ID,
    Engine,
    Files,
    InputSpec,
    Manifest,
    Metric,
    Normalization,
    OutputSpec,
    Parity,
    Precision,
    Provenance,
    Quantization,
    Recognition,
    Training,
)
from warmlens.registry.manifest_file import manifest_errors

CALIBRATION_IMAGES = 256
PARITY_IMAGES = 500
LABELS_FILE = "labels.json"
VERSIONED_PACKAGES = (
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pillow",
    "torch",
    "torchvision",
)


@dataclasses.dataclass(frozen=True)
class ExportRequest:
    """The parameters of an export.

    Attributes:
        run: folder of the run.
        name: name of the model.
        version: the new version.
        precision: precision of the model file.
        out: folder of model versions.
        command: the command line, for the manifest.
        licence: licence of the weights, for the manifest.
        source: source of the weights, for the manifest; None describes the run.
        data: folder of the run's photos; None is the folder that the run used.
        size: side of the input in pixels; None is that of the run's last stage.
        optimize: True optimizes the graph at export, instead of in each instance that loads
            it, and its weights put into a file of their own; None does so for int8. An optimized
            fp32 graph loads in a tenth of the time but lacks the layout that the runtime would
            choose for its processor, and answers a quarter slower.
        engine: runtime that serves the version; `torch` takes fp32 and no `optimize`.
        card_notes: file of Markdown for the model card; None adds nothing.
        licence_text: file of licence texts for the version's LICENSE; None adds nothing.
        title: short name of what the model knows, for the manifest.
        others: photos of other things, for the threshold.
    """

    run: Path
    name: str
    version: str
    precision: Precision
    out: Path
    command: str
    licence: str
    source: str | None = None
    data: Path | None = None
    size: int | None = None
    optimize: bool | None = None
    engine: Engine = "onnxruntime"
    card_notes: Path | None = None
    licence_text: Path | None = None
    title: str | None = None
    others: OtherThings = dataclasses.field(default_factory=OtherThings)


def export_run(
    request: ExportRequest,
    on_step: Callable[[str], None] = lambda step: None,
    say: Callable[[str], None] = lambda note: None,
) -> Manifest:
    """Export the best weights of a run to `<out>/<name>/<version>/`, atomically.

    Args:
        request: the request.
        on_step: called with the name of each step.
        say: called with sentences on the threshold.

    Raises:
        WarmlensError: `no_run`, `run_unfinished`, `other_data` when the photos are not those
            of the run, `bad_setting`, `parity_failed`, `version_differs`, or what verifying
            raises.
    """
    _check(request)
    notes = [] if request.card_notes is None else [card_notes(request.card_notes)]
    engine = request.engine
    run = RunFolder(request.run)
    record = run.read()
    licence = licence_file(record, request.licence_text)
    network = best_network(run)
    photos = _photos_of(record, request.data)
    groups = read_groups(photos.root, record.ids)
    own, foreign = held_out(photos), request.others.read(record.ids, record.labels)
    spec = input_spec(request.size or record.config.final_size, record.config.architecture)
    on_step("exporting")
    graph = GraphSpec(
        spec.width, spec.height, len(record.ids), spec.normalization.mean, spec.normalization.std
    )
    export = export_program if engine == "torch" else export_classifier
    files = {"fp32": export(network, graph)}
    if request.precision == "int8":
        on_step("quantizing to int8")
        files["int8"] = quantize_classifier(
            files["fp32"], spec.name, _calibration_pixels(photos, spec)
        )
    on_step("choosing temperature and threshold")
    chosen = fit(open_model_file(engine, files[request.precision], spec), own, foreign)
    files = {
        precision: scale_logits(engine, raw, graph.output_name, chosen.temperature)
        for precision, raw in files.items()
    }
    on_step("comparing the export with PyTorch")
    parity = _parity(files["fp32"], network, spec, photos, request, chosen.temperature)
    optimized = request.precision == "int8" if request.optimize is None else request.optimize
    model = model_files(files[request.precision], engine, optimized)
    model, explain = with_class_map(model) if engine == "onnxruntime" else (model, None)
    on_step("evaluating on the test photos")
    answers = {
        precision: _answers(open_model_file(engine, raw, spec), photos)
        for precision, raw in files.items()
        if precision != request.precision
    }
    answers[request.precision], recognition = _answers_of(
        model, engine, spec, photos, optimized, chosen
    )
    labels = labels_json(record.ids, record.labels)
    contents = {**model, LABELS_FILE: labels, **licence}
    with manifest_errors(f"{request.name}/{request.version}/manifest.json"):
        manifest = Manifest(
            schema=SCHEMA_ID,
            name=request.name,
            version=request.version,
            title=request.title,
            architecture=record.config.architecture,
            engine=engine,
            precision=request.precision,
            input=spec,
            output=OutputSpec(name=graph.output_name),
            class_count=len(record.ids),
            files=version_files(contents),
            metrics=_metrics(run, record, photos, answers, request),
            parity=parity,
            provenance=Provenance(
                source=request.source or _source(record),
                licence=request.licence,
                command=request.command,
                date=datetime.datetime.now(datetime.UTC).date().isoformat(),
                versions=_versions(),
            ),
            recognition=recognition,
            explain=explain,
            optimization=optimization() if optimized else None,
            quantization=_quantization(files, photos, answers),
            training=_training(run, record),
        )
    contents["README.md"] = model_card(
        manifest,
        record.labels,
        (_mistakes(record, photos, answers[request.precision], groups), *notes),
    ).encode()
    on_step("writing the version")
    install_version(request.out, manifest, contents)
    for note in notes_on(recognition, chosen):
        say(note)
    return manifest


def _check(request: ExportRequest) -> None:
    if request.precision not in ("fp32", "int8"):
        raise WarmlensError(
            "bad_setting", f'precision is "{request.precision}"; allowed: fp32, int8.'
        )
    if request.engine not in ("onnxruntime", "torch"):
        raise WarmlensError(
            "bad_setting", f'engine is "{request.engine}"; allowed: onnxruntime, torch.'
        )
    if request.engine == "torch" and request.precision == "int8":
        raise WarmlensError("bad_setting", 'precision is "int8"; allowed with engine torch: fp32.')
    if request.engine == "torch" and request.optimize:
        raise WarmlensError("bad_setting", "--optimize is for ONNX graphs; engine torch has none.")


def _photos_of(record: RunRecord, data: Path | None) -> Dataset:
    photos = read_dataset(data or Path(record.data["path"]))
    if photos.sha256 != record.data["sha256"]:
        raise WarmlensError(
            "other_data",
            f"{photos.root} has other photos than the run was trained on, so that figures would be "
            "wrong. Name the folder that the run used with --data.",
        )
    return photos


def input_spec(size: int, architecture: str) -> InputSpec:
    """Return the input of a version of a network that is trained here, of a size in pixels."""
    geometry = square(size)
    mean, std = normalization_of(architecture)
    return InputSpec(
        name="image",
        width=geometry.width,
        height=geometry.height,
        resize_shorter_side=geometry.resize_shorter_side,
        interpolation=geometry.interpolation,
        normalization=Normalization(mean=mean, std=std, in_graph=True),
    )


def _parity(
    fp32: bytes,
    network: Any,
    spec: InputSpec,
    photos: Dataset,
    request: ExportRequest,
    temperature: float,
) -> Parity:
    splits = [photos.splits.get(name, ()) for name in ("test", "hard", "val", "train")]
    chosen = [photo for split in splits for photo in split][:PARITY_IMAGES]
    reference = Reference(
        lambda pixels: network(pixels) / temperature,
        f"the run's best weights in PyTorch {metadata.version('torch')} on the CPU, in fp32",
    )
    parity = export_parity(fp32, reference, spec, chosen, PARITY_IMAGES, request.engine)
    if parity.max_abs_softmax_difference > parity.tolerance or parity.top1_agreement < 1:
        raise parity_failed(parity)
    subject = "the fp32 export that model.onnx was quantized from"
    return parity.model_copy(update={"subject": subject}) if request.precision == "int8" else parity


def _calibration_photos(photos: Dataset) -> tuple[Photo, ...]:
    train = photos.splits["train"]
    chosen = np.random.default_rng(0).permutation(len(train))[:CALIBRATION_IMAGES]
    return tuple(train[index] for index in sorted(chosen))


def _calibration_pixels(photos: Dataset, spec: InputSpec) -> list[Pixels]:
    geometry = square(spec.width)
    return [read_pixels(photo.path, geometry) for photo in _calibration_photos(photos)]


def _model_file(engine: str) -> str:
    return PROGRAM_FILE if engine == "torch" else GRAPH_FILE


def model_files(model: bytes, engine: str, optimized: bool) -> dict[str, bytes]:
    """Return a version's files of the model, by name: optimized, or as it is."""
    if not optimized:
        return {_model_file(engine): model}
    made = optimize(model)
    return {GRAPH_FILE: made.graph, WEIGHTS_FILE: made.weights}


def version_files(contents: dict[str, bytes]) -> Files:
    """Return the manifest's entries of files, by name."""
    entries = {name: file_entry(name, raw) for name, raw in contents.items()}
    model = entries.get(GRAPH_FILE) or entries[PROGRAM_FILE]
    return Files(model=model, labels=entries[LABELS_FILE], weights=entries.get(WEIGHTS_FILE))


def _answers_of(
    model: dict[str, bytes],
    engine: str,
    spec: InputSpec,
    photos: Dataset,
    optimized: bool,
    chosen: Fit,
) -> tuple[dict[str, Softmax], Recognition]:
    """Return the answers of the version's files, loaded from a folder as the service does."""
    with tempfile.TemporaryDirectory() as folder:
        for name, raw in model.items():
            (Path(folder) / name).write_bytes(raw)
        path = Path(folder) / _model_file(engine)
        loaded = open_model_file(engine, path, spec, optimized=optimized)
        answers = _answers(loaded, photos)
        return answers, judge(loaded, chosen, answers[chosen.own.judging_split])


def _answers(model: ModelFile, photos: Dataset) -> dict[str, Softmax]:
    return {name: model.answer(photos.splits[name]) for name in _measured(photos)}


def _measured(photos: Dataset) -> list[str]:
    """Return the splits to evaluate on: the test splits, else validation."""
    return [name for name in ("test", "hard") if photos.splits.get(name)] or ["val"]


def _metrics(
    run: RunFolder,
    record: RunRecord,
    photos: Dataset,
    answers: dict[str, dict[str, Softmax]],
    request: ExportRequest,
) -> tuple[Metric, ...]:
    chosen = request.precision
    engine = f"{_engine_version(request.engine)}, photos prepared as the service does"
    metrics = []
    for precision, by_split in sorted(answers.items(), key=lambda item: item[0] != chosen):
        subject = _model_file(request.engine) if precision == chosen else "the fp32 export"
        prefix = "" if precision == chosen else "fp32_"
        for split, softmax in by_split.items():
            targets = targets_of(photos.splits[split])
            result = measure(split, softmax, targets, record.ids, record.labels)
            for name, value in _figures(result).items():
                metrics.append(
                    Metric(
                        name=f"{prefix}{split}_{name}",
                        value=round(value, 4),
                        data=f"split {split} of the run's data: {result.photos} photos of "
                        f"{len(record.ids)} classes",
                        kind="measured",
                        source=f"{subject} ({precision}) in {engine}",
                    )
                )
    best = max(read_history(run), key=lambda epoch: epoch.rank)
    metrics.append(
        Metric(
            name="val_top1_accuracy",
            value=round(best.val_top1, 4),
            data=f"split val of the run's data: {len(photos.splits['val'])} photos; the epoch was "
            "chosen by this figure",
            kind="measured",
            source=f"PyTorch {record.versions['torch']} during training, at {best.size} px",
        )
    )
    return tuple(metrics)


def _mistakes(
    record: RunRecord, photos: Dataset, answers: dict[str, Softmax], groups: Groups | None
) -> str:
    """Return the card's section on the first split that was evaluated."""
    split = _measured(photos)[0]
    targets = targets_of(photos.splits[split])
    result = measure(split, answers[split], targets, record.ids, record.labels)
    return mistakes(result, groups)


def _engine_version(engine: str) -> str:
    if engine == "torch":
        return f"PyTorch {metadata.version('torch')}"
    return f"ONNX Runtime {metadata.version('onnxruntime')}"


def _figures(result: Evaluation) -> dict[str, float]:
    return {
        "top1_accuracy": result.top1,
        "top5_accuracy": result.top5,
        "calibration_error": result.calibration_error,
    }


def _quantization(
    files: dict[str, bytes], photos: Dataset, answers: dict[str, dict[str, Softmax]]
) -> Quantization | None:
    if "int8" not in files:
        return None
    fp32, int8 = (np.concatenate(list(answers[name].values())) for name in ("fp32", "int8"))
    count = len(_calibration_photos(photos))
    return Quantization(
        method=method(),
        calibration_data=f"{count} photos of the split train, drawn with seed 0",
        calibration_images=count,
        reduce_range=True,
        fp32_bytes=len(files["fp32"]),
        data=f"splits {' and '.join(answers['int8'])} of the run's data",
        images=len(fp32),
        top1_agreement=float((fp32.argmax(1) == int8.argmax(1)).mean()),
        max_abs_softmax_difference=float(f"{float(np.abs(fp32 - int8).max()):.2g}"),
    )


def _training(run: RunFolder, record: RunRecord) -> Training:
    config = record.config
    return Training(
        run=record.name,
        mode=config.mode,
        command=record.command,
        seed=config.seed,
        stages=", ".join(f"{stage.epochs} epochs at {stage.size} px" for stage in config.stages),
        epochs_done=len(read_history(run)),
        augment=config.augment,
        precision=config.precision,
        data_sha256=record.data["sha256"],
        photos=record.data["counts"],
        initial_weights_kind=record.initial_weights["kind"],
        initial_weights=record.initial_weights["description"],
    )


def _source(record: RunRecord) -> str:
    return (
        f"trained by warmlens ({record.config.mode}) on {record.data['counts']['train']} photos "
        f"of {len(record.ids)} classes; started from {record.initial_weights['description']}"
    )


def _versions() -> dict[str, str]:
    packages = {name: metadata.version(name) for name in VERSIONED_PACKAGES}
    return {"python": platform.python_version(), **packages}
