"""The commands `warmlens model train` and `pretrain`."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from warmlens.command_line import STOPPED, typed_command
from warmlens.console import err, printable
from warmlens.console import out as out_console
from warmlens.errors import WarmlensError
from warmlens.paths import STATE

if TYPE_CHECKING:
    from training.config import TrainingConfig
    from training.dataset import Dataset
    from training.loop import Hooks

app = typer.Typer()

PIXEL_CACHE = STATE / "pixels"
RUNS = Path("runs")

ComputePrecision = Literal["auto", "fp32", "bf16", "fp16"]
Data = Annotated[
    Path, typer.Option(help="Folder of photos, as {train,val,test,hard}/CLASS/ or CLASS/.")
]
Out = Annotated[Path | None, typer.Option(help="Folder of the run. Default: runs/NAME.")]
RunName = Annotated[str, typer.Option(help="Name of the run.")]
Seed = Annotated[int, typer.Option(help="Seed of weights, order and augmentation.")]
Augment = Annotated[
    bool, typer.Option(help="Randomly vary size, rotation, light, white balance and blur.")
]
Stages = Annotated[
    str | None,
    typer.Option(help="Image sizes and epochs, such as 64:8,96:3,128:1."),
]
BatchSize = Annotated[int | None, typer.Option(help="Photos in a batch.")]
Rate = Annotated[float | None, typer.Option("--learning-rate", help="Peak learning rate.")]
Optimizer = Annotated[Literal["adamw", "sgd"] | None, typer.Option(help="Optimizer.")]
Patience = Annotated[
    int | None,
    typer.Option(help="Epochs without a better top-1 accuracy before stopping; 0 for never."),
]
Compute = Annotated[
    ComputePrecision, typer.Option(help="Precision of the computation; fp16 needs a GPU.")
]
Workers = Annotated[int | None, typer.Option(help="Processes that load batches.")]
Threads = Annotated[
    int | None,
    typer.Option(help="Compute threads; 1 is fastest while other programs use the cores."),
]
Minutes = Annotated[float, typer.Option(help="Minutes between checkpoints in an epoch.")]
Cache = Annotated[
    Path,
    typer.Option(
        help="Cache folder for decoded photos; deleting it is safe.",
        show_default=".warmlens/pixels",
    ),
]


@app.command(epilog="Example: warmlens model train --data photos --name mine")
def train(
    data: Data,
    name: RunName,
    architecture: Annotated[
        Literal[
            "small-cnn",
            "resnet50",
            "efficientnet-lite0",
            "efficientnet-lite1",
            "efficientnet-lite2",
        ],
        typer.Option(help='The network; "Choose a network" in docs/models.md compares them.'),
    ] = "efficientnet-lite0",
    only_head: Annotated[
        bool, typer.Option("--only-head", help="Train the last layer alone.")
    ] = False,
    out: Out = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Passes over the training photos. Default: 14; resnet50 15; small-cnn 40; with "
            "--only-head 30."
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help="Side of the input in pixels. Default: 160; resnet50 128; small-cnn 64; with "
            "--only-head 224, resnet50 128."
        ),
    ] = None,
    stages: Stages = None,
    seed: Seed = 0,
    augment: Augment = True,
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror", help="Also mirror photos. Not suited to things with words on them."
        ),
    ] = False,
    pretrained: Annotated[
        str | None,
        typer.Option(
            help="Initial weights: imagenet, none, a .safetensors or .pt file, or the folder of a "
            "run. Default: imagenet, or none for the small CNN. A ResNet50's ImageNet weights are "
            "downloaded."
        ),
    ] = None,
    batch_size: BatchSize = None,
    learning_rate: Rate = None,
    head_rate: Annotated[
        float | None, typer.Option(help="Factor of the last layer's learning rate.")
    ] = None,
    optimizer: Optimizer = None,
    patience: Patience = None,
    precision: Compute = "auto",
    workers: Workers = None,
    threads: Threads = None,
    checkpoint_minutes: Minutes = 5,
    cache: Cache = PIXEL_CACHE,
) -> None:
    """Train a classifier on a folder of photos.

    The same command continues an interrupted run.
    """
    from training.config import mode_of

    if pretrained is None:
        pretrained = "none" if architecture == "small-cnn" else "imagenet"
    mode = mode_of(architecture, only_head)
    config = _config(
        mode,
        seed,
        augment,
        precision,
        stages=_stages(mode, size, epochs, stages),
        batch_size=batch_size,
        learning_rate=learning_rate,
        head_rate=head_rate,
        mirror=mirror,
        optimizer=optimizer,
        patience=patience,
    )
    _run(config, name, [data], out, pretrained, workers, threads, checkpoint_minutes, cache)


@app.command(epilog="Example: warmlens model pretrain --data photos --teacher efficientnet-lite2")
def pretrain(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder of photos. With a teacher, it needs no classes, and the option may be "
            "repeated."
        ),
    ],
    out: Out = None,
    name: RunName = "pretraining",
    stages: Stages = None,
    architecture: Annotated[
        str, typer.Option(help="resnet50, resnet18, efficientnet-lite0, small-cnn, ...")
    ] = "resnet50",
    teacher: Annotated[
        str | None,
        typer.Option(
            help="What to learn from: the features of a network with ImageNet weights, such as "
            "efficientnet-lite2, or the classes of a run (its folder)."
        ),
    ] = None,
    teacher_size: Annotated[
        int | None, typer.Option(help="Side in pixels at which the teacher sees each crop.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Divisor of the logits, if a run is the teacher.")
    ] = None,
    seed: Seed = 0,
    augment: Augment = True,
    pretrained: Annotated[
        str,
        typer.Option(help="Initial weights: none, imagenet, a file, or the folder of a run."),
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
    """Pretrain a network on classes, or without classes from a teacher.

    The run provides initial weights for `train --pretrained`. The same command continues an
    interrupted run.
    """
    if teacher is None and (len(data) > 1 or teacher_size is not None or temperature is not None):
        raise WarmlensError(
            "bad_setting", "Several --data, --teacher-size and --temperature need --teacher."
        )
    mode = "pretrain" if teacher is None else "distill"
    config = _config(
        mode,
        seed,
        augment,
        precision,
        architecture=architecture,
        stages=_stages(mode, None, None, stages),
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        teacher_size=teacher_size,
        temperature=temperature,
    )
    _run(
        config,
        name,
        data,
        out,
        pretrained,
        workers,
        threads,
        checkpoint_minutes,
        cache,
        teacher=teacher,
    )


def _run(
    config: "TrainingConfig",
    name: str,
    data: list[Path],
    out: Path | None,
    pretrained: str,
    workers: int | None,
    threads: int | None,
    checkpoint_minutes: float,
    cache: Path,
    teacher: str | None = None,
) -> None:
    from training.config import stages_text
    from training.distill import distill
    from training.findings import counted
    from training.history import MEASURES
    from training.train import RunRequest
    from training.train import train as train_run

    out = _default_folder(name) if out is None else out
    with interruptible(), training_progress(name, config) as (progress, hooks):

        def on_decoded(done: int, count: int) -> None:
            progress.update(
                progress.task_ids[0], description="decoding photos", completed=done, total=count
            )

        def on_start(photos: "Dataset") -> None:
            parts = [counted(sum(photos.counts.values()), "photo", "photos")]
            if teacher is None:
                parts.append(counted(len(photos.ids), "class", "classes"))
            parts += [config.architecture, stages_text(config.stages)]
            progress.console.print(", ".join(parts))

        request = RunRequest(
            name=name,
            out=out,
            config=config,
            pretrained=pretrained,
            command=typed_command(),
            cache=cache,
            workers=workers,
            threads=threads,
            checkpoint_s=checkpoint_minutes * 60,
            hooks=hooks,
            on_decoded=on_decoded,
            on_start=on_start,
        )
        if teacher is None:
            history = train_run(request, data[0])
        else:
            history = distill(request, tuple(data), teacher)
    final = [epoch for epoch in history if epoch.size == config.final_size]
    best = max(final, key=lambda epoch: epoch.rank)
    out_console.print(
        f"{name}: best {MEASURES[best.measure]} on the validation photos {best.val_top1:.1%}, "
        f"after epoch {best.epoch + 1} of {len(history)}; weights and curves are in {out}."
    )
    next_command = "export" if teacher is None else "train --data FOLDER --pretrained"
    version = f" --name {name} --version 1.0.0" if teacher is None else ""
    err.print(f"Next: warmlens model {next_command} {shlex.quote(str(out))}{version}")


def _default_folder(name: str) -> Path:
    if Path(name).name != name or name in (".", ".."):
        raise WarmlensError(
            "bad_setting", f'name is "{name}", which is not a valid folder name; add --out FOLDER.'
        )
    return RUNS / name


@contextmanager
def interruptible() -> Iterator[None]:
    """On Ctrl-C, report the command that continues the run."""
    try:
        yield
    except KeyboardInterrupt:
        message = "The same command continues from the last checkpoint."
        raise WarmlensError("stopped", message, exit_code=STOPPED) from None


@contextmanager
def training_progress(
    name: str = "training", config: "TrainingConfig | None" = None
) -> Iterator[tuple[Progress, "Hooks"]]:
    """Show a progress bar of steps on a terminal, and a line for each epoch."""
    from training.history import MEASURES
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
            if config is None:
                return
            progress.console.print(
                f"epoch {epoch.epoch + 1}/{config.epochs} at {epoch.size} px: loss "
                f"{epoch.train_loss:.3f}, validation loss {epoch.val_loss:.3f}, "
                f"{MEASURES[epoch.measure]} {epoch.val_top1:.1%}, {epoch.seconds:.0f} s"
            )

        yield progress, Hooks(on_step, on_epoch)


def _config(
    mode: str, seed: int, augment: bool, precision: ComputePrecision, **changes: Any
) -> "TrainingConfig":
    from training.config import config_for
    from training.device import pick_device, pick_precision

    chosen = pick_precision(precision, pick_device())
    return config_for(mode, seed=seed, augment=augment, precision=chosen, **changes)


def _stages(mode: str, size: int | None, epochs: int | None, stages: str | None) -> Any:
    from training.config import parse_stages, stages_for

    if stages is None:
        return stages_for(mode, size, epochs)
    if size is not None or epochs is not None:
        raise WarmlensError(
            "bad_setting", "--stages has sizes and epochs; leave out --size and --epochs."
        )
    return parse_stages(stages)
