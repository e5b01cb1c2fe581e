"""`warmlens model train`, `pretrain` and `compare`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from warmlens.command_line import STOPPED, AsJson, typed_command
from warmlens.console import err, printable
from warmlens.console import out as out_console
from warmlens.errors import WarmlensError
from warmlens.paths import STATE
from warmlens.records import write_records

if TYPE_CHECKING:
    from training.loop import Hooks
    from training.settings import Settings

app = typer.Typer()

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
Compute = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    typer.Option(help="Precision of the computation; fp16 needs a GPU."),
]
Workers = Annotated[int | None, typer.Option(help="Processes that load batches.")]
Threads = Annotated[
    int | None,
    typer.Option(help="Compute threads; 1 is faster than one a core while others use the cores."),
]
Minutes = Annotated[float, typer.Option(help="Minutes between checkpoints within an epoch.")]
Cache = Annotated[
    Path,
    typer.Option(
        help="Folder for decoded photos; may be deleted any time.", show_default=".warmlens/pixels"
    ),
]


@app.command(
    epilog="Example: warmlens model train --data photos --mode small-cnn --out run --name shop"
)
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
    if mode == "pretrain":
        raise WarmlensError("bad_setting", "pretraining has its own command: pretrain.")
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


@app.command(epilog="Example: warmlens model pretrain --data photos --out run")
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


@app.command(epilog="Example: warmlens model compare --data photos --out runs")
def compare(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the runs; it may go on.")],
    pretrained: Annotated[
        str, typer.Option(help="What both ResNets start from: torchvision, a file, or a run.")
    ] = "torchvision",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each way.")] = 3,
    size: Annotated[int, typer.Option(help="Side of the ResNets' input in pixels.")] = 128,
    epochs: Annotated[
        str | None, typer.Option(help="Instead of each mode's own, such as resnet50-full:6.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="A .png file to draw the figures to.")] = None,
    precision: Compute = "auto",
    cache: Cache = PIXEL_CACHE,
    as_json: AsJson = False,
) -> None:
    """Compare three ways to a model, with and without augmentation, on held-out photos.

    An own CNN, a ResNet50 whose last layer is trained, and one that is trained whole.
    """
    from training.compare import Comparison, summary, write_chart
    from training.compare import compare as compare_runs
    from training.settings import parse_epochs

    comparison = Comparison(
        data=data,
        pretrained=pretrained,
        out=out,
        seeds=seeds,
        size=size,
        epochs=parse_epochs(epochs or ""),
        command=typed_command(),
        cache=cache,
        precision=precision,
    )
    with _interruptible(), _training_progress() as (progress, hooks):

        def on_run(name: str, seed: int) -> None:
            progress.console.print(f"{name}, seed {seed}")

        records = compare_runs(comparison, on_run, hooks)
    if chart is not None:
        write_chart(records, chart)
    if as_json:
        typer.echo(write_records(records), nl=False)
        return
    table = Table("way", "figure", "mean", "lowest", "highest", "seeds")
    for name, metric, mean, lowest, highest, count in summary(records):
        cells = (f"{value:.1f} %" for value in (mean, lowest, highest))
        table.add_row(name, metric, *cells, str(count))
    out_console.print_table(table)


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
    from training.train import train as train_run

    with _interruptible(), _training_progress(name, settings) as (progress, hooks):

        def on_decoded(done: int, count: int) -> None:
            progress.update(
                progress.task_ids[0], description="decoding photos", completed=done, total=count
            )

        history = train_run(
            name=name,
            data=data,
            out=out,
            settings=settings,
            pretrained=pretrained,
            command=typed_command(),
            cache=cache,
            workers=workers,
            threads=threads,
            checkpoint_s=checkpoint_minutes * 60,
            hooks=hooks,
            on_decoded=on_decoded,
        )
    final = [epoch for epoch in history if epoch.size == settings.final_size]
    best = max(final, key=lambda epoch: epoch.rank)
    out_console.print(
        f"{name}: best top-1 on the validation set {best.val_top1:.1%}, after epoch "
        f"{best.epoch + 1} of {len(history)}; weights and curves are in {out}."
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Report Ctrl-C with the way to continue."""
    try:
        yield
    except KeyboardInterrupt:
        message = "The same command continues from the last checkpoint."
        raise WarmlensError("stopped", message, exit_code=STOPPED) from None


@contextmanager
def _training_progress(
    name: str = "training", settings: "Settings | None" = None
) -> Iterator[tuple[Progress, "Hooks"]]:
    """Show steps with the time left on a terminal, and a line for each epoch of ``settings``."""
    from training.loop import Hooks

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps, left", markup=False),
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

        def on_step(step: int, steps: int) -> None:
            progress.update(task, description=printable(name), completed=step, total=steps)

        def on_epoch(epoch: Any) -> None:
            if settings is None:
                return
            progress.console.print(
                f"epoch {epoch.epoch + 1}/{settings.epochs} at {epoch.size} px: loss "
                f"{epoch.train_loss:.3f}, validation loss {epoch.val_loss:.3f}, "
                f"top-1 {epoch.val_top1:.1%}, {epoch.seconds:.0f} s"
            )

        yield progress, Hooks(on_step, on_epoch)


def _settings(
    mode: str,
    seed: int,
    augment: bool,
    precision: Literal["auto", "fp32", "bf16", "fp16"],
    **changes: Any,
) -> "Settings":
    from training.device import pick_device, pick_precision
    from training.settings import settings_for

    chosen = pick_precision(precision, pick_device())
    return settings_for(mode, seed=seed, augment=augment, precision=chosen, **changes)


def _stages(mode: str, size: int | None, epochs: int | None, stages: str | None) -> Any:
    from training.settings import parse_stages, stages_for

    if stages is None:
        return stages_for(mode, size, epochs)
    if size is not None or epochs is not None:
        raise WarmlensError("bad_setting", "--stages has sizes and epochs; leave out the others.")
    return parse_stages(stages)
