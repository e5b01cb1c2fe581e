"""The command `warmlens model compare`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from training.run_commands import (
    PIXEL_CACHE,
    RUNS,
    Cache,
    Compute,
    Data,
    interruptible,
    training_progress,
)
from warmlens.command_line import AsJson, typed_command
from warmlens.console import out as out_console

app = typer.Typer()


@app.command(epilog="Example: warmlens model compare --data photos --seeds 1")
def compare(
    data: Data,
    out: Annotated[
        Path, typer.Option(help="Folder of the runs. An interrupted comparison continues.")
    ] = RUNS / "comparison",
    variants: Annotated[
        str | None,
        typer.Option(
            help="What to train, such as small-cnn-plain,resnet50-full-augmented. Default: the "
            "paper's variants and EfficientNet-Lite2."
        ),
    ] = None,
    run: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a finished run to measure, too. May be repeated."),
    ] = None,
    run_size: Annotated[
        int | None,
        typer.Option(
            min=32,
            help="Side in pixels at which finished runs are measured. Default: that of their last "
            "epochs.",
        ),
    ] = None,
    pretrained: Annotated[
        str, typer.Option(help="Initial weights of the ResNets: imagenet, a file, or a run.")
    ] = "imagenet",
    seeds: Annotated[int, typer.Option(min=0, help="Runs of each variant.")] = 3,
    size: Annotated[
        int, typer.Option(help="Side of the input in pixels. The small CNN ignores it.")
    ] = 128,
    epochs: Annotated[
        str | None, typer.Option(help="Epochs by method, such as resnet50-full:6.")
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Mirror photos in augmentation, too.")
    ] = False,
    records_file: Annotated[
        Path | None,
        typer.Option(
            "--records",
            help="File to append a record of each run to. Runs that it has are not repeated.",
        ),
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Chart to write, a .png or .svg file.")] = None,
    precision: Compute = "auto",
    cache: Cache = PIXEL_CACHE,
    as_json: AsJson = False,
) -> None:
    """Compare training methods on the test photos.

    The methods are a small CNN, the last layer of a ResNet50, and a whole ResNet50, each with and
    without augmentation; EfficientNet-Lites are compared with them. A groups.json in the
    folder of photos adds figures of packaged products and of coarse classes.
    """
    from training.compare import Comparison
    from training.compare import compare as compare_runs
    from training.comparison_chart import write_chart
    from training.comparison_records import parse_variants, read_known, rows
    from training.config import parse_epochs
    from training.run_folder import write_whole
    from warmlens.records import Record, write_records

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
        variants=parse_variants(variants),
        mirror=mirror,
        runs=tuple(run or ()),
        run_size=run_size,
    )
    known = [] if records_file is None else read_known(records_file)

    def keep(records: list[Record]) -> None:
        if records_file is not None:
            text = write_records(records)
            write_whole(records_file, lambda part: part.write_text(text, encoding="utf-8"))

    with interruptible(), training_progress() as (progress, hooks):

        def on_run(name: str, seed: int) -> None:
            progress.console.print(f"{name}, seed {seed}")

        records = compare_runs(comparison, on_run, hooks, known, keep)
    if chart is not None:
        write_chart(records, chart)
    if as_json:
        typer.echo(write_records(records), nl=False)
        return
    table = Table("mode", "training", "figure", "right", "95 % over photos", "over seeds", "seeds")
    for row in rows(records):
        for metric, shown in row.figures.items():
            table.add_row(
                row.name,
                row.stages,
                metric,
                f"{shown.mean:.1f} %",
                "{:.1f} to {:.1f} %".format(*shown.over_photos),
                "" if shown.over_seeds is None else "{:.1f} to {:.1f} %".format(*shown.over_seeds),
                str(len(row.seeds)),
            )
    out_console.print_table(table)
