"""`python -m lab bench soak`: load a running local cloud and check that it recovers."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lab.bench.soak.hostile import Mix, read_photos, store
from lab.bench.soak.limits import problems
from lab.bench.soak.lost import watching
from lab.bench.soak.phases import Durations, Usage, soak, usage
from warmlens.command_line import Folder
from warmlens.console import err, out
from warmlens.deployment import find_deployment
from warmlens.errors import WarmlensError
from warmlens.local.aws import ENV_NAME
from warmlens.local.commands import running_cloud
from warmlens.paths import LOCAL_CLOUD, STATE_FILE
from warmlens.progress import spinner
from warmlens.records import Record, write_records


def soak_command(
    minutes: Annotated[
        float, typer.Option(min=0.1, max=600, help="Duration of the steady load in minutes.")
    ] = 60,
    folder: Folder = LOCAL_CLOUD,
    seed: Annotated[int, typer.Option(help="Seed of the arrivals and of the mix.")] = 1,
    rate_rps: Annotated[
        float | None,
        typer.Option(
            "--rate",
            min=0.1,
            help="Calls a second of the steady load, where the machine has other work; 80 % of the "
            "measured capacity if not given.",
        ),
    ] = None,
    hostile: Annotated[
        Path | None,
        typer.Option(help="Folder of hostile photos, as python -m tests.hostile.traffic makes it."),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the calls that send a hostile photo.")
    ] = 0.02,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
    ] = False,
) -> None:
    """Soak-test the running local cloud.

    The load is 80 % of its capacity for long, then three times the capacity, then 80 % again.

    With `--hostile`, a share of the calls sends hostile photos.

    Exit code 1 if a call failed with an error other than 429 or was answered with another class,
    if a hostile photo got an unexpected answer, if an instance was lost, if the load delayed
    answers, if the service did not recover within half a minute, or if memory, open files or
    processes grew; 3 if no local cloud runs.
    """
    running = running_cloud(folder)
    if running is None or not running.url:
        message = "No local cloud runs. Start it with: make run"
        raise WarmlensError("not_found", message, exit_code=3)
    steady_s = minutes * 60
    durations = Durations(
        capacity_s=min(30.0, max(3.0, steady_s / 10)),
        steady_s=steady_s,
        step_s=min(120.0, max(5.0, steady_s / 10)),
        recovery_s=min(120.0, max(6.0, steady_s / 10)),
        settle_s=120,
    )

    mix = Mix(read_photos(hostile), share, seed) if hostile else Mix()
    if mix.photos:
        store(mix.photos, find_deployment(ENV_NAME, local_state=folder / STATE_FILE))

    async def run() -> list[Record]:
        def used() -> dict[str, Usage]:
            return usage(running.pid, running.emulator_pid)

        log = folder / "instances.log"
        with spinner(f"loading for {minutes:g} minutes and more") as show:
            records = []
            async with watching(log) as lost:
                async for record in soak(
                    running.url,
                    durations,
                    used=used,
                    seed=seed,
                    rate_rps=rate_rps,
                    mix=mix,
                    lost=lost,
                ):
                    show(f"{record.name}, {record.metric} {record.value:g}")
                    records.append(record)
            return records

    records = asyncio.run(run())
    if as_json:
        typer.echo(write_records(records), nl=False)
    else:
        _print(records)
    if problems(records):
        for problem in problems(records):
            err.print(problem, style="red")
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
    out.print_table(table)
