"""`warmlens model data`: check a folder of photos."""

import json
from pathlib import Path
from typing import Annotated

import typer

from warmlens.command_line import AsJson
from warmlens.console import out
from warmlens.groups import Group
from warmlens.progress import progress_bar

app = typer.Typer(cls=Group, no_args_is_help=True, help="Check photos to train on.")


@app.command(epilog="Example: warmlens model data check photos")
def check(
    folder: Annotated[
        Path, typer.Argument(help="DIR/train/CLASS/*.jpg and DIR/val/CLASS/*.jpg, or DIR/CLASS/*.")
    ],
    as_json: AsJson = False,
) -> None:
    """Check a folder of photos before training on it. Exit code 1 if there are errors."""
    from training.data import check_data

    with progress_bar("Reading") as on_progress:
        report = check_data(folder, on_progress)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        out.print(report.text())
    if not report.ok:
        raise typer.Exit(1)
