"""The command line `warmlens`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from warmlens.api_auth import ApiKeyAuth
from warmlens.classify import ClassifyError, classify
from warmlens.deployed import EnvironmentNotFoundError, find_environment
from warmlens.local import commands as local_commands
from warmlens.local.cloud import ENV_NAME
from warmlens.local.state import DEFAULT_FOLDER, STATE_FILE
from warmlens.models import commands as model_commands

main = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Image recognition on AWS Lambda that does not start cold.",
)
main.add_typer(local_commands.app, name="local")
main.add_typer(model_commands.app, name="model")
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@main.command(name="classify")
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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the API's answer as JSON and nothing else.")
    ] = False,
) -> None:
    """Upload a photo and print its top five classes.

    An environment in AWS is found, and its API key or your signature sent, with the credentials and
    region of the shell. Exit code 1 if the photo was not classified, 3 if the environment is not
    there.
    """
    if url is not None and env is not None:
        raise typer.BadParameter("give --url or --env, not both")
    auth = None
    if url is None:
        try:
            environment = find_environment(env or ENV_NAME, local_state=DEFAULT_FOLDER / STATE_FILE)
            url, auth = environment.api_url, environment.api_auth()
        except EnvironmentNotFoundError as error:
            if as_json:
                typer.echo(json.dumps({"error": {"code": "not_running", "message": str(error)}}))
            else:
                err.print(str(error), markup=False)
            raise typer.Exit(3) from None
    try:
        answer = classify(image, url=url, auth=auth)
    except ClassifyError as error:
        if as_json:
            typer.echo(json.dumps({"error": {"code": error.code, "message": str(error)}}))
        else:
            err.print(f"{error.code}: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
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
    out.print(table)
    temperature = "cold" if answer["cold_start"] else "warm"
    out.print(f"{answer['time'] * 1000:.0f} ms in the function, on a {temperature} instance")


@main.command(name="page")
def page_command(
    env: Annotated[str, typer.Option(help="Environment in AWS: dev, prod, ...")],
) -> None:
    """Print the address of an environment's page, with the API key that it asks for.

    Whoever has the address may use the service. Exit code 3 if the environment is not there.
    """
    try:
        environment = find_environment(env, local_state=DEFAULT_FOLDER / STATE_FILE)
        auth = environment.api_auth()
    except EnvironmentNotFoundError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(3) from None
    url = environment.outputs.get("WebUrl")
    if url is None:
        err.print(f"{env} has no page: its settings have web = False.")
        raise typer.Exit(3)
    typer.echo(f"{url}/#key={auth.key}" if isinstance(auth, ApiKeyAuth) else url)


if __name__ == "__main__":
    main()
