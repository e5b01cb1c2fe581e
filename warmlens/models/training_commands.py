"""`warmlens model train`, `pretrain`, `export`, `evaluate`, `import` and `sizes`."""

import contextlib
import dataclasses
import datetime
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from warmlens.models.errors import ModelError
from warmlens.paths import MODEL_ARTIFACTS, STATE

if TYPE_CHECKING:
    from warmlens.models.evaluate import Evaluation
    from warmlens.models.training.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Train, export, evaluate and import models.")
out_console = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

PIXEL_CACHE = STATE / "pixels"

Data = Annotated[
    Path, typer.Option(help="Folder of photos: {train,val,test,hard}/<class id>/, or <class id>/.")
]
Out = Annotated[Path, typer.Option(help="Folder of the run; a run that is there goes on.")]
RunName = Annotated[str, typer.Option(help="Name of the run, for the record.")]
Seed = Annotated[int, typer.Option(help="Seed of weights, order and augmentation.")]
Augment = Annotated[
    bool, typer.Option(help="Change size, rotation, light, white balance and blur at random.")
]
Stages = Annotated[
    str | None, typer.Option(help="Sizes and epochs, such as 64:8,96:3,128:1; instead of both.")
]
BatchSize = Annotated[int | None, typer.Option(help="Photos in a step.")]
Rate = Annotated[float | None, typer.Option("--learning-rate", help="Peak learning rate.")]
Optimizer = Annotated[str | None, typer.Option(help="adamw or sgd.")]
Patience = Annotated[
    int | None, typer.Option(help="Epochs without a better top-1 before stopping; 0: never.")
]
Compute = Annotated[str, typer.Option(help="auto, fp32, bf16, or fp16 on a GPU.")]
Workers = Annotated[int | None, typer.Option(help="Processes that load batches.")]
Threads = Annotated[
    int | None,
    typer.Option(help="Compute threads; 1 is faster than one a core while others use the cores."),
]
Minutes = Annotated[float, typer.Option(help="Minutes between checkpoints within an epoch.")]
Cache = Annotated[Path, typer.Option(help="Folder for decoded photos; may be deleted any time.")]
Folder = Annotated[Path, typer.Option("--folder", help="Folder of model artifacts.")]
Version = Annotated[str, typer.Option(help="The new version, such as 1.0.0.")]
Licence = Annotated[str, typer.Option(help="Licence of the weights, for the manifest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@app.command()
def train(
    data: Data,
    mode: Annotated[str, typer.Option(help="small-cnn, resnet50-head or resnet50-full.")],
    out: Out,
    name: RunName,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training photos.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the input in pixels.")] = None,
    stages: Stages = None,
    seed: Seed = 0,
    augment: Augment = True,
    pretrained: Annotated[
        str | None,
        typer.Option(
            help="Weights to start from: torchvision (needs the network; the default of the "
            "ResNet modes), a .safetensors or .pt file, the folder of a run, or none."
        ),
    ] = None,
    batch_size: BatchSize = None,
    learning_rate: Rate = None,
    optimizer: Optimizer = None,
    patience: Patience = None,
    precision: Compute = "auto",
    workers: Workers = None,
    threads: Threads = None,
    checkpoint_minutes: Minutes = 5,
    cache: Cache = PIXEL_CACHE,
) -> None:
    """Train a classifier on a folder of photos. Run again, it goes on where it was stopped."""
    if pretrained is None:
        pretrained = "none" if mode == "small-cnn" else "torchvision"
    with _plain_errors():
        if mode == "pretrain":
            raise ModelError("bad_setting", "pretraining has its own command: pretrain.")
        settings = _settings(
            mode,
            seed,
            augment,
            precision,
            stages=_stages(mode, size, epochs, stages),
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            patience=patience,
        )
        _run(settings, name, data, out, pretrained, workers, threads, checkpoint_minutes, cache)


@app.command()
def pretrain(
    data: Data,
    out: Out,
    name: RunName = "pretraining",
    stages: Stages = None,
    architecture: Annotated[str, typer.Option(help="resnet18, 34, 50, 101 or 152.")] = "resnet50",
    seed: Seed = 0,
    augment: Augment = True,
    pretrained: Annotated[
        str, typer.Option(help="none, torchvision, a file, or the folder of a run.")
    ] = "none",
    batch_size: BatchSize = None,
    learning_rate: Rate = None,
    optimizer: Optimizer = None,
    precision: Compute = "auto",
    workers: Workers = None,
    threads: Threads = None,
    checkpoint_minutes: Minutes = 5,
    cache: Cache = PIXEL_CACHE,
) -> None:
    """Train a ResNet from random weights, on small images first. Run again, it goes on.

    The run is what `train --pretrained` then starts from.
    """
    with _plain_errors():
        settings = _settings(
            "pretrain",
            seed,
            augment,
            precision,
            architecture=architecture,
            stages=_stages("pretrain", None, None, stages),
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
        )
        _run(settings, name, data, out, pretrained, workers, threads, checkpoint_minutes, cache)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    version: Version,
    precision: Annotated[str, typer.Option(help="int8 or fp32.")] = "int8",
    data: Annotated[
        Path | None, typer.Option(help="Where the run's photos lie now, if they were moved.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Side of the input in pixels, if not that of training.")
    ] = None,
    licence: Licence = "not stated",
    folder: Folder = MODEL_ARTIFACTS,
) -> None:
    """Make a model version of a run: ONNX file, labels, manifest with figures, card."""
    with _plain_errors():
        from warmlens.models.training.export import ExportRequest, export_run

        request = ExportRequest(
            run=run,
            name=name,
            version=version,
            precision=precision,
            out=folder,
            command=_command(),
            licence=licence,
            data=data,
            size=size,
        )
        with err.status("reading the run") as status:
            manifest = export_run(request, status.update)
        table = Table("figure", "value", "data")
        for metric in manifest.metrics:
            table.add_row(metric.name, f"{metric.value:.4f}", metric.data)
        out_console.print(table)
        megabytes = manifest.files.model.bytes / 1e6
        out_console.print(f"{name} {version} ({precision}, {megabytes:.1f} MB) is in {folder}.")


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
    with _plain_errors():
        from warmlens.models.evaluate import evaluate_version, write_confusion

        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task(f"{name} {version}")
            results = evaluate_version(
                folder / name / version,
                data,
                lambda done, count: progress.update(task, completed=done, total=count),
            )
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
    licence: Licence = "not stated",
    folder: Folder = MODEL_ARTIFACTS,
) -> None:
    """Make a model version of weights trained elsewhere. Nothing in a checkpoint is run."""
    with _plain_errors():
        if (what is None) == (file is None):
            raise ModelError(
                "bad_setting",
                "Say what to import: resnet50-imagenet, efficientnet-lite0, or --file FILE.",
            )
        if file is not None:
            if labels is None or name is None:
                raise ModelError("bad_setting", "--file needs --labels FILE and --name NAME.")
            from warmlens.models.imports import ImportRequest, import_file

            request = ImportRequest(
                name=name,
                version=version,
                out=folder,
                command=_command(),
                licence=licence,
                size=size,
                resize=round(size * 8 / 7) if resize is None else resize,
                interpolation=interpolation,
            )
            written = import_file(file, labels, request)
        elif what == "resnet50-imagenet":
            from warmlens.models.imports import import_resnet50_imagenet

            name = what
            written = import_resnet50_imagenet(version, folder, _command())
        elif what == "efficientnet-lite0":
            from warmlens.models import efficientnet_lite0

            out_console.print(efficientnet_lite0.export(folder), markup=False)
            return
        else:
            raise ModelError(
                "bad_setting",
                f'There is nothing to import as "{what}"; allowed: resnet50-imagenet, '
                "efficientnet-lite0, or --file FILE.",
            )
        came = f"is in {folder}" if written else f"came out the same as in {folder}"
        out_console.print(f"{name} {version} {came}.")


@app.command()
def sizes(
    with_int8: Annotated[bool, typer.Option("--int8/--no-int8", help="Measure int8 too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Export resnet18 to resnet152 and print their sizes beside the paper's Table 1."""
    with _plain_errors():
        from warmlens.models.sizes import measure_sizes

        with err.status("exporting"):
            measured = measure_sizes(with_int8=with_int8)
        if as_json:
            date = datetime.datetime.now(datetime.UTC).date().isoformat()
            records = [
                {"name": size.architecture, "metric": metric, "value": value, "unit": unit,
                 "kind": kind, "command": _command(), "date": date}
                for size in measured
                for metric, value, unit, kind in (
                    ("fp32_size", size.fp32_mib, "MiB", "measured"),
                    ("int8_size", size.int8_mib, "MiB", "measured"),
                    ("paper_size", size.paper_mib, "MB", "quoted"),
                    ("paper_top1_error", size.paper_top1_error_percent, "%", "quoted"),
                    ("paper_top5_error", size.paper_top5_error_percent, "%", "quoted"),
                )
                if value is not None
            ]  # fmt: skip
            for record in records:
                typer.echo(json.dumps(record))
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
        out_console.print(table)
        out_console.print("Sizes are measured from our exports; errors are quoted from the paper.")


def _run(
    settings: "Settings",
    name: str,
    data: Path,
    out: Path,
    pretrained: str,
    workers: int | None,
    threads: int | None,
    checkpoint_minutes: float,
    cache: Path,
) -> None:
    from warmlens.models.training.loop import Hooks
    from warmlens.models.training.train import train as train_run

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps, left"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(
        *columns,
        console=err,
        transient=True,
        speed_estimate_period=120,
        disable=not err.is_terminal,
    ) as progress:
        task = progress.add_task("decoding", total=None)

        def on_decoded(done: int, count: int) -> None:
            progress.update(task, description="decoding photos", completed=done, total=count)

        def on_step(step: int, steps: int) -> None:
            progress.update(task, description=name, completed=step, total=steps)

        def on_epoch(epoch: Any) -> None:
            progress.console.print(
                f"epoch {epoch.epoch + 1}/{settings.epochs} at {epoch.size} px: loss "
                f"{epoch.train_loss:.3f}, validation loss {epoch.val_loss:.3f}, "
                f"top-1 {epoch.val_top1:.1%}, {epoch.seconds:.0f} s"
            )

        history = train_run(
            name=name,
            data=data,
            out=out,
            settings=settings,
            pretrained=pretrained,
            command=_command(),
            cache=cache,
            workers=workers,
            threads=threads,
            checkpoint_s=checkpoint_minutes * 60,
            hooks=Hooks(on_step, on_epoch),
            on_decoded=on_decoded,
        )
    final = [epoch for epoch in history if epoch.size == settings.final_size]
    best = max(final, key=lambda epoch: epoch.rank)
    out_console.print(
        f"{name}: best top-1 on the validation set {best.val_top1:.1%}, after epoch "
        f"{best.epoch + 1} of {len(history)}; weights and curves are in {out}."
    )


def _settings(mode: str, seed: int, augment: bool, precision: str, **changes: Any) -> "Settings":
    from warmlens.models.training.device import pick_device, pick_precision
    from warmlens.models.training.settings import settings_for

    chosen = pick_precision(precision, pick_device())
    return settings_for(mode, seed=seed, augment=augment, precision=chosen, **changes)


def _stages(mode: str, size: int | None, epochs: int | None, stages: str | None) -> Any:
    from warmlens.models.training.settings import parse_stages, stages_for

    if stages is None:
        return stages_for(mode, size, epochs)
    if size is not None or epochs is not None:
        raise ModelError("bad_setting", "--stages has sizes and epochs; leave out the others.")
    return parse_stages(stages)


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
    out_console.print(table)
    out_console.print(
        f"{result.data}: {result.photos} photos, top-1 {result.top1:.1%}, top-5 "
        f"{result.top5:.1%}, calibration error {result.calibration_error:.3f}"
    )


def _command() -> str:
    """Return what the person typed, without where the program lies."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Tell of a refusal, or of packages that are not installed, in one line."""
    try:
        yield
    except ModelError as error:
        err.print(f"{error.code}: {error.message}", style="red", markup=False)
        raise typer.Exit(1) from None
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("warmlens"):
            raise
        err.print(
            f"package_missing: The package {error.name} is not installed; run pip install -r "
            "requirements-models.txt.",
            style="red",
            markup=False,
        )
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        err.print("Stopped. The same command goes on from the last checkpoint.")
        raise typer.Exit(130) from None
