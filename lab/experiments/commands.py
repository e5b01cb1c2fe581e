"""`python -m lab experiments`: the paper's experiments, run, reported, and by load clients."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lab.bench.speed.process import BenchError
from lab.experiments.catalog import COST, EXPERIMENTS, NAMES
from lab.experiments.client_plans import jmeter_plan, locust_file
from lab.experiments.client_results import NAME as LOAD
from lab.experiments.client_results import ResultsError, read_results
from lab.experiments.experiment import Mode
from lab.experiments.idle import NAME as IDLE
from lab.experiments.load import LoadError
from lab.experiments.report import ReportError, read_all_samples, write_report
from lab.experiments.run import (
    RunError,
    load_samples,
    run_experiments,
    samples_path,
    write_whole,
)
from lab.experiments.samples import Step, write_samples
from lab.experiments.target import Target, TargetError, find_target
from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT, STATE
from warmlens.records import write_records

app = typer.Typer(
    no_args_is_help=True, help="Repeat the paper's experiments, and report them beside its figures."
)

ALL = "all"
_QUIET_S = 2.0
_PROBLEMS = (
    RunError,
    TargetError,
    LoadError,
    BenchError,
    ReportError,
    ResultsError,
    WarmlensError,
    WarmlensError,
)
Url = Annotated[str | None, typer.Option(help="Root of an open API, instead of an environment.")]
Env = Annotated[
    str | None,
    typer.Option(help="Environment in AWS: dev, prod, ... Without it, a local cloud is started."),
]
Docs = Annotated[
    Path | None,
    typer.Option(
        help="Folder that gets records/experiments/, pictures/experiments/ and experiments/. "
        "Without it docs/ of this checkout for a local cloud, else .warmlens/experiments/NAME."
    ),
]


class Client(StrEnum):
    """A load client."""

    JMETER = "jmeter"
    LOCUST = "locust"


@app.command()
def run(
    name: Annotated[str, typer.Argument(help=f"all, {', '.join(NAMES)}.")] = ALL,
    url: Url = None,
    env: Env = None,
    quick: Annotated[
        bool, typer.Option("--quick/--full", help="Under ten minutes, or all sizes ten times.")
    ] = True,
    docs: Docs = None,
    restart: Annotated[
        bool, typer.Option(help="Begin anew where an interrupted run could be continued.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
    ] = False,
) -> None:
    """Run experiments and write the report anew.

    An interrupted run is continued by the same command, and the report is written when all is
    measured. Exit code 1 if something could not be measured; what was measured until then is kept.
    """
    if name not in (ALL, *NAMES):
        message = f"There is no experiment {name}: all, {', '.join(NAMES)}."
        raise WarmlensError("unknown_experiment", message, exit_code=2)
    mode = Mode.QUICK if quick else Mode.FULL
    try:
        target = find_target(url, env)
        folder = _docs_of(target, docs)
        measured = run_experiments(
            [EXPERIMENTS[each] for each in _chosen(name, target)],
            target=target,
            mode=mode,
            folder=_records_of(folder),
            journals=STATE / "experiments" / "journals" / name,
            restart=restart,
            progress=_Progress(),
        )
        for each, samples in measured.items():
            err.print(f"{each}: {len(samples)} steps measured")
        made = write_report(folder)
    except _PROBLEMS as error:
        raise WarmlensError(getattr(error, "code", "not_measured"), str(error)) from None
    except KeyboardInterrupt:
        err.print("Interrupted. The same command goes on where this one stopped.")
        raise typer.Exit(130) from None
    if as_json:
        wanted = [record for each, found in made.items() if name in (ALL, each) for record in found]
        typer.echo(write_records(wanted), nl=False)
    else:
        err.print(f"The report is {folder / 'experiments' / 'README.md'}")


@app.command()
def report(docs: Docs = None) -> None:
    """Make records, charts and the report anew from the samples that are there."""
    folder = docs or ROOT / "docs"
    try:
        write_report(folder)
    except _PROBLEMS as error:
        raise WarmlensError("not_made", str(error)) from None
    err.print(f"The report is {folder / 'experiments' / 'README.md'}")


@app.command(name="client-plan")
def client_plan(
    client: Annotated[Client, typer.Argument(help="Which load client the plan is for.")],
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    url: Url = None,
    env: Env = None,
) -> None:
    """Write a JMeter test plan or a Locust file with the paper's requests.

    The API's key is not written: JMeter takes it by -Jkey=..., Locust from WARMLENS_API_KEY.
    """
    try:
        target = find_target(url, env)
        if target.url is None:
            raise TargetError("name the API by --url or --env")
        if file.exists():
            raise TargetError(f"{file} exists already")
        text = (
            jmeter_plan(target.url)
            if client is Client.JMETER
            else locust_file(target.url, file.name)
        )
        write_whole(file, text)
    except (*_PROBLEMS, OSError) as error:
        raise WarmlensError("not_made", str(error)) from None


@app.command(name="read-results")
def read_client_results(
    client: Annotated[Client, typer.Argument(help="Which load client made them.")],
    file: Annotated[Path, typer.Argument(help="Its CSV file.")],
    command: Annotated[str, typer.Option(help="The command that made it, for the report.")] = "",
    docs: Docs = None,
) -> None:
    """Take a load client's results into the report, in place of earlier ones of that client."""
    name = {Client.JMETER: "JMeter", Client.LOCUST: "Locust"}[client]
    folder = docs or ROOT / "docs"
    try:
        told = command or f"{name} (its command was not told)"
        found = read_results(file.read_text(), client=name, command=told)
        kept = [each for each in load_samples(_records_of(folder), LOAD) if each.name != name]
        ordered = sorted([*kept, *found], key=lambda sample: sample.name)
        write_whole(samples_path(_records_of(folder), LOAD), write_samples(ordered))
        if read_all_samples(folder):
            write_report(folder)
    except (*_PROBLEMS, OSError, UnicodeDecodeError) as error:
        raise WarmlensError("bad_results", f"{file}: {error}") from None


def _chosen(name: str, target: Target) -> list[str]:
    if name == COST:
        return []
    if name != ALL:
        return [name]
    chosen = [each for each, found in EXPERIMENTS.items() if target.is_local or found.anywhere]
    left_out = [each for each in EXPERIMENTS if each not in chosen]
    if left_out:
        err.print(f"Left out, since they change the function: {', '.join(left_out)}")
    if target.kept_warm:
        chosen.remove(IDLE)
        err.print(f"Left out, since {target.name} keeps instances warm: {IDLE}")
    return chosen


def _docs_of(target: Target, docs: Path | None) -> Path:
    if docs is not None:
        return docs
    if target.is_local:
        return ROOT / "docs"
    name = "".join(each if each.isalnum() else "-" for each in target.name)
    return STATE / "experiments" / name


def _records_of(docs: Path) -> Path:
    return docs / "records" / "experiments"


class _Progress:
    """Tells of steps on standard error, of quick ones only now and then."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def __call__(self, done: int, of: int, step: Step) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < _QUIET_S:
            return
        self._told_s = now_s
        _tell(done, of, step)


def _tell(done: int, of: int, step: Step) -> None:
    about = ", ".join(f"{key} {value}" for key, value in step.conditions.items())
    err.print(f"{step.experiment} {done + 1}/{of}: {step.name}, {about}")
