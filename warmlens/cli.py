"""The command line `warmlens`."""

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from warmlens.command_line import AsJson, Folder, run
from warmlens.console import err, out
from warmlens.doctor import commands as doctor_commands
from warmlens.errors import WarmlensError
from warmlens.local import commands as local_commands
from warmlens.local.aws import ENV_NAME
from warmlens.paths import LOCAL_CLOUD, STATE_FILE
from warmlens.planner import commands as plan_commands
from warmlens.progress import spinner
from warmlens.registry import commands as model_commands
from warmlens.warm import MAX_INSTANCES, warm

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(doctor_commands.app)
app.add_typer(local_commands.app, name="local")
app.add_typer(model_commands.app, name="model")
app.add_typer(plan_commands.app, name="plan")


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(app))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"warmlens {metadata.version('warmlens')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Image recognition on AWS Lambda that does not start cold."""


@app.command(name="classify")
def classify_command(
    image: Annotated[Path, typer.Argument(help="A JPEG, PNG, WebP or GIF file.")],
    url: Annotated[
        str | None,
        typer.Option(help="Root of an open API, instead of an environment."),
    ] = None,
    env: Annotated[
        str | None,
        typer.Option(help="Environment: dev, prod, ... Without it, the local cloud that runs."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Upload a photo and print its top five classes.

    An environment in AWS is found, and its API key or your signature sent, with the credentials and
    region of the shell. Exit code 1 if the photo was not classified, 3 if the environment is not
    there.
    """
    if url is not None and env is not None:
        raise typer.BadParameter("give --url or --env, not both")
    from warmlens.classify import classify

    auth = None
    if url is None:
        from warmlens.deployment import find_deployment

        deployment = find_deployment(env or ENV_NAME, local_state=LOCAL_CLOUD / STATE_FILE)
        url, auth = deployment.api_url, deployment.api_auth()
    with spinner("classifying"):
        answer = classify(image, url=url, auth=auth)
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    table = Table("class", "id", "softmax")
    for rank in range(1, 6):
        if f"TOP{rank}_ID" in answer:
            table.add_row(
                answer[f"TOP{rank}_label"],
                answer[f"TOP{rank}_ID"],
                f"{answer[f'TOP{rank}_softmax']:.4f}",
            )
    out.print_table(table)
    temperature = "cold" if answer["cold_start"] else "warm"
    out.print(f"{answer['time'] * 1000:.0f} ms in the function, on a {temperature} instance")


@app.command(name="page")
def page_command(
    env: Annotated[str, typer.Option(help="Environment: dev, prod, ..., or local.")],
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Print the address of an environment's page, with the API key that it asks for.

    Whoever has the address may use the service. Exit code 3 if the environment is not there.
    """
    from warmlens.deployment import NOT_FOUND, ApiKeyAuth, find_deployment

    deployment = find_deployment(env, local_state=folder / STATE_FILE)
    auth = deployment.api_auth()
    url = deployment.api_url if env == ENV_NAME else deployment.outputs.get("WebUrl")
    if url is None:
        message = f"{env} has no page: its settings have web = False."
        raise WarmlensError("no_page", message, exit_code=NOT_FOUND)
    address = f"{url}/#key={auth.key}" if isinstance(auth, ApiKeyAuth) else url
    typer.echo(json.dumps({"url": address}) if as_json else address)


@app.command(name="warm")
def warm_command(
    instances: Annotated[
        int, typer.Argument(min=1, max=MAX_INSTANCES, help="How many instances to wake.")
    ],
    env: Annotated[
        str,
        typer.Option("--env", help="Environment: local (the one that `make run` runs), prod, ..."),
    ] = "local",
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Wake instances at once and tell how many distinct ones answered.

    Exit code 1 if none did, 3 if the environment is not there. Fewer than asked for is no failure:
    the answer says so, and why.
    """
    from warmlens.deployment import find_deployment

    deployment = find_deployment(env, local_state=folder / STATE_FILE)
    with spinner("warming"):
        report = warm(deployment.outputs, deployment.lambda_, deployment.name, instances)
    if as_json:
        typer.echo(json.dumps(report.figures))
    else:
        figures = report.figures
        out.print(
            f"{figures['distinct']} of {figures['requested']} instances are warm, "
            f"{figures['cold']} of them started for it; rounds: {figures['rounds']}, "
            f"held for {figures['held_s']:.1f} instance-seconds"
        )
    if report.limited_by:
        err.print(f"No more are possible: {report.limited_by}.")
    if report.throttled:
        err.print(f"Calls that were throttled: {report.throttled}.")
    for problem in report.errors:
        err.print(problem)


if __name__ == "__main__":
    main()
