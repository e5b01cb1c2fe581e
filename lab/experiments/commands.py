"""The commands `python -m lab experiments`: run and report the paper's experiments."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lab.experiments.catalog import COST, EXPERIMENTS, NAMES
from lab.experiments.client_plans import jmeter_plan, locust_file
from lab.experiments.client_results import NAME as LOAD
from lab.experiments.client_results import read_results
from lab.experiments.experiment import Mode
from lab.experiments.idle import NAME as IDLE
from lab.experiments.measurements import Step, write_measurements
from lab.experiments.report import PAGE, write_report
from lab.experiments.run import (
    RECORDS,
    load_measurements,
    measurements_path,
    require_quick,
    run_experiments,
    write_whole,
)
from lab.experiments.target import Target, find_target
from warmlens.command_line import STOPPED
from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT, STATE
from warmlens.records import write_records
from warmlens.text_files import read_text

app = typer.Typer(no_args_is_help=True, help="Repeat the paper's experiments.")

ALL = "all"
REPORT = ROOT / "docs" / "lab" / "experiments"
_QUIET_S = 2.0
Url = Annotated[str | None, typer.Option(help="URL of an open API, instead of --env.")]
Env = Annotated[
    str | None,
    typer.Option(help="Environment in AWS, such as dev; a local cloud is started by default."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder that gets README.md, records/ and pictures/. Without it, of a local cloud: "
        "docs/lab/experiments of this checkout in the full mode, .warmlens/experiments/quick in "
        "the quick one; else .warmlens/experiments/NAME, or NAME-quick.",
    ),
]


class Client(StrEnum):
    """A load client."""

    JMETER = "jmeter"
    LOCUST = "locust"


@app.command(epilog="Example: python -m lab experiments run memory --quick")
def run(
    name: Annotated[str, typer.Argument(help=f"all, {', '.join(NAMES)}.")] = ALL,
    url: Url = None,
    env: Env = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick/--full",
            help="quick takes some minutes and never replaces what a full run measured; full has "
            "the samples for figures.",
        ),
    ] = True,
    out_folder: Out = None,
    restart: Annotated[
        bool, typer.Option(help="Discard an interrupted run instead of continuing it.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
    ] = False,
) -> None:
    """Run experiments and write the report.

    The same command continues an interrupted run; the report is written at its end. Exit code 1
    if a measurement failed; finished measurements are kept.
    """
    if name not in (ALL, *NAMES):
        message = f"There is no experiment {name}: all, {', '.join(NAMES)}."
        raise WarmlensError("unknown_experiment", message, exit_code=2)
    mode = Mode.QUICK if quick else Mode.FULL
    target = find_target(url, env)
    folder = _folder_of(target, out_folder, Mode.FULL if name == COST else mode)
    if mode is Mode.QUICK and name != COST:
        require_quick(folder, name)
    try:
        measured = run_experiments(
            [EXPERIMENTS[each] for each in _chosen(name, target)],
            target=target,
            mode=mode,
            folder=folder / RECORDS,
            kept=REPORT / RECORDS,
            journals=STATE / "experiments" / "journals" / name,
            restart=restart,
            progress=_Progress(),
        )
    except KeyboardInterrupt:
        message = "Run the same command again to continue."
        raise WarmlensError("stopped", message, exit_code=STOPPED) from None
    for each, measurements in measured.items():
        err.print(f"{each}: {len(measurements)} steps measured")
    made = write_report(folder)
    if as_json:
        wanted = [record for each in made if name in (ALL, each) for record in made[each]]
        typer.echo(write_records(wanted), nl=False)
    else:
        err.print(f"The report is {folder / PAGE}")


@app.command(epilog="Example: python -m lab experiments report")
def report(
    out_folder: Out = None,
    pictures: Annotated[
        bool, typer.Option(help="Draw the pictures again, which needs matplotlib.")
    ] = True,
) -> None:
    """Write the report from existing measurements, without measuring."""
    folder = out_folder or REPORT
    write_report(folder, draw=pictures)
    err.print(f"The report is {folder / PAGE}")


@app.command(
    name="client-plan",
    epilog="Example: python -m lab experiments client-plan jmeter plan.jmx --env dev",
)
def client_plan(
    client: Annotated[Client, typer.Argument(help="Load client.")],
    file: Annotated[Path, typer.Argument(help="File to write.")],
    url: Url = None,
    env: Env = None,
) -> None:
    """Write a JMeter test plan or a Locust file.

    It sends the paper's requests. The API key is not part of it: JMeter takes it by -Jkey=...,
    Locust from WARMLENS_API_KEY.
    """
    target = find_target(url, env)
    if target.url is None:
        raise WarmlensError("usage", "Name the API by --url or --env.")
    if file.exists():
        raise WarmlensError("file_exists", f"{file} exists already.")
    plan = (
        jmeter_plan(target.url) if client is Client.JMETER else locust_file(target.url, file.name)
    )
    write_whole(file, plan)


@app.command(
    name="read-results",
    epilog="Example: python -m lab experiments read-results jmeter jmeter.csv",
)
def read_client_results(
    client: Annotated[Client, typer.Argument(help="Load client that wrote the file.")],
    file: Annotated[Path, typer.Argument(help="Results as CSV.")],
    command: Annotated[str, typer.Option(help="Command that wrote the file, for the report.")] = "",
    out_folder: Out = None,
) -> None:
    """Replace a load client's results in the report."""
    name = {Client.JMETER: "JMeter", Client.LOCUST: "Locust"}[client]
    folder = out_folder or REPORT
    text = read_text(file, "bad_results")
    try:
        results = read_results(
            text,
            client=name,
            command=command or f"{name} (command unknown)",
        )
    except WarmlensError as error:
        raise WarmlensError(error.code, f"{file}: {error}") from None
    records = folder / RECORDS
    others = [each for each in load_measurements(records, LOAD) if each.name != name]
    ordered = sorted([*others, *results], key=lambda measurement: measurement.name)
    write_whole(measurements_path(records, LOAD), write_measurements(ordered))
    write_report(folder)


def _chosen(name: str, target: Target) -> list[str]:
    if name == COST:
        return []
    if name != ALL:
        return [name]
    chosen = [name for name, each in EXPERIMENTS.items() if target.is_local or each.anywhere]
    left_out = [each for each in EXPERIMENTS if each not in chosen]
    if left_out:
        err.print(f"Left out, since they change the function: {', '.join(left_out)}")
    if target.kept_warm:
        chosen.remove(IDLE)
        err.print(f"Left out, since {target.name} keeps instances warm: {IDLE}")
    return chosen


def _folder_of(target: Target, out_folder: Path | None, mode: Mode) -> Path:
    if out_folder is not None:
        return out_folder
    if target.is_local:
        return REPORT if mode is Mode.FULL else STATE / "experiments" / Mode.QUICK
    name = "".join(each if each.isalnum() else "-" for each in target.name)
    return STATE / "experiments" / (name if mode is Mode.FULL else f"{name}-{Mode.QUICK}")


_SAME_FOR_ALL = ("isolation", "period_ms", "init")


class _Progress:
    """Progress of steps on standard error, at most one line every two seconds."""

    def __init__(self) -> None:
        self._printed_s = 0.0

    def __call__(self, done: int, of: int, step: Step) -> None:
        now_s = time.monotonic()
        if now_s - self._printed_s < _QUIET_S:
            return
        self._printed_s = now_s
        about = ", ".join(
            f"{key} {value}" for key, value in step.conditions.items() if key not in _SAME_FOR_ALL
        )
        err.print(f"{step.experiment} {done + 1}/{of}: {step.name}, {about}")
