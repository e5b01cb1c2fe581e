"""The commands `warmlens batch`."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from warmlens.command_line import AsJson, Env
from warmlens.console import err, out
from warmlens.errors import WarmlensError
from warmlens.groups import Group
from warmlens.paths import LOCAL_CLOUD, STATE_FILE
from warmlens.progress import progress_bar

if TYPE_CHECKING:
    from warmlens.batch.step_functions import Batches, Estimate, Run

app = typer.Typer(cls=Group, no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="RUN", help="Name that batch start printed.")]


@app.callback()
def batch() -> None:
    """Classify photos of an environment's bucket by Step Functions.

    The environment needs the setting batch = True. For photos on this machine or in another
    bucket, use warmlens classify with --out.
    """


@app.command(name="start", epilog="Example: warmlens batch start uploads/2026/ --env prod")
def start_command(
    place: Annotated[
        str,
        typer.Argument(metavar="PREFIX", help="Prefix of the photos' keys, or its s3:// address."),
    ],
    env: Env,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return without waiting for the end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start a batch, after printing its cost and asking.

    Counts the photos, and classifies one of them to estimate time and cost. Prints at the end
    where the results are. A photo that cannot be classified gets a line with an error; the run
    does not fail. Exit code 1 if the run failed or some photos have no result, 3 if the
    environment does not exist.
    """
    batches = _batches(env)
    estimate = batches.estimate(place)
    if not as_json:
        _print_estimate(estimate)
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise WarmlensError("not_confirmed", "Nothing was started: give --yes to start it.")
        typer.confirm("Start it?", abort=True, err=True)
    name = batches.start(estimate.prefix)
    if detach:
        if as_json:
            typer.echo(json.dumps({"run": name, "estimate": asdict(estimate)}))
        else:
            out.print(f"run {name}")
        return
    err.print(f"Run {name}. Ctrl-C ends this display only; warmlens batch stop ends the run.")
    with progress_bar("classifying") as show:
        run = batches.follow(name, lambda state: show(state.done, state.total or None))
    _report(run, as_json=as_json, estimate=estimate)


@app.command(name="status", epilog="Example: warmlens batch status RUN --env prod")
def status_command(name: Name, env: Env, as_json: AsJson = False) -> None:
    """Print the state of a batch. Exit code 1 if it failed, 3 if the environment does not exist."""
    _report(_batches(env).state(name), as_json=as_json)


@app.command(name="stop", epilog="Example: warmlens batch stop RUN --env prod")
def stop_command(name: Name, env: Env) -> None:
    """Stop a batch. Its results have the photos classified until then."""
    _batches(env).stop(name)
    out.print(f"run {name} ends")


def _batches(env: str) -> "Batches":
    from warmlens.batch.step_functions import Batches
    from warmlens.deployment import aws_session, find_deployment

    deployment = find_deployment(env, local_state=LOCAL_CLOUD / STATE_FILE)
    return Batches(deployment, aws_session().client("stepfunctions"))


def _print_estimate(estimate: "Estimate") -> None:
    parts = ", ".join(f"{name.replace('_', ' ')} ${usd:.4f}" for name, usd in estimate.usd.items())
    out.print(f"{estimate.photos} photos, {estimate.photo_s * 1000:.0f} ms each in the function")
    total = sum(estimate.usd.values())
    if estimate.unpriced:
        out.print(f"cost: not known: {estimate.unpriced}")
    else:
        out.print(f"cost: about ${total:.4f} ({parts}), by list prices of {estimate.priced}")
    out.print(f"time: at least {estimate.shortest_s / 60:.1f} minutes")
    if estimate.unreadable:
        err.print(
            f"{estimate.unreadable} of them have names that the function does not read, such as "
            f"{estimate.examples[0]}: they get an error. warmlens classify with --out reads them."
        )


def _report(run: "Run", *, as_json: bool, estimate: "Estimate | None" = None) -> None:
    if as_json:
        more = {} if estimate is None else {"estimate": asdict(estimate)}
        typer.echo(json.dumps({**asdict(run), **more}))
    else:
        out.print(f"{run.status.lower()}: {run.done} of {run.total} photos")
        if run.results is not None:
            out.print(f"results: {run.results}")
        if run.failed:
            err.print(f"{run.failed} photos have no result: their part of the run failed.")
        if run.reason is not None:
            err.print(run.reason)
    if run.status not in ("RUNNING", "SUCCEEDED") or run.failed:
        raise typer.Exit(1)
