"""The command `warmlens doctor`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from warmlens import completion
from warmlens.command_line import AsJson, Folder
from warmlens.console import out
from warmlens.doctor.check import Check, Goal, is_ready
from warmlens.local.state import StateFile
from warmlens.paths import LOCAL_CLOUD, STATE_FILE
from warmlens.progress import spinner

_STYLES = {"ok": "green", "warning": "yellow", "problem": "red", "unknown": "yellow"}


def doctor(
    deploy: Annotated[
        bool,
        typer.Option("--deploy", help="Also fail if something needed to deploy to AWS is missing."),
    ] = False,
    env: Annotated[
        str | None,
        typer.Option(
            "--env",
            help="Also compare the settings of this environment with the account's limits.",
            autocompletion=completion.environments,
        ),
    ] = None,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Check this machine and the AWS account.

    Prints how to fix each problem, and how to remove stacks that the app no longer has. AWS calls
    use the credentials of the shell and change nothing. Exit code 1 if the app cannot
    run on this machine, or with --deploy if it cannot be deployed to AWS.
    """
    from warmlens.doctor.account import account_checks
    from warmlens.doctor.machine import machine_checks

    checks: list[Check] = []
    with spinner("checking") as on_step:
        on_step("this machine")
        checks += machine_checks(StateFile(folder / STATE_FILE).read())
        on_step("the AWS account")
        checks += account_checks(env)
    if as_json:
        document = {
            "ready_to_run": is_ready(checks, "run"),
            "ready_to_deploy": is_ready(checks, "deploy"),
            "checks": [asdict(check) for check in checks],
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        _print(checks)
    goal: Goal = "deploy" if deploy else "run"
    raise typer.Exit(0 if is_ready(checks, goal) else 1)


def _print(checks: list[Check]) -> None:
    table = Table("check", "for", "state", "found")
    for check in checks:
        table.add_row(check.name, check.goal, Text(check.state, _STYLES[check.state]), check.found)
    out.print_table(table)
    for check in checks:
        if check.mend:
            out.print(f"{check.name}: {check.mend}")
    out.print(f"Ready to run the app here: {_yes_or_no(is_ready(checks, 'run'))}")
    out.print(f"Ready to deploy it to AWS: {_yes_or_no(is_ready(checks, 'deploy'))}")


def _yes_or_no(answer: bool) -> str:
    return "yes" if answer else "no"
