"""`python -m lab bench architectures`: cold starts, warm calls and memory of networks."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from lab.bench.extent import COLD_STARTS, WARM_CALLS, Quick, extent_of
from lab.bench.speed.harness import running_harness
from lab.markdown import ratio_cell
from warmlens.console import out
from warmlens.progress import spinner
from warmlens.records import write_records
from warmlens.runtime.best_isolation import best_isolation


class Architecture(StrEnum):
    """A network that `warmlens model train` trains."""

    SMALL_CNN = "small-cnn"
    RESNET50 = "resnet50"
    LITE0 = "efficientnet-lite0"
    LITE1 = "efficientnet-lite1"
    LITE2 = "efficientnet-lite2"


def architectures_command(
    architecture: Annotated[
        list[Architecture] | None,
        typer.Option(help="Network; may be repeated; all unless given."),
    ] = None,
    input_px: Annotated[
        list[int] | None,
        typer.Option(
            min=32,
            max=512,
            help="Input size in pixels beside each network's own; may be repeated; 128, 160 and "
            "224 unless given.",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help=f"Instances of each network; {COLD_STARTS} by default."),
    ] = None,
    calls: Annotated[int, typer.Option(min=1, help="Warm calls of each instance.")] = 10,
    quick: Quick = False,
    busy: Annotated[
        bool, typer.Option("--busy", help="Record that other programs used the machine.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
    ] = False,
) -> None:
    """Compare networks: cold starts, warm calls and memory.

    All have random weights and run in turns. Ratios are to ResNet50 in int8 at 224 pixels.
    """
    from lab.bench.architectures.comparison import measure_architectures, networks

    extent = extent_of(rounds, full=max(COLD_STARTS, -(-WARM_CALLS // calls)), few=3, quick=quick)
    measured = networks(architecture or list(Architecture), input_px or [128, 160, 224])
    with spinner("measuring") as show, running_harness(224, with_baseline=False) as harness:
        records = [
            extent.mark(each)
            for each in measure_architectures(
                harness,
                measured,
                rounds=extent.count,
                calls=calls,
                isolation=best_isolation(),
                busy=busy,
                on_done=show,
            )
        ]
    if as_json:
        typer.echo(write_records(records), nl=False)
        return
    table = Table("network", "metric", "value", "unit", "ratio", "samples")
    for record in records:
        table.add_row(
            record.name,
            record.metric,
            f"{record.value:.4g}",
            record.unit,
            ratio_cell(record),
            str(record.samples),
        )
    out.print_table(table)
