"""`warmlens bench soak`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from warmlens.bench.soak.limits import problems
from warmlens.bench.soak.phases import Durations, NoCapacityError, soak
from warmlens.bench.soak.usage import Usage, usage
from warmlens.local.commands import running_cloud
from warmlens.local.state import DEFAULT_FOLDER
from warmlens.records import Record, write_records
from warmlens.refusals import tell_refusal
from warmlens.tables import print_table
from warmlens.under_way import under_way

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def soak_command(
    minutes: Annotated[
        float, typer.Option(min=0.1, max=600, help="How long the load is held, in minutes.")
    ] = 60,
    folder: Annotated[
        Path, typer.Option("--local-folder", help="Folder of the local cloud's state.")
    ] = DEFAULT_FOLDER,
    seed: Annotated[int, typer.Option(help="Draws the arrivals.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
    ] = False,
) -> None:
    """Load the local cloud that runs: 80 % of its capacity for long, then three times as much.

    Exit code 1 if a call failed otherwise than by 429, or was answered with another class, if
    answers waited for the load, if the service did not recover within half a minute, or if memory,
    files or processes grew; 3 if no local cloud runs.
    """
    running = running_cloud(folder)
    if running is None or not running.url:
        message = "No local cloud runs. Start it with: make run"
        tell_refusal("not_found", message, as_json=as_json)
        raise typer.Exit(3)
    steady_s = minutes * 60
    durations = Durations(
        capacity_s=min(30.0, max(3.0, steady_s / 10)),
        steady_s=steady_s,
        step_s=min(120.0, max(5.0, steady_s / 10)),
        recovery_s=min(120.0, max(6.0, steady_s / 10)),
        settle_s=min(40.0, steady_s / 10),
    )

    async def run() -> list[Record]:
        def used() -> dict[str, Usage]:
            return usage(running.pid, running.emulator_pid)

        with under_way(err, f"loading for {minutes:g} minutes and more") as tell:
            found = []
            async for record in soak(running.url, durations, used=used, seed=seed):
                tell(f"{record.name}, {record.metric} {record.value:g}")
                found.append(record)
            return found

    try:
        records = asyncio.run(run())
    except NoCapacityError as error:
        tell_refusal("no_capacity", str(error), as_json=as_json)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(write_records(records), nl=False)
    else:
        _print(records)
    if problems(records):
        for problem in problems(records):
            err.print(problem, style="red", markup=False)
        raise typer.Exit(1)


def _print(records: list[Record]) -> None:
    table = Table("phase", "metric", "value", "p95", "p99", "conditions")
    for record in records:
        numbers = (record.value, record.p95, record.p99)
        table.add_row(
            record.name,
            record.metric,
            *("" if number is None else f"{number:.5g}" for number in numbers),
            ", ".join(f"{key} {value}" for key, value in record.conditions.items()),
        )
    print_table(out, table)
