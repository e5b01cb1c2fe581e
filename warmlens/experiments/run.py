"""Runs experiments: step by step into a journal, from which an interrupted run goes on."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from warmlens.experiments.experiment import Earlier, Experiment, Mode
from warmlens.experiments.samples import (
    Journal,
    JournalError,
    Sample,
    Step,
    read_samples,
    write_samples,
)
from warmlens.experiments.target import Target
from warmlens.records import machine, today

Progress = Callable[[int, int, Step], None]
"""Told before each step: how many are done, how many there are, and which comes."""


class RunError(Exception):
    """An experiment cannot be run; the message says why and what to do."""


def samples_path(folder: Path, name: str) -> Path:
    """Return where an experiment's samples lie."""
    return folder / f"{name}.samples.jsonl"


def records_path(folder: Path, name: str) -> Path:
    """Return where an experiment's records lie."""
    return folder / f"{name}.jsonl"


def load_samples(folder: Path, name: str) -> list[Sample]:
    """Return an experiment's samples; none if it was not run.

    Raises:
        RunError: the file cannot be read.
    """
    path = samples_path(folder, name)
    if not path.exists():
        return []
    try:
        return read_samples(path.read_text())
    except (ValueError, TypeError) as error:
        raise RunError(f"{path}: {error}") from error


def run_experiment(
    experiment: Experiment,
    *,
    target: Target,
    mode: Mode,
    folder: Path,
    journals: Path,
    restart: bool,
    progress: Progress,
) -> list[Sample]:
    """Measure what is not measured yet, and put the samples into the folder when all are there.

    Args:
        experiment: which.
        target: what to measure.
        mode: how much.
        folder: where samples go.
        journals: where those of an unfinished run lie.
        restart: begin anew where an unfinished run could be continued.
        progress: told before each step.

    Raises:
        RunError: it measures only a local cloud, or it needs what was not measured.
    """
    if not target.is_local and not experiment.anywhere:
        raise RunError(
            f"{experiment.name} changes the function between its steps and so is measured in a "
            "local cloud of its own; leave out --url and --env"
        )
    earlier = {name: load_samples(folder, name) for name in experiment.needs}
    missing = [name for name, samples in earlier.items() if not samples and target.is_local]
    if missing:
        raise RunError(
            f"{experiment.name} needs what {missing[0]} measures: "
            f"warmlens experiments run {missing[0]}"
        )
    steps = experiment.steps(mode, target)
    journal_path = journals / _journal_name(experiment, target, mode, steps)
    with closing(_opened(journal_path)) as journal:
        if restart:
            journal.clear()
        _measure(experiment, steps, journal, target, mode, earlier, progress)
        order = {step.key: number for number, step in enumerate(steps)}
        samples = sorted(journal.samples, key=lambda sample: order[sample.key])
        write_whole(samples_path(folder, experiment.name), write_samples(samples))
        journal.remove()
    return samples


def _opened(path: Path) -> Journal:
    try:
        return Journal(path)
    except JournalError as error:
        raise RunError(f"{error}; wait for it, or end it") from error


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
        with experiment.lab(target, earlier) as measure:
            for number, step in enumerate(missing_steps, len(steps) - len(missing_steps)):
                progress(number, len(steps), step)
                journal.add(
                    Sample(
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
    """Return the command that makes an experiment's samples."""
    return f"warmlens experiments run {name}{target.option} --{mode}"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)


def _journal_name(experiment: Experiment, target: Target, mode: Mode, steps: Sequence[Step]) -> str:
    """Name the journal after all that must be equal for a run to go on in it."""
    plan = json.dumps([target.name, *(step.key for step in steps)])
    return f"{experiment.name}-{mode}-{hashlib.sha256(plan.encode()).hexdigest()[:12]}.jsonl"
