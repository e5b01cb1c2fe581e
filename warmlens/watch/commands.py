"""The command `warmlens watch`."""

import json
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warmlens.command_line import AsJson, Env, Folder
from warmlens.console import out
from warmlens.errors import WarmlensError
from warmlens.local.aws import ENV_NAME
from warmlens.paths import LOCAL_CLOUD, STATE_FILE
from warmlens.progress import spinner

if TYPE_CHECKING:
    from warmlens.watch.reading import Reading, Source


def watch(
    env: Env = ENV_NAME,
    every_s: Annotated[
        int | None,
        typer.Option(
            "--every",
            min=1,
            max=3600,
            help="Seconds between readings. Default: 3 in the local cloud, 60 in AWS.",
            show_default=False,
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print once and exit.")] = False,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Show instances, cold starts, calls and cost as they change.

    The view is refreshed until Ctrl-C. In a pipe, or with --json, it is printed once. In AWS it
    shows CloudWatch's metrics, which come minutes late and are billed at each read; the last line
    says how much. Exit code 3 if the environment does not exist.
    """
    with spinner("reading"):
        source = _source(env, folder)
        if every_s is not None and every_s < source.shortest_s:
            raise typer.BadParameter(
                f"--every {every_s}: CloudWatch has one value a minute; give {source.shortest_s} "
                "or more"
            )
        reading = source.read(_now())
    if as_json:
        typer.echo(json.dumps(asdict(reading), indent=2, default=datetime.isoformat))
    elif once or not (out.is_terminal and out.is_interactive):
        _print(reading)
    else:
        _follow(source, reading, every_s or source.every_s)


def _source(env: str, folder: Path) -> "Source":
    from warmlens.deployment import aws_session, find_deployment

    deployment = find_deployment(env, local_state=folder / STATE_FILE)
    if deployment.local_url is not None:
        from warmlens.watch.local_fleet import LocalFleet

        return LocalFleet(deployment)
    from warmlens.watch.cloudwatch import CloudWatch

    return CloudWatch(deployment, aws_session().client("cloudwatch"))


def _print(reading: "Reading") -> None:
    from rich.table import Table

    from warmlens.watch.drawing import lines, picture

    if out.is_terminal:
        out.print(picture(reading, bars=_has_blocks()))
        return
    table = Table("what", "found")
    for name, text in lines(reading):
        table.add_row(name, text)
    out.print_table(table)


def _follow(source: "Source", reading: "Reading", every_s: int) -> None:
    from rich.live import Live

    from warmlens.watch.drawing import picture
    from warmlens.watch.reading import TRANSIENT

    problem = ""
    with Live(console=out, auto_refresh=False) as live:
        try:
            while True:
                shown = picture(reading, every_s=every_s, bars=_has_blocks(), problem=problem)
                live.update(shown, refresh=True)
                time.sleep(every_s)
                try:
                    reading, problem = source.read(_now()), ""
                except WarmlensError as error:
                    if error.code not in TRANSIENT:
                        raise
                    problem = f"{error.code}: {error} This shows the last reading."
        except KeyboardInterrupt:
            return


def _has_blocks() -> bool:
    return not out.options.ascii_only


def _now() -> datetime:
    return datetime.now().astimezone()
