"""The command line `warmlens`."""

import json
from importlib import metadata
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from warmlens.api_auth import ApiKeyAuth
from warmlens.bench import commands as bench_commands
from warmlens.classify import ClassifyError, classify
from warmlens.deployed import EnvironmentNotFoundError, find_environment
from warmlens.doctor import commands as doctor_commands
from warmlens.experiments import commands as experiment_commands
from warmlens.local import commands as local_commands
from warmlens.local.aws import ENV_NAME
from warmlens.local.state import DEFAULT_FOLDER, STATE_FILE
from warmlens.models import commands as model_commands
from warmlens.planner import commands as plan_commands
from warmlens.refusals import tell_refusal
from warmlens.tables import print_table
from warmlens.under_way import under_way
from warmlens.warm import MAX_INSTANCES, WarmError, warm

main = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
main.add_typer(doctor_commands.app)
main.add_typer(local_commands.app, name="local")
main.add_typer(model_commands.app, name="model")
main.add_typer(bench_commands.app, name="bench")
main.add_typer(experiment_commands.app, name="experiments")
main.add_typer(plan_commands.app, name="plan")
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"warmlens {metadata.version('warmlens')}")
        raise typer.Exit


@main.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Image recognition on AWS Lambda that does not start cold."""


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
            _refuse(error.code, str(error), as_json=as_json, exit_code=3)
    try:
        with under_way(err, "classifying"):
            answer = classify(image, url=url, auth=auth)
    except ClassifyError as error:
        _refuse(error.code, str(error), as_json=as_json, exit_code=1)
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
    print_table(out, table)
    temperature = "cold" if answer["cold_start"] else "warm"
    out.print(f"{answer['time'] * 1000:.0f} ms in the function, on a {temperature} instance")


@main.command(name="page")
def page_command(
    env: Annotated[str, typer.Option(help="Environment: dev, prod, ..., or local.")],
    local_folder: Annotated[
        Path, typer.Option("--local-folder", help="Folder of the local cloud's state.")
    ] = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Print the address of an environment's page, with the API key that it asks for.

    Whoever has the address may use the service. Exit code 3 if the environment is not there.
    """
    try:
        environment = find_environment(env, local_state=local_folder / STATE_FILE)
        auth = environment.api_auth()
    except EnvironmentNotFoundError as error:
        _refuse(error.code, str(error), as_json=as_json, exit_code=3)
    url = environment.api_url if env == ENV_NAME else environment.outputs.get("WebUrl")
    if url is None:
        message = f"{env} has no page: its settings have web = False."
        _refuse("no_page", message, as_json=as_json, exit_code=3)
    address = f"{url}/#key={auth.key}" if isinstance(auth, ApiKeyAuth) else url
    typer.echo(json.dumps({"url": address}) if as_json else address)


@main.command(name="warm")
def warm_command(
    instances: Annotated[
        int, typer.Argument(min=1, max=MAX_INSTANCES, help="How many instances to wake.")
    ],
    env: Annotated[
        str,
        typer.Option("--env", help="Environment: local (the one that `make run` runs), prod, ..."),
    ] = "local",
    local_folder: Annotated[
        Path, typer.Option("--local-folder", help="Folder of the local cloud's state.")
    ] = DEFAULT_FOLDER,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")
    ] = False,
) -> None:
    """Wake instances at once and tell how many distinct ones answered.

    Exit code 1 if none did, 3 if the environment is not there. Fewer than asked for is no failure:
    the answer says so, and why.
    """
    try:
        environment = find_environment(env, local_state=local_folder / STATE_FILE)
        with under_way(err, "warming"):
            report = warm(environment.outputs, environment.lambda_, environment.name, instances)
    except EnvironmentNotFoundError as error:
        _refuse(error.code, str(error), as_json=as_json, exit_code=3)
    except WarmError as error:
        _refuse(error.code, str(error), as_json=as_json, exit_code=1)
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
        err.print(f"No more are possible: {report.limited_by}.", markup=False)
    if report.throttled:
        err.print(f"Calls that were throttled: {report.throttled}.")
    for problem in report.errors:
        err.print(problem, markup=False)


def _refuse(code: str, message: str, *, as_json: bool, exit_code: int) -> NoReturn:
    tell_refusal(code, message, as_json=as_json)
    raise typer.Exit(exit_code)


if __name__ == "__main__":
    main()
