"""`python -m lab bench architectures`: cold starts, warm calls and memory of networks."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from lab.bench.speed.harness import running_harness
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
    rounds: Annotated[int, typer.Option(min=1, help="Instances of each network.")] = 20,
    calls: Annotated[int, typer.Option(min=1, help="Warm calls of each instance.")] = 10,
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

    measured = networks(architecture or list(Architecture), input_px or [128, 160, 224])
    with spinner("measuring") as show, running_harness(224, with_baseline=False) as harness:
        records = list(
            measure_architectures(
                harness,
                measured,
                rounds=rounds,
                calls=calls,
                isolation=best_isolation(),
                busy=busy,
                on_done=show,
            )
        )
    if as_json:
        typer.echo(write_records(records), nl=False)
        return
    table = Table("network", "metric", "value", "unit", "ratio", "95 %", "samples")
    for record in records:
        low, high = record.conditions["ratio_95"]
        table.add_row(
            record.name,
            record.metric,
            f"{record.value:.4g}",
            record.unit,
            f"{record.ratio:.2f}",
            f"{low:.2f} to {high:.2f}",
            str(record.samples),
        )
    out.print_table(table)
