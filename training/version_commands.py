"""The commands `warmlens model export`, `evaluate`, `import` and `calibrate`."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from warmlens.command_line import AsJson, Models, typed_command
from warmlens.console import err, out
from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.progress import progress_bar, spinner
from warmlens.registry.shares import threshold_sentence

if TYPE_CHECKING:
    from training.evaluate import Evaluation
    from warmlens.registry.manifest import Manifest

app = typer.Typer()

Version = Annotated[str, typer.Option(help="The new version, such as 1.0.0.")]
Licence = Annotated[str, typer.Option(help="Licence of the weights, for the manifest.")]
NOT_STATED = "not stated"
Title = Annotated[
    str | None,
    typer.Option(help="Short title of the model's classes, such as groceries."),
]
Others = Annotated[
    list[Path] | None,
    typer.Option(
        help="Folder of photos of other things, to choose and test the threshold with. May be "
        "repeated. Default: the photos that come with the project."
    ),
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(
        help="Folder or photo of other things to leave out because the model knows them, such as "
        "cat. May be repeated."
    ),
]


@app.command(epilog="Example: warmlens model export runs/mine --name mine --version 1.0.0")
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    version: Version,
    engine: Annotated[
        Literal["onnxruntime", "torch"],
        typer.Option(help="Runtime that serves the version. torch exports a TorchScript program."),
    ] = "onnxruntime",
    precision: Annotated[
        Literal["int8", "fp32"] | None,
        typer.Option(help="Precision of the weights. Default: int8. torch allows fp32 only."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the run's photos, if they were moved.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Side of the input in pixels. Default: that of the training."),
    ] = None,
    optimize: Annotated[
        bool | None,
        typer.Option(
            "--optimize/--no-optimize",
            help="Optimize the graph at export, so that instances load it faster. Default: for "
            "int8 only, as an optimized fp32 graph answers slower.",
        ),
    ] = None,
    licence: Licence = NOT_STATED,
    source: Annotated[
        str | None,
        typer.Option(
            help="Source of weights and photos, with the attribution that their licences require. "
            "Default: a description of the run."
        ),
    ] = None,
    card_notes: Annotated[
        Path | None, typer.Option(help="File of Markdown to add to the model card.")
    ] = None,
    licence_text: Annotated[
        Path | None,
        typer.Option(
            help="File of licence texts to add to the version's LICENSE. The licence of starting "
            "weights from a package is already there."
        ),
    ] = None,
    title: Title = None,
    others: Others = None,
    leave_out: LeaveOut = None,
    models: Models = MODEL_ARTIFACTS,
    as_json: AsJson = False,
) -> None:
    """Turn a training run into a model version.

    Writes a model file, labels, a manifest with figures, and a model card. Calibrates the softmax,
    and chooses the threshold below which a photo is not recognized.
    """
    from training.calibration import OtherThings
    from training.export import ExportRequest, export_run

    if precision is None:
        precision = "fp32" if engine == "torch" else "int8"
    request = ExportRequest(
        run=run,
        name=name,
        version=version,
        precision=precision,
        out=models,
        command=typed_command(),
        licence=licence,
        source=source,
        data=data,
        size=size,
        optimize=optimize,
        engine=engine,
        card_notes=card_notes,
        licence_text=licence_text,
        title=title,
        others=OtherThings(tuple(others or ()), tuple(leave_out or ())),
    )
    notes: list[str] = []
    with spinner("export", print_steps=not as_json) as on_step:
        manifest = export_run(request, on_step, notes.append)
    _print_notes(notes)
    if as_json:
        document = {
            "name": name,
            "version": version,
            "folder": str(models / name / version),
            "bytes": manifest.files.bytes,
            "metrics": [metric.model_dump() for metric in manifest.metrics],
            "recognition": manifest.recognition and manifest.recognition.model_dump(),
        }
        typer.echo(json.dumps(document, indent=2))
        return
    table = Table("figure", "value", "data")
    for metric in manifest.metrics:
        table.add_row(metric.name, f"{metric.value:.4f}", metric.data)
    out.print_table(table)
    _print_recognition(manifest)
    megabytes = manifest.files.bytes / 1e6
    out.print(f"{name} {version} ({engine}, {precision}, {megabytes:.1f} MB) is in {models}.")


@app.command(epilog="Example: warmlens model evaluate mine 1.0.0 --data photos")
def evaluate(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Argument(help="Version of the model, such as 1.0.0.")],
    data: Annotated[Path, typer.Option(help="Folder of photos: {test,hard}/CLASS/, or CLASS/.")],
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for charts of the confusion matrices.")
    ] = None,
    models: Models = MODEL_ARTIFACTS,
    as_json: AsJson = False,
) -> None:
    """Evaluate a model version on labelled photos.

    Prints top-1 and top-5 accuracy, calibration error, the share of photos that are recognized,
    and the results of each class.
    """
    from training.evaluate import evaluate_version, write_confusion
    from warmlens.registry.manifest_file import read_manifest

    manifest = read_manifest(models / name / version)
    with progress_bar(f"{name} {version}") as on_progress:
        results = evaluate_version(models / name / version, data, on_progress)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        for split, result in results.items():
            write_confusion(result, pictures / f"confusion-{name}-{version}-{split}.png")
    if as_json:
        rows = {split: dataclasses.asdict(result) for split, result in results.items()}
        recognition = manifest.recognition and manifest.recognition.model_dump()
        document = {
            "name": name,
            "version": version,
            "recognition": recognition,
            "evaluations": rows,
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        for result in results.values():
            _print_evaluation(result)
        _print_recognition(manifest)


@app.command(
    name="import",
    epilog="Example: warmlens model import --file w.safetensors --labels labels.txt --name mine",
)
def import_command(
    what: Annotated[
        str | None,
        typer.Argument(help="resnet50-imagenet or efficientnet-lite0."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="File of weights: safetensors, a PyTorch checkpoint, ONNX or TorchScript. Its "
            "content decides which, not its name."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="File with a class per line: a name, or an id, a tab and a name."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new model, with --file.")] = None,
    version: Version = "1.0.0",
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            "--crop",
            help="Side in pixels of the input, which is cut out of the centre of an image. "
            "Default: that of the ONNX file, or 224.",
        ),
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(
            help="Shorter side of an image before its centre is cut out. Default: 8/7 of the size."
        ),
    ] = None,
    interpolation: Annotated[
        Literal["bilinear", "bicubic"] | None,
        typer.Option(help="Interpolation of resized images. Default: bilinear."),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            help="Mean of red, green and blue on the scale 0 to 1, such as 0.5 or "
            "0.485,0.456,0.406. Default: ImageNet's."
        ),
    ] = None,
    std: Annotated[
        str | None, typer.Option(help="Standard deviation of the channels, as for --mean.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Name of the weights in a checkpoint that has several, such as state_dict, or of "
            "the ONNX output with the classes."
        ),
    ] = None,
    head_activation: Annotated[
        Literal["none", "relu", "leaky-relu", "gelu", "silu", "elu", "tanh", "sigmoid"] | None,
        typer.Option(help="Activation between the layers of a head. Checkpoints do not store it."),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option(
            help="Photos or folder of photos on which the version is compared with the original, "
            "in addition to generated images. May be repeated. With a folder for each class, "
            "temperature and threshold are chosen, too."
        ),
    ] = None,
    title: Title = None,
    others: Others = None,
    leave_out: LeaveOut = None,
    engine: Annotated[
        Literal["onnxruntime", "torch"],
        typer.Option(
            help="Runtime that serves the version. torch also accepts a TorchScript program from "
            "normalised pixels to logits, and runs it; other files are only read."
        ),
    ] = "onnxruntime",
    licence: Licence = NOT_STATED,
    models: Models = MODEL_ARTIFACTS,
) -> None:
    """Turn external weights into a model version.

    Code in a checkpoint is never run.
    """
    if (what is None) == (file is None):
        raise WarmlensError(
            "bad_setting",
            "Name what to import: resnet50-imagenet, efficientnet-lite0, or --file FILE.",
        )
    of_files = {
        "--engine": None if engine == "onnxruntime" else engine,
        "--labels": labels,
        "--name": name,
        "--size": size,
        "--resize": resize,
        "--interpolation": interpolation,
        "--mean": mean,
        "--std": std,
        "--key": key,
        "--head-activation": head_activation,
        "--photos": photos or None,
        "--title": title,
        "--others": others or None,
        "--leave-out": leave_out or None,
        "--licence": None if licence == NOT_STATED else licence,
    }
    given = [option for option, value in of_files.items() if value is not None]
    if file is None and given:
        raise WarmlensError("bad_setting", f"{given[0]} goes with --file FILE.")
    if file is not None:
        if labels is None or name is None:
            raise WarmlensError("bad_setting", "--file needs --labels FILE and --name NAME.")
        from training.calibration import OtherThings
        from training.import_weights import ImportRequest, import_file
        from training.preprocessing import Preprocessing, parse_normalization

        means, stds = parse_normalization(mean, std)
        request = ImportRequest(
            name=name,
            version=version,
            out=models,
            command=typed_command(),
            licence=licence,
            preprocessing=Preprocessing(
                size=size,
                resize=resize,
                interpolation=interpolation or "bilinear",
                mean=means,
                std=stds,
            ),
            engine=engine,
            key=key,
            head_activation=head_activation,
            photos=tuple(photos or ()),
            title=title,
            others=OtherThings(tuple(others or ()), tuple(leave_out or ())),
        )
        written = import_file(file, labels, request, out.print)
        if not photos:
            out.print(
                "Compared with the original on generated images; --photos adds yours. The version "
                "has no threshold: warmlens model calibrate chooses one on photos."
            )
    elif what == "resnet50-imagenet":
        from training.import_weights import import_resnet50_imagenet

        name = what
        written = import_resnet50_imagenet(version, models, typed_command())
    elif what == "efficientnet-lite0":
        from training import efficientnet_lite0

        if version != efficientnet_lite0.VERSION:
            raise WarmlensError(
                "bad_setting",
                f"efficientnet-lite0 is version {efficientnet_lite0.VERSION}; leave out --version.",
            )
        out.print(efficientnet_lite0.export(models))
        return
    else:
        raise WarmlensError(
            "bad_setting",
            f'"{what}" cannot be imported; allowed: resnet50-imagenet, '
            "efficientnet-lite0, or --file FILE.",
        )
    state = "is in" if written else "is already, the same, in"
    out.print(f"{name} {version} {state} {models}.")


@app.command(
    epilog="Example: warmlens model calibrate products-resnet50 1.0.0 --data photos --as 1.1.0"
)
def calibrate(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Argument(help="Version of the model, such as 1.0.0.")],
    data: Annotated[
        Path, typer.Option(help="Folder of photos of its classes: {val,test}/CLASS/, or CLASS/.")
    ],
    new_version: Annotated[str, typer.Option("--as", help="The new version, such as 1.1.0.")],
    title: Title = None,
    others: Others = None,
    leave_out: LeaveOut = None,
    models: Models = MODEL_ARTIFACTS,
) -> None:
    """Make a calibrated version of an existing one.

    The new version has the same weights, and another temperature and threshold. Use photos that
    it was not trained on: others give a wrong threshold. If the folder has only class folders, a
    version that was trained here uses the photos that its training held out.
    """
    from training.calibrate_version import CalibrationRequest, calibrate_version
    from training.calibration import OtherThings

    request = CalibrationRequest(
        folder=models / name / version,
        version=new_version,
        data=data,
        out=models,
        command=typed_command(),
        title=title,
        others=OtherThings(tuple(others or ()), tuple(leave_out or ())),
    )
    notes: list[str] = []
    with spinner("calibrating") as on_step:
        manifest = calibrate_version(request, on_step, notes.append)
    _print_notes(notes)
    _print_recognition(manifest)
    out.print(f"{name} {new_version} is in {models}.")


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        err.print(note, style="yellow")


def _print_recognition(manifest: "Manifest") -> None:
    if manifest.recognition is not None:
        out.print(threshold_sentence(manifest.recognition))


def _print_evaluation(result: "Evaluation") -> None:
    table = Table("class", "photos", "recognised", "precision", "most often mistaken for")
    for row in result.classes:
        table.add_row(
            row.label,
            str(row.photos),
            f"{row.recall:.1%}" if row.photos else "",
            "" if row.precision is None else f"{row.precision:.1%}",
            row.taken_for or "",
        )
    out.print_table(table)
    out.print(
        f"{result.data}: {result.photos} photos, top-1 {result.top1:.1%}, top-5 "
        f"{result.top5:.1%}, calibration error {result.calibration_error:.3f}"
        + ("" if result.recognized is None else f", recognized {result.recognized:.1%}")
    )
