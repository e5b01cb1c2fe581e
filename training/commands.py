"""The commands of training, and `warmlens model data check`.

`app` has all of them; `warmlens model` shows them if the package `training` is installed.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from training import comparison_command, run_commands, version_commands
from warmlens.command_line import AsJson
from warmlens.console import out
from warmlens.groups import Group
from warmlens.progress import progress_bar

app = typer.Typer()
data_app = typer.Typer(cls=Group, no_args_is_help=True, help="Check photos before training.")
app.add_typer(run_commands.app)
app.add_typer(comparison_command.app)
app.add_typer(data_app, name="data")
app.add_typer(version_commands.app)


@data_app.command(epilog="Example: warmlens model data check photos")
def check(
    folder: Annotated[
        Path, typer.Argument(help="Folder with train/CLASS/*.jpg and val/CLASS/*.jpg, or CLASS/*.")
    ],
    as_json: AsJson = False,
) -> None:
    """Check a folder of photos before training.

    Exit code 1 if there are errors.
    """
    from training.data_check import check_data

    with progress_bar("reading photos") as on_progress:
        report = check_data(folder, on_progress)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        out.print(report.text())
    if not report.ok:
        raise typer.Exit(1)
