"""The commands `warmlens local up`, `down` and `status`."""

import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from warmlens import completion
from warmlens.command_line import AsJson, Folder, Models
from warmlens.console import out
from warmlens.errors import WarmlensError
from warmlens.groups import Group
from warmlens.local.aws import CONCURRENCY, LocalAws
from warmlens.local.state import RunningCloud, StateFile
from warmlens.paths import LOCAL_CLOUD, MODEL_ARTIFACTS, STATE_FILE, require_checkout
from warmlens.runtime.idle_expiry import idle_expiry_from_minutes

if TYPE_CHECKING:
    from warmlens.local.cloud import CloudInfo, Steps

WEB_PORT = 8080
STOP_TIMEOUT_S = 60
MAX_PLATFORM_MS = 20_000  # API Gateway gives a call up after 29 s

app = typer.Typer(cls=Group, no_args_is_help=True, help="Run the app on this machine, without AWS.")


def running_cloud(folder: Path = LOCAL_CLOUD) -> RunningCloud | None:
    """Return the running local cloud whose state is in this folder, or None."""
    return StateFile(folder / STATE_FILE).read()


@app.command(epilog="Example: warmlens local up --model products-resnet50")
def up(
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Port of the page and the API; 0 chooses a free one. Default: 8080, or a free "
            "port if 8080 is taken.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to serve: NAME for its newest version, or NAME@VERSION. Default: the "
            "model in the settings.",
            autocompletion=completion.models,
        ),
    ] = None,
    api: Annotated[
        Literal["rest", "http"] | None,
        typer.Option(help="Kind of API. Default: the one in the settings."),
    ] = None,
    models: Models = MODEL_ARTIFACTS,
    torch_index: Annotated[
        str | None,
        typer.Option(
            envvar="TORCH_INDEX",
            help="URL of a package index with PyTorch's CPU builds. Required for a model that "
            "PyTorch runs.",
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, help="Maximum concurrent calls of all functions.")
    ] = CONCURRENCY,
    idle_expiry_min: Annotated[
        str,
        typer.Option(
            help="Minutes after which an idle instance ends. With a range such as 5-60, each "
            "instance gets a time within it."
        ),
    ] = "10",
    platform_ms: Annotated[
        int,
        typer.Option(
            min=0,
            max=MAX_PLATFORM_MS,
            help="Milliseconds to wait before an instance's process starts, in place of Lambda's "
            "own part of a cold start.",
        ),
    ] = 0,
    per_environment_limit: Annotated[
        Literal["account", "environment", "off"],
        typer.Option(
            help="How to apply AWS's limit of 10 requests a second for each instance: to all "
            "instances together (account), also to each one (environment), or not at all (off)."
        ),
    ] = "account",
    folder: Folder = LOCAL_CLOUD,
    begun_at: Annotated[
        float | None,
        typer.Option(
            envvar="WARMLENS_BEGUN",
            hidden=True,
            help="When the start began, in seconds since 1970: make run also counts installations.",
        ),
    ] = None,
) -> None:
    """Start the local cloud and keep it running until Ctrl-C.

    Deploys the environment `local` to an AWS emulator on loopback and classifies a first photo.
    """
    begun_at = begun_at or time.time()
    require_checkout("warmlens local up")
    import asyncio

    from warmlens.local.loopback import listen, listen_preferring, obstacle, port_of
    from warmlens.registry.catalog import find_version

    running = running_cloud(folder)
    if running:
        where = f"at {running.url}" if running.url else f"and is starting, process {running.pid}"
        message = f"It is already running {where}. Stop it with: {_command('down', folder)}"
        raise WarmlensError("already_running", message)
    try:
        idle_expiry_s = idle_expiry_from_minutes(idle_expiry_min)
    except ValueError as error:
        raise WarmlensError("bad_setting", str(error), exit_code=2) from None
    try:
        chosen = find_version(models, model) if model else None
        with listen_preferring(WEB_PORT) if port is None else listen(port) as listener:
            if port is None and port_of(listener) != WEB_PORT:
                out.print(
                    f"Port {WEB_PORT} {obstacle(WEB_PORT) or 'was taken'}, so "
                    f"{port_of(listener)} is used; choose one by --port or make run PORT=..."
                )
            asyncio.run(
                _run(
                    begun_at,
                    listener=listener,
                    folder=folder,
                    model=chosen,
                    api=api,
                    models=models,
                    torch_index=torch_index,
                    concurrency=concurrency,
                    idle_expiry_s=idle_expiry_s,
                    platform_s=platform_ms / 1000,
                    per_environment_limit=(
                        None if per_environment_limit == "off" else per_environment_limit
                    ),
                )
            )
    except OSError as error:
        raise WarmlensError("local_cloud", f"it cannot run: {error}") from None


@app.command(epilog="Example: warmlens local down")
def down(folder: Folder = LOCAL_CLOUD) -> None:
    """Stop the local cloud of this checkout, from any terminal."""
    running = running_cloud(folder)
    if not running:
        StateFile(folder / STATE_FILE).remove_leftovers()
        out.print("No local cloud runs.")
        return
    os.kill(running.pid, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_TIMEOUT_S
    while running_cloud(folder):
        if time.monotonic() > deadline_s:
            message = f"Process {running.pid} did not end within {STOP_TIMEOUT_S} s; kill it."
            raise WarmlensError("still_running", message)
        time.sleep(0.05)
    out.print("Stopped.")


@app.command(epilog="Example: warmlens local status --json")
def status(
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Show the local cloud's addresses and its instances. Exit code 3 if none runs."""
    running = running_cloud(folder)
    if running and not running.url:
        message = f"It is starting, process {running.pid}."
        raise WarmlensError("starting", message, exit_code=3)
    if not running:
        if as_json:
            typer.echo(json.dumps({"running": False}))
        else:
            out.print(f"No local cloud runs. Start it with: {_command('up', folder)}")
        raise typer.Exit(3)
    import httpx

    from warmlens.local.state import STATUS_PATH

    try:
        response = httpx.get(running.url + STATUS_PATH, timeout=60, trust_env=False)
    except httpx.HTTPError as error:
        message = f"It runs at {running.url}, but does not answer ({error})."
        raise WarmlensError("no_answer", message) from None
    answer: dict[str, Any] = response.json()
    if as_json:
        typer.echo(json.dumps({"running": True, **answer}, indent=2))
        return
    out.print(f"Page and API  {answer['url']}")
    out.print(f"AWS endpoint  {answer['aws_endpoint_url']}")
    out.print(f"Log           {answer['log']}")
    out.print(f"Limits        {answer['limits']}")
    out.print(f"Folder /tmp   {answer['tmp']}")
    table = Table("instance", "state", "version", "calls", "init ms", "memory MB")
    for instance in answer["instances"]:
        table.add_row(
            instance["id"][:8],
            instance["state"],
            instance["version"],
            str(instance["calls"]),
            f"{instance['init_ms']:.0f}" if instance["init_ms"] else "",
            str(instance["rss_mb"]),
        )
    out.print_table(table)


@app.command(epilog="Example: warmlens local url")
def url(folder: Folder = LOCAL_CLOUD) -> None:
    """Print the address of the local cloud's page and API. Exit code 3 if none runs."""
    running = running_cloud(folder)
    if not running:
        message = f"No local cloud runs. Start it with: {_command('up', folder)}"
        raise WarmlensError("not_running", message, exit_code=3)
    if not running.url:
        message = f"It is starting, process {running.pid}; ask again in a moment."
        raise WarmlensError("starting", message, exit_code=3)
    out.print(running.url)


@app.command(epilog="Example: warmlens local env")
def env(folder: Folder = LOCAL_CLOUD) -> None:
    """Print the keys of the local cloud's AWS as shell commands. Exit code 3 if none runs.

    After eval "$(warmlens local env)", the shell's AWS CLI and SDKs call the emulator.
    """
    from warmlens.deployment import find_deployment

    deployed = find_deployment("local", local_state=folder / STATE_FILE)
    running = running_cloud(folder)
    assert running is not None
    endpoint_url = deployed.s3.meta.endpoint_url
    for name, value in LocalAws(endpoint_url, running.keys).environment.items():
        out.print(f"export {name}={shlex.quote(value)}")


async def _run(begun_at: float, **settings: Any) -> None:
    import asyncio

    from warmlens.local.cloud import local_cloud

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        async with local_cloud(steps=_steps(), **settings) as info:
            # Beside the first cold start, so that a start hardly takes longer.
            others = asyncio.create_task(_publish_others(info, settings["models"]))
            try:
                await _show_first_answer(info)
            finally:
                await others
            out.print(f"\nReady after {max(0, time.time() - begun_at):.0f} s.\n")
            _show_addresses(info, settings["folder"])
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        out.print("Stopped.")


def _steps() -> "Steps":
    from warmlens.local.cloud import Steps

    def on_begin(name: str) -> None:
        if sys.stdout.isatty():
            out.print(f"  … {name}", end="\r")

    def on_end(name: str, duration_s: float) -> None:
        out.print(f"  ✓ {name} ({duration_s:.1f} s)")

    def on_part(name: str, part: str) -> None:
        out.print(f"    {part}".ljust(len(f"  … {name}") if sys.stdout.isatty() else 0))
        on_begin(name)

    return Steps(on_begin, on_end, on_part)


def _command(name: str, folder: Path) -> str:
    """Return the command `up` or `down` for a local cloud with its state in this folder."""
    if folder == LOCAL_CLOUD:
        return {"up": "make run", "down": "make down"}[name]
    return shlex.join([".venv/bin/warmlens", "local", name, "--folder", str(folder)])


async def _publish_others(info: "CloudInfo", models: Path) -> None:
    import asyncio

    from warmlens.local.buckets import publish_others

    begun_s = time.monotonic()
    aws = LocalAws(info.endpoint_url, info.keys)
    published = await asyncio.to_thread(publish_others, info.outputs, aws, models)
    if published:
        took_s = time.monotonic() - begun_s
        out.print(f"  ✓ Publishing the other models: {', '.join(published)} ({took_s:.1f} s)")


async def _show_first_answer(info: "CloudInfo") -> None:
    import asyncio

    from warmlens.classify import classify

    sample = info.first_sample
    try:
        answer = await asyncio.to_thread(classify, sample, url=info.url, upload=True)
    except WarmlensError as error:
        raise WarmlensError(
            "local_cloud",
            f"{sample.name} was not classified: {error} The instances' log is {info.log_path}",
        ) from error
    out.print(
        f"  ✓ {sample.name} is {answer['TOP1_label']} "
        f"({answer['TOP1_softmax']:.0%}, cold start, init {answer['init_ms']:.0f} ms)"
    )


def _show_addresses(info: "CloudInfo", folder: Path) -> None:
    out.print(f"  Page     {info.url}")
    where = "" if folder == LOCAL_CLOUD else f" --url {info.url}"
    out.print(f"  Photo    .venv/bin/warmlens classify PHOTO.jpg{where}")
    out.print(f"  Limits   {info.limits}")
    out.print(f"  Tmp      {info.tmp}")
    out.print(f"  Stop     Ctrl-C, or: {_command('down', folder)}\n")
