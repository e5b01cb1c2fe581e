"""The command line `python -m lab`."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lab.bench import commands as bench_commands
from lab.experiments import commands as experiment_commands
from lab.products import commands as product_commands
from warmlens.command_line import AsJson, run
from warmlens.console import err, out
from warmlens.progress import spinner
from warmlens.records import Record, today, write_records

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(bench_commands.app, name="bench")
app.add_typer(experiment_commands.app, name="experiments")
app.add_typer(product_commands.app, name="products")


@app.callback()
def root() -> None:
    """Measure the product, repeat the paper's experiments, and draw the product photos."""


@app.command(
    name="groceries", epilog="Example: python -m lab groceries GroceryStoreDataset/dataset"
)
def groceries_command(
    source: Annotated[Path, typer.Argument(help="Folder of the data set, with classes.csv.")],
    to: Annotated[Path, typer.Option("--out", help="The new folder.")] = Path("photos/groceries"),
) -> None:
    """Copy the Grocery Store data set's photos to a folder for training."""
    from lab.groceries import prepare

    _print_counts(to, prepare(source, to))


@app.command(name="everyday", epilog="Example: python -m lab everyday GroceryStoreDataset/dataset")
def everyday_command(
    groceries: Annotated[Path, typer.Argument(help="Folder of the Grocery Store data set.")],
    to: Annotated[Path, typer.Option("--out", help="The new folder.")] = Path("photos/everyday"),
) -> None:
    """Copy photos of ImageNet classes and of other things, to calibrate the ImageNet model."""
    from lab.everyday import prepare_everyday

    _print_counts(to, prepare_everyday(groceries, to))


@app.command(
    name="grocery-answers", epilog="Example: python -m lab grocery-answers photos/groceries"
)
def grocery_answers_command(
    data: Annotated[Path, typer.Argument(help="Folder that `python -m lab groceries` made.")],
    as_json: AsJson = False,
) -> None:
    """Count the photos of groceries that the shipped models answer right, wrong or not at all."""
    from lab.grocery_answers import measure_grocery_answers

    with spinner("classifying"):
        records = list(measure_grocery_answers(data))
    if as_json:
        typer.echo(write_records(records), nl=False)
        return
    table = Table("model", "photos", "metric", "share", "of")
    for each in records:
        table.add_row(
            each.name,
            each.conditions["photos"],
            each.metric,
            f"{each.value:.1%}",
            str(each.samples),
        )
    out.print_table(table)


def _print_counts(folder: Path, counts: Mapping[str, int]) -> None:
    out.print(f"{folder}: " + ", ".join(f"{count} photos {each}" for each, count in counts.items()))


@app.command(name="measure", epilog="Example: python -m lab measure --quick")
def measure_command(
    quick: Annotated[
        bool, typer.Option("--quick", help="Try every command; no kept record is replaced.")
    ] = False,
    restart: Annotated[
        bool, typer.Option(help="Discard an interrupted run instead of continuing it.")
    ] = False,
) -> None:
    """Measure again what the pages and the planner say of a processor or less.

    It takes an hour on a machine that does nothing else. The same command continues an interrupted
    run; at its end it replaces the kept records.
    """
    from lab import measure
    from lab.kept_records import RECORDS
    from warmlens.planner.service_times import SERVICE_TIMES

    folder = measure.QUICK_FOLDER if quick else measure.FOLDER
    if quick or restart:
        shutil.rmtree(folder, ignore_errors=True)
    if not quick:
        measure.require_quiet()
    for step in measure.run_steps(measure.STEPS, folder, quick=quick, command=measure.LAB):
        err.print(f"{step.name}: {'' if quick else f'some {step.minutes} min, '}{step.command}")
    if quick:
        err.print(f"Every command works; the records are in {folder}")
        return
    for file in measure.keep(measure.STEPS, folder, RECORDS, SERVICE_TIMES):
        err.print(f"Replaced: {file}")
    shutil.rmtree(folder)
    err.print("Next: make reference && make pictures")


@app.command(name="sizes", epilog="Example: python -m lab sizes --no-int8")
def sizes_command(
    with_int8: Annotated[bool, typer.Option("--int8/--no-int8", help="Measure int8 too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Measure the file sizes of exported ResNets.

    Exports resnet18 to resnet152 with random weights and prints the paper's Table 1 beside them.
    """
    from lab.sizes import measure_sizes

    with spinner("exporting"):
        measured = measure_sizes(with_int8=with_int8)
    if as_json:
        records = [
            Record(
                name=size.architecture,
                metric=metric,
                value=value,
                unit=unit,
                kind=kind,
                command="python -m lab sizes",
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
    out.print_table(table)
    out.print("Sizes are measured from our exports; errors are quoted from the paper.")


if __name__ == "__main__":
    sys.exit(run(app))
