"""`warmlens model`: the model versions of this repository."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import boto3
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from warmlens.models import data_commands, training_commands
from warmlens.models.catalog import list_models
from warmlens.models.errors import ModelError
from warmlens.models.publish import UploadProgress, publish_model
from warmlens.models.verify import verify_model
from warmlens.paths import MODEL_ARTIFACTS

app = typer.Typer(no_args_is_help=True, help="List, verify, publish and train model versions.")
app.add_typer(data_commands.app, name="data")
app.add_typer(training_commands.app)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Folder = Annotated[Path, typer.Option("--folder", help="Folder of model artifacts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@app.command(name="list")
def list_command(folder: Folder = MODEL_ARTIFACTS, as_json: AsJson = False) -> None:
    """List the model versions in a folder. Exit code 1 if one has no readable manifest."""
    try:
        catalog = list_models(folder)
    except ModelError as error:
        raise _refused(error) from None
    if as_json:
        models = [
            {**dataclasses.asdict(model), "folder": str(model.folder)} for model in catalog.versions
        ]
        faults = [dataclasses.asdict(fault) for fault in catalog.faults]
        typer.echo(json.dumps({"models": models, "faults": faults}, indent=2))
    else:
        name = Column("name", no_wrap=True)  # to be copied: never cut where the window is narrow
        table = Table(name, "version", Column("architecture", overflow="fold"), "precision", "MB")
        for model in catalog.versions:
            table.add_row(
                model.name,
                model.version,
                model.architecture,
                model.precision,
                f"{model.bytes / 1e6:.1f}",
            )
        out.print(table)
        for fault in catalog.faults:
            err.print(fault.message, style="red", markup=False)
    if catalog.faults:
        raise typer.Exit(1)


@app.command()
def verify(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Argument(help="Its version, such as 1.0.0.")],
    folder: Folder = MODEL_ARTIFACTS,
    as_json: AsJson = False,
) -> None:
    """Check that a version's files are what its manifest says. Exit code 1 if they are not."""
    findings = verify_model(folder / name / version)
    if as_json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        typer.echo(json.dumps({"name": name, "version": version, "findings": rows}, indent=2))
    elif findings:
        for finding in findings:
            err.print(finding.message, style="red", markup=False)
    else:
        out.print(f"{name} {version} is what its manifest says.")
    if findings:
        raise typer.Exit(1)


@app.command()
def publish(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Argument(help="Its version, such as 1.0.0.")],
    bucket: Annotated[
        str, typer.Option(help="The models bucket: output ModelsBucket of the storage stack.")
    ],
    folder: Folder = MODEL_ARTIFACTS,
) -> None:
    """Publish a version to the models bucket of a deployed environment.

    Uses the AWS credentials and region of the shell. A published version is never changed.
    """
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task(f"{name} {version}")

        def on_progress(upload: UploadProgress) -> None:
            progress.update(task, total=upload.count, completed=upload.index - 1)

        try:
            result = publish_model(folder / name / version, bucket, boto3.client("s3"), on_progress)
        except ModelError as error:
            raise _refused(error) from None
    if result.published:
        out.print(f"Published {name} {version} to {bucket}.")
    else:
        out.print(f"{name} {version} is in {bucket} already, unchanged.")


def _refused(error: ModelError) -> typer.Exit:
    err.print(f"{error.code}: {error.message}", style="red", markup=False)
    return typer.Exit(1)
