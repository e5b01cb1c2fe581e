"""The command line `warmlens`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from warmlens.command_line import AsJson, Env, Folder, OptionalEnv, run
from warmlens.console import err, out
from warmlens.doctor.commands import doctor
from warmlens.errors import WarmlensError
from warmlens.groups import LazyGroup
from warmlens.local.aws import ENV_NAME
from warmlens.paths import LOCAL_CLOUD, STATE_FILE
from warmlens.progress import spinner
from warmlens.warm import MAX_INSTANCES, warm
from warmlens.watch.commands import watch

_CONCURRENCY = 4  # at 0.4 s a photo, the 10 calls a second that an API allows by default


class _Commands(LazyGroup):
    modules = {  # noqa: RUF012 - never changed
        "batch": ("warmlens.batch.commands", "Classify photos of a bucket by Step Functions."),
        "local": ("warmlens.local.commands", "Run the app on this machine, without AWS."),
        "model": ("warmlens.registry.commands", "Train, publish and serve model versions."),
        "photos": ("warmlens.photo_commands", "List and delete uploaded photos."),
        "plan": ("warmlens.planner.commands", "Plan instances, memory and cost before deploying."),
        "prices": ("warmlens.prices.commands", "List prices, compare them with AWS's."),
    }

    sections = {  # noqa: RUF012 - never changed
        "Use the service": ("classify", "page", "batch", "photos"),
        "Models": ("model",),
        "Operate": ("watch", "warm", "doctor"),
        "Plan": ("plan", "prices"),
        "On this machine": ("local",),
    }


# Typer's boxed help costs 0.1 s of imports and shows `<bool>` beside flags.
app = typer.Typer(
    cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(app))


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"warmlens {metadata.version('warmlens')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Image recognition on AWS Lambda that hides most cold starts.

    Commands print tables on a terminal, and tab-separated lines in a pipe. With --json they print
    JSON and nothing else. A command that fails prints one line on standard error, or with
    --json {"error": {"code", "message"}} on standard output, and its exit code is not 0.
    """


@app.command(name="classify", epilog="Example: warmlens classify photo.jpg --env dev")
def classify_command(
    image: Annotated[
        str,
        typer.Argument(
            help="A JPEG, PNG, WebP or GIF file, a folder of them, or s3://BUCKET/PREFIX."
        ),
    ],
    url: Annotated[str | None, typer.Option(help="URL of an open API, instead of --env.")] = None,
    env: OptionalEnv = None,
    upload: Annotated[
        bool, typer.Option("--upload", help="Upload the photo to S3 first, as larger ones are.")
    ] = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            "--explain", help="PNG or JPEG file to write: the photo with the class's map in red."
        ),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--out", help="JSON Lines file for the results; required for several photos."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=100, help="Calls at once, with --out.")
    ] = _CONCURRENCY,
    as_json: AsJson = False,
) -> None:
    """Classify a photo, or several with --out.

    Prints the top five classes, or that the photo probably shows none of the model's classes. A
    photo of up to 4.4 MB is sent in one call; a larger one is uploaded first. Without --env or
    --url, the local cloud is used. AWS calls use the credentials and region of the shell; an API
    with auth = "jwt" needs a token in WARMLENS_TOKEN. Exit code 1 if the photo was not
    classified, 3 if the environment does not exist.

    With --out, writes one line for each photo to that file and prints a summary. Run the same
    command again to continue an interrupted run and to retry failed photos. Exit code 1 if a
    photo was not classified.
    """
    many = results is not None or image.startswith("s3://") or Path(image).is_dir()
    if url is not None and env is not None:
        raise typer.BadParameter("give --url or --env, not both")
    if many and explain is not None:
        raise typer.BadParameter("--explain takes one photo")
    if many and results is None:
        raise typer.BadParameter("give --out, a file for the results of many photos")
    auth = deployment = None
    if url is None:
        from warmlens.deployment import find_deployment

        deployment = find_deployment(env or ENV_NAME, local_state=LOCAL_CLOUD / STATE_FILE)
        url, auth = deployment.api_url, deployment.api_auth()
    if results is not None:
        from warmlens.batch.many import classify_many
        from warmlens.batch.summary import print_summary

        figures, others = classify_many(
            image,
            results,
            url=url,
            auth=auth,
            deployment=deployment,
            concurrency=concurrency,
            upload=upload,
        )
        if as_json:
            typer.echo(json.dumps(figures, indent=2))
        else:
            print_summary(figures, others)
        if figures["failed"]:
            raise typer.Exit(1)
        return
    from warmlens.answer import print_answer
    from warmlens.classify import classify
    from warmlens.explanation import require_picture_path, write_picture

    if explain is not None:
        require_picture_path(explain)
    with spinner("classifying"):
        answer = classify(
            Path(image), url=url, auth=auth, upload=upload, explain=explain is not None
        )
    if explain is not None:
        write_picture(Path(image), answer, explain)
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    print_answer(answer, url=url, auth=auth, deployment=deployment)


@app.command(name="page", epilog="Example: warmlens page --env prod")
def page_command(env: Env, folder: Folder = LOCAL_CLOUD, as_json: AsJson = False) -> None:
    """Print the address of an environment's page.

    The address contains the API key: anyone who has it can use the service. Exit code 3 if the
    environment does not exist.
    """
    from warmlens.deployment import NOT_FOUND, ApiKeyAuth, find_deployment

    deployment = find_deployment(env, local_state=folder / STATE_FILE)
    url = deployment.api_url if env == ENV_NAME else deployment.outputs.get("WebUrl")
    if url is None:
        message = f"{env} has no page: its settings have web = False."
        raise WarmlensError("no_page", message, exit_code=NOT_FOUND)
    auth = deployment.api_auth()
    address = f"{url}/#key={auth.key}" if isinstance(auth, ApiKeyAuth) else url
    if as_json:
        typer.echo(json.dumps({"url": address}))
    else:
        out.print(address)


@app.command(name="warm", epilog="Example: warmlens warm 5 --env prod")
def warm_command(
    instances: Annotated[
        int | None,
        typer.Argument(
            min=1,
            max=MAX_INSTANCES,
            help="Number of instances to wake. Default: as many as a scheduled run.",
            show_default=False,
        ),
    ] = None,
    env: Env = ENV_NAME,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Wake instances and print how many answered.

    If fewer answered than requested, the reason is printed on standard error; this is not an
    error. Exit code 1 if none answered, 3 if the environment does not exist.
    """
    from warmlens.deployment import find_deployment

    deployment = find_deployment(env, local_state=folder / STATE_FILE)
    with spinner("warming"):
        report = warm(deployment.outputs, deployment.lambda_, deployment.name, instances)
    figures = report.figures
    if as_json:
        typer.echo(json.dumps({**figures, "chosen_because": report.chosen_because}))
    else:
        out.print(
            f"{figures['distinct']} of {figures['requested']} instances are warm, "
            f"{figures['cold']} of them just started; rounds: {figures['rounds']}, the first "
            f"held for {figures['hold_ms']} ms, {figures['held_s']:.1f} instance-seconds in all"
        )
        if instances is None:
            out.print(f"This number was chosen because {report.chosen_because}.")
    if report.limited_by:
        err.print(f"No more are possible: {report.limited_by}.")
    if report.throttled:
        err.print(f"Throttled calls: {report.throttled}.")
    for problem in report.errors:
        err.print(problem)


app.command(epilog="Example: warmlens watch --env prod")(watch)
app.command(epilog="Example: warmlens doctor --deploy")(doctor)


if __name__ == "__main__":
    main()
