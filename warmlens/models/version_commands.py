"""`warmlens model export`, `evaluate`, `import` and `sizes`."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from warmlens.models.command_line import AsJson, Folder, err, out, plain_errors, typed_command
from warmlens.models.errors import ModelError
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.records import Record, today, write_records
from warmlens.tables import print_table
from warmlens.under_way import counted

if TYPE_CHECKING:
    from warmlens.models.evaluate import Evaluation

app = typer.Typer()

Version = Annotated[str, typer.Option(help="The new version, such as 1.0.0.")]
Licence = Annotated[str, typer.Option(help="Licence of the weights, for the manifest.")]


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    version: Version,
    engine: Annotated[
        str, typer.Option(help="What serves it: onnxruntime, or torch for a TorchScript program.")
    ] = "onnxruntime",
    precision: Annotated[
        str | None, typer.Option(help="int8, the default, or fp32, the only one for torch.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Where the run's photos lie now, if they were moved.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Side of the input in pixels, if not that of training.")
    ] = None,
    optimize: Annotated[
        bool | None,
        typer.Option(
            "--optimize/--no-optimize",
            help="Optimize the graph now, with its weights in a file to be mapped: loads faster. "
            "The default does so for int8; fp32 then answers slower.",
        ),
    ] = None,
    licence: Licence = "not stated",
    folder: Folder = MODEL_ARTIFACTS,
    as_json: AsJson = False,
) -> None:
    """Make a model version of a run: model file, labels, manifest with figures, card."""
    with plain_errors(as_json=as_json):
        from warmlens.models.training.export import ExportRequest, export_run

        if precision is None:
            precision = "fp32" if engine == "torch" else "int8"
        request = ExportRequest(
            run=run,
            name=name,
            version=version,
            precision=precision,
            out=folder,
            command=typed_command(),
            licence=licence,
            data=data,
            size=size,
            optimize=optimize,
            engine=engine,
        )
        with err.status("reading the run") as status:
            manifest = export_run(request, status.update)
        if as_json:
            document = {
                "name": name,
                "version": version,
                "folder": str(folder / name / version),
                "bytes": manifest.files.bytes,
                "metrics": [dataclasses.asdict(metric) for metric in manifest.metrics],
            }
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
            return
        table = Table("figure", "value", "data")
        for metric in manifest.metrics:
            table.add_row(metric.name, f"{metric.value:.4f}", metric.data)
        print_table(out, table)
        megabytes = manifest.files.bytes / 1e6
        out.print(f"{name} {version} ({engine}, {precision}, {megabytes:.1f} MB) is in {folder}.")


@app.command()
def evaluate(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Argument(help="Its version, such as 1.0.0.")],
    data: Annotated[
        Path, typer.Option(help="Folder of photos: {test,hard}/<class id>/, or <class id>/.")
    ],
    pictures: Annotated[
        Path | None, typer.Option(help="Folder to draw the confusion matrices into.")
    ] = None,
    folder: Folder = MODEL_ARTIFACTS,
    as_json: AsJson = False,
) -> None:
    """Measure a version on photos: top-1, top-5, calibration error, classes, confusion matrix."""
    with plain_errors(as_json=as_json):
        from warmlens.models.evaluate import evaluate_version, write_confusion

        with counted(err, f"{name} {version}") as on_progress:
            results = evaluate_version(folder / name / version, data, on_progress)
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            for split, result in results.items():
                write_confusion(result, pictures / f"confusion-{name}-{version}-{split}.png")
        if as_json:
            rows = {split: dataclasses.asdict(result) for split, result in results.items()}
            document = {"name": name, "version": version, "evaluations": rows}
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            for result in results.values():
                _print_evaluation(result)


@app.command(name="import")
def import_command(
    what: Annotated[
        str | None, typer.Argument(help="resnet50-imagenet or efficientnet-lite0.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="A checkpoint instead: .safetensors, .pt or .pth.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Its classes, one a line: a name, or id, tab, name.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model made of a file.")] = None,
    version: Version = "1.0.0",
    size: Annotated[int, typer.Option(help="Side of the input in pixels.")] = 224,
    resize: Annotated[
        int | None, typer.Option(help="Shorter side before the centre is cut out.")
    ] = None,
    interpolation: Annotated[str, typer.Option(help="bilinear or bicubic.")] = "bilinear",
    engine: Annotated[
        str,
        typer.Option(
            help="What serves a file: onnxruntime, or torch, which also takes a TorchScript "
            "program from normalised pixels to logits. That is run; all else is only read."
        ),
    ] = "onnxruntime",
    licence: Licence = "not stated",
    folder: Folder = MODEL_ARTIFACTS,
) -> None:
    """Make a model version of weights trained elsewhere. Nothing in a checkpoint is run."""
    with plain_errors():
        if (what is None) == (file is None):
            raise ModelError(
                "bad_setting",
                "Say what to import: resnet50-imagenet, efficientnet-lite0, or --file FILE.",
            )
        if file is None and engine != "onnxruntime":
            raise ModelError("bad_setting", "--engine goes with --file FILE.")
        if file is not None:
            if labels is None or name is None:
                raise ModelError("bad_setting", "--file needs --labels FILE and --name NAME.")
            from warmlens.models.imports import ImportRequest, import_file

            request = ImportRequest(
                name=name,
                version=version,
                out=folder,
                command=typed_command(),
                licence=licence,
                size=size,
                resize=round(size * 8 / 7) if resize is None else resize,
                interpolation=interpolation,
                engine=engine,
            )
            written = import_file(file, labels, request)
        elif what == "resnet50-imagenet":
            from warmlens.models.imports import import_resnet50_imagenet

            name = what
            written = import_resnet50_imagenet(version, folder, typed_command())
        elif what == "efficientnet-lite0":
            from warmlens.models import efficientnet_lite0

            out.print(efficientnet_lite0.export(folder), markup=False)
            return
        else:
            raise ModelError(
                "bad_setting",
                f'There is nothing to import as "{what}"; allowed: resnet50-imagenet, '
                "efficientnet-lite0, or --file FILE.",
            )
        came = f"is in {folder}" if written else f"came out the same as in {folder}"
        out.print(f"{name} {version} {came}.")


@app.command()
def sizes(
    with_int8: Annotated[bool, typer.Option("--int8/--no-int8", help="Measure int8 too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Export resnet18 to resnet152 and print their sizes beside the paper's Table 1."""
    with plain_errors(as_json=as_json):
        from warmlens.models.sizes import measure_sizes

        with err.status("exporting"):
            measured = measure_sizes(with_int8=with_int8)
        if as_json:
            records = [
                Record(
                    name=size.architecture,
                    metric=metric,
                    value=value,
                    unit=unit,
                    kind=kind,
                    command=typed_command(),
                    machine="",
                    date=today(),
                )
                for size in measured
                for metric, value, unit, kind in (
                    ("fp32_size", size.fp32_mib, "MiB", "measured"),
                    ("int8_size", size.int8_mib, "MiB", "measured"),
                    ("paper_size", size.paper_mib, "MB", "quoted"),
                    ("paper_top1_error", size.paper_top1_error_percent, "%", "quoted"),
                    ("paper_top5_error", size.paper_top5_error_percent, "%", "quoted"),
                )
                if value is not None
            ]
            typer.echo(write_records(records), nl=False)
            return
        table = Table(
            "network", "parameters", "fp32, MiB", "int8, MiB", "paper: size, MB", "paper: top-1 "
            "error, %", "paper: top-5 error, %",
        )  # fmt: skip
        for size in measured:
            table.add_row(
                size.architecture,
                f"{size.parameters:,}",
                f"{size.fp32_mib:.1f}",
                "" if size.int8_mib is None else f"{size.int8_mib:.1f}",
                f"{size.paper_mib:g}",
                f"{size.paper_top1_error_percent:g}",
                f"{size.paper_top5_error_percent:g}",
            )
        print_table(out, table)
        out.print("Sizes are measured from our exports; errors are quoted from the paper.")


def _print_evaluation(result: "Evaluation") -> None:
    table = Table("class", "photos", "recognised", "precision", "most often taken for")
    for row in result.classes:
        table.add_row(
            row.label,
            str(row.photos),
            f"{row.recall:.1%}" if row.photos else "",
            "" if row.precision is None else f"{row.precision:.1%}",
            row.taken_for or "",
        )
    print_table(out, table)
    out.print(
        f"{result.data}: {result.photos} photos, top-1 {result.top1:.1%}, top-5 "
        f"{result.top5:.1%}, calibration error {result.calibration_error:.3f}"
    )
