"""The commands `warmlens model list`, `classes`, `verify`, and the group of all model commands."""

import dataclasses
import importlib.util
import json
from importlib import metadata
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from warmlens.command_line import (
    AsJson,
    Folder,
    ModelName,
    Models,
    ModelVersion,
    OptionalEnv,
)
from warmlens.console import err, out
from warmlens.errors import missing_package
from warmlens.groups import Group
from warmlens.local.aws import ENV_NAME
from warmlens.paths import LOCAL_CLOUD, MODEL_ARTIFACTS, STATE_FILE
from warmlens.progress import spinner
from warmlens.registry import store_commands
from warmlens.registry.store_commands import (
    list_published,
    verify_published,
)

# Commands of the package training, which needs PyTorch.
TRAINING_COMMANDS = (
    "data",
    "train",
    "pretrain",
    "compare",
    "export",
    "evaluate",
    "import",
    "calibrate",
)


class _ModelGroup(Group):
    sections = {  # noqa: RUF012 - never changed
        "Make a version": ("data", "train", "export", "import", "calibrate"),
        "Serve it": ("verify", "publish", "serve", "rollback"),
        "Look at it": ("list", "classes", "diff", "evaluate"),
        "Compare and pretrain": ("compare", "pretrain"),
    }

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; those of training are hidden without PyTorch."""
        command: Any = super().get_command(ctx, cmd_name)
        if command is not None and cmd_name in TRAINING_COMMANDS:
            command.hidden = not _has_pytorch()
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command to run; without PyTorch, those of training only print their help."""
        name = args[0]
        installed = name in self.commands and ("--help" in args or _has_pytorch())
        if name in TRAINING_COMMANDS and not installed and not ctx.resilient_parsing:
            raise missing_package("torch")
        return super().resolve_command(ctx, args)


def _has_pytorch() -> bool:
    try:
        return importlib.util.find_spec("torch") is not None
    except ImportError:
        return False


app = typer.Typer(
    cls=_ModelGroup, no_args_is_help=True, help="Train, publish and serve model versions."
)
app.add_typer(store_commands.app)
for plugin in metadata.entry_points(group="warmlens.model_commands"):
    app.add_typer(plugin.load())


@app.command(name="list", epilog="Example: warmlens model list --env dev")
def list_command(
    env: OptionalEnv = None,
    models: Models = MODEL_ARTIFACTS,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """List local or published model versions.

    With --env, lists the versions published in the environment; otherwise those in a folder. For a
    folder, --json includes the threshold for recognized photos, the shares of own photos kept and
    of other things found, and AUROC. Exit code 1 if a version has no readable manifest.
    """
    if env is not None:
        list_published(env, folder, as_json)
        return
    from warmlens.registry.catalog import list_models

    catalog = list_models(models)
    if as_json:
        rows = [
            {**dataclasses.asdict(model), "folder": str(model.folder)} for model in catalog.versions
        ]
        faults = [dataclasses.asdict(fault) for fault in catalog.faults]
        typer.echo(json.dumps({"models": rows, "faults": faults}, indent=2))
    else:
        name = Column("name", no_wrap=True)  # to be copied: never cut where the window is narrow
        architecture = Column("architecture", overflow="fold")
        table = Table(name, "version", architecture, "precision", "MB")
        for model in catalog.versions:
            table.add_row(
                model.name,
                model.version,
                model.architecture,
                model.precision,
                f"{model.bytes / 1e6:.1f}",
            )
        out.print_table(table)
        for fault in catalog.faults:
            err.print(fault.message, style="red")
    if catalog.faults:
        raise typer.Exit(1)


@app.command(name="classes", epilog="Example: warmlens model classes --env dev")
def classes_command(
    url: Annotated[str | None, typer.Option(help="URL of an open API, instead of --env.")] = None,
    env: OptionalEnv = None,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Print the names of the served model's classes.

    Asks the API, so the names are those of the model that answers now. Without --env or --url, the
    local cloud is asked. Exit code 3 if the environment does not exist.
    """
    from warmlens.answer import knowledge
    from warmlens.classify import served_model

    if url is not None and env is not None:
        raise typer.BadParameter("give --url or --env, not both")
    auth = None
    if url is None:
        from warmlens.deployment import find_deployment

        deployment = find_deployment(env or ENV_NAME, local_state=folder / STATE_FILE)
        url, auth = deployment.api_url, deployment.api_auth()
    with spinner("asking"):
        model = served_model(url, auth)
    if as_json:
        typer.echo(json.dumps(dict(model.raw), indent=2))
        return
    err.print(f"{model.model} {model.version} knows {knowledge(len(model.labels), model.title)}:")
    for label in model.labels:
        out.print(label)


@app.command(epilog="Example: warmlens model verify products-resnet50 1.1.0")
def verify(
    name: ModelName,
    version: ModelVersion,
    env: OptionalEnv = None,
    models: Models = MODEL_ARTIFACTS,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Check a model version against its manifest.

    For published files, compares the checksums that S3 computed at the upload. Exit code 1 if a
    file is missing or damaged.
    """
    if env is None:
        from warmlens.registry.verify import verify_model

        findings = verify_model(models / name / version)
    else:
        findings = verify_published(name, version, env, folder, as_json=as_json)
    if as_json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        typer.echo(json.dumps({"name": name, "version": version, "findings": rows}, indent=2))
    elif findings:
        for finding in findings:
            err.print(f"{finding.code}: {finding.message}", style="red")
    else:
        out.print(f"{name} {version} matches its manifest.")
    if findings:
        raise typer.Exit(1)
