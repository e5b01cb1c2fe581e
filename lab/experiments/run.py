"""Running of experiments, with a journal from which an interrupted run continues."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from lab.bench.extent import require_elsewhere
from lab.experiments.experiment import Earlier, Experiment, Mode
from lab.experiments.measurements import (
    Journal,
    Measurement,
    Step,
    read_measurements,
    write_measurements,
)
from lab.experiments.target import Target
from warmlens.errors import WarmlensError
from warmlens.records import machine, today

RECORDS = "records"
"""The part of a report's folder with records and measurements."""

Progress = Callable[[int, int, Step], None]
"""Called before each step with the number of finished steps, of all steps, and the step."""


def measurements_path(folder: Path, name: str) -> Path:
    """Return the file of an experiment's measurements."""
    return folder / f"{name}.samples.jsonl"


def records_path(folder: Path, name: str) -> Path:
    """Return the file of an experiment's records."""
    return folder / f"{name}.jsonl"


def load_measurements(folder: Path, name: str) -> list[Measurement]:
    """Return an experiment's measurements; an empty list if it was not run.

    Raises:
        WarmlensError: ``bad_measurements``: the file cannot be read.
    """
    path = measurements_path(folder, name)
    if not path.exists():
        return []
    try:
        return read_measurements(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError) as error:
        raise WarmlensError("bad_measurements", f"{path}: {error}") from error


def require_quick(folder: Path, name: str) -> None:
    """Refuse to replace what a full run measured by what a quick one does.

    Args:
        folder: the report's folder.
        name: the experiment to run, or `all`.

    Raises:
        WarmlensError: ``quick_run``: the folder has measurements of a full run, or is the docs'.
    """
    require_elsewhere(folder, quick=True)
    for path in sorted((folder / RECORDS).glob("*.samples.jsonl")):
        measured = load_measurements(path.parent, path.name.removesuffix(".samples.jsonl"))
        full = [each for each in measured if each.command.endswith(f"--{Mode.FULL}")]
        if full and name in ("all", full[0].experiment):
            raise WarmlensError(
                "quick_run",
                f"{path} was measured by `{full[0].command}`, and a quick run would replace it. "
                "Name another folder with --out, or measure with --full.",
                exit_code=2,
            )


def run_experiments(
    experiments: Sequence[Experiment],
    *,
    target: Target,
    mode: Mode,
    folder: Path,
    kept: Path,
    journals: Path,
    restart: bool,
    progress: Progress,
) -> dict[str, list[Measurement]]:
    """Run all steps that are not in the journal, then write all measurements.

    So a report never mixes experiments of two runs, and a stopped run of several experiments does
    not repeat the finished ones.

    Args:
        experiments: the experiments; each may need only earlier ones.
        target: the API to measure.
        mode: quick or full.
        folder: folder for the measurements.
        kept: folder of the measurements in the repository, for an earlier experiment that is not
            in the folder.
        journals: folder of an unfinished run's journals, one for each set of experiments.
        restart: discard an unfinished run instead of continuing it.
        progress: called before each step.

    Returns:
        The measurements by the experiment's name.

    Raises:
        WarmlensError: ``not_on_this_api``, ``not_measured``: an experiment needs a local cloud, or
            an earlier one; ``run_in_progress``: another run of the same experiments.
    """
    measured: dict[str, list[Measurement]] = {}
    with ExitStack() as stack:
        done = []
        for experiment in experiments:
            _require_place(experiment, target)
            earlier = {
                name: measured.get(name)
                or load_measurements(folder, name)
                or load_measurements(kept, name)
                for name in experiment.needs
            }
            _require_earlier(experiment, earlier, target)
            steps = experiment.steps(mode, target)
            path = journals / _journal_name(experiment, target, mode, steps)
            journal = stack.enter_context(closing(Journal(path)))
            if restart:
                journal.clear()
            _measure(experiment, steps, journal, target, mode, earlier, progress)
            by_key = {measurement.key: measurement for measurement in journal.measurements}
            measured[experiment.name] = [by_key[step.key] for step in steps]
            done.append(journal)
        for name, measurements in measured.items():
            write_whole(measurements_path(folder, name), write_measurements(measurements))
        for journal in done:
            journal.remove()
    return measured


def _require_place(experiment: Experiment, target: Target) -> None:
    if not target.is_local and not experiment.anywhere:
        raise WarmlensError(
            "not_on_this_api",
            f"{experiment.name} changes the function between its steps and so is measured in a "
            "local cloud of its own; leave out --url and --env.",
        )


def _require_earlier(experiment: Experiment, earlier: Earlier, target: Target) -> None:
    missing = [
        name for name, measurements in earlier.items() if not measurements and target.is_local
    ]
    if missing:
        raise WarmlensError(
            "not_measured",
            f"{experiment.name} needs what {missing[0]} measures: "
            f"python -m lab experiments run {missing[0]}",
        )


def _measure(
    experiment: Experiment,
    steps: Sequence[Step],
    journal: Journal,
    target: Target,
    mode: Mode,
    earlier: Earlier,
    progress: Progress,
) -> None:
    done = journal.done
    missing_steps = [step for step in steps if step.key not in done]
    if missing_steps:
        with experiment.setup(target, earlier) as measure:
            for number, step in enumerate(missing_steps, len(steps) - len(missing_steps)):
                progress(number, len(steps), step)
                journal.add(
                    Measurement(
                        experiment=step.experiment,
                        name=step.name,
                        conditions=step.conditions,
                        values=measure(step),
                        command=command_of(experiment.name, target, mode),
                        machine=machine(),
                        date=today(),
                    )
                )


def command_of(name: str, target: Target, mode: Mode) -> str:
    """Return the command that measures an experiment."""
    return f"python -m lab experiments run {name}{target.option} --{mode}"


def write_whole(path: Path, text: str) -> None:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _journal_name(experiment: Experiment, target: Target, mode: Mode, steps: Sequence[Step]) -> str:
    """Return the journal's name: a hash of everything that must be equal to continue a run."""
    plan = json.dumps([target.name, *(step.key for step in steps)])
    return f"{experiment.name}-{mode}-{hashlib.sha256(plan.encode()).hexdigest()[:12]}.jsonl"
