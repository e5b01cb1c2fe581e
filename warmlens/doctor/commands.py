"""`warmlens doctor`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from warmlens.command_line import AsJson, Folder
from warmlens.console import err, out
from warmlens.doctor.check import Check, Goal, is_ready
from warmlens.local.state import StateFile
from warmlens.paths import LOCAL_CLOUD, STATE_FILE

_STYLES = {"ok": "green", "warning": "yellow", "problem": "red", "unknown": "yellow"}


def doctor(
    deploy: Annotated[
        bool,
        typer.Option("--deploy", help="Fail also when deploying to AWS lacks something."),
    ] = False,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Check what running the app here and deploying it to AWS need, and say how to fix the rest.

    Asks AWS with the credentials of the shell, and changes nothing. Exit code 1 if running here is
    not possible, or with --deploy if deploying is not.
    """
    from warmlens.doctor.account import account_checks
    from warmlens.doctor.machine import machine_checks

    checks: list[Check] = []
    with err.status("Looking at this machine ..."):
        checks += machine_checks(StateFile(folder / STATE_FILE).read())
    with err.status("Asking AWS ..."):
        checks += account_checks()
    goal: Goal = "deploy" if deploy else "run"
    if as_json:
        answer = {
            "ready_to_run": is_ready(checks, "run"),
            "ready_to_deploy": is_ready(checks, "deploy"),
            "checks": [asdict(check) for check in checks],
        }
        typer.echo(json.dumps(answer, indent=2))
    else:
        _show(checks)
    raise typer.Exit(0 if is_ready(checks, goal) else 1)


def _show(checks: list[Check]) -> None:
    table = Table("check", "for", "state", "found")
    for check in checks:
        state = f"[{_STYLES[check.state]}]{check.state}[/]"
        table.add_row(check.name, check.goal, state, check.found)
    out.print_table(table)
    for check in checks:
        if check.mend:
            out.print(f"{check.name}: {check.mend}")
    for goal, words in (("run", "run the app here"), ("deploy", "deploy it to AWS")):
        is_so = is_ready(checks, "run" if goal == "run" else "deploy")
        out.print(f"Ready to {words}: {'yes' if is_so else 'no'}")
