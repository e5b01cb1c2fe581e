"""Runs experiments: step by step into a journal, from which an interrupted run goes on."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from lab.experiments.experiment import Earlier, Experiment, Mode
from lab.experiments.samples import (
    Journal,
    JournalError,
    Sample,
    Step,
    read_samples,
    write_samples,
)
from lab.experiments.target import Target
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


def run_experiments(
    experiments: Sequence[Experiment],
    *,
    target: Target,
    mode: Mode,
    folder: Path,
    journals: Path,
    restart: bool,
    progress: Progress,
) -> dict[str, list[Sample]]:
    """Measure what is not measured yet, and put the samples into the folder when all are there.

    So a report never mixes this run's experiments with those of an earlier one, and a run of many
    that was stopped does not measure those anew that it had finished.

    Args:
        experiments: which, in an order in which none needs a later one.
        target: what to measure.
        mode: how much.
        folder: where samples go.
        journals: where those of an unfinished run lie; a folder for each set of experiments.
        restart: begin anew where an unfinished run could be continued.
        progress: told before each step.

    Returns:
        The samples by the experiment's name.

    Raises:
        RunError: one measures only a local cloud, or needs what was not measured, or another run
            of the same is under way.
    """
    found: dict[str, list[Sample]] = {}
    with ExitStack() as stack:
        done = []
        for experiment in experiments:
            _require_place(experiment, target)
            earlier = {
                name: found[name] if name in found else load_samples(folder, name)
                for name in experiment.needs
            }
            _require_earlier(experiment, earlier, target)
            steps = experiment.steps(mode, target)
            path = journals / _journal_name(experiment, target, mode, steps)
            journal = stack.enter_context(closing(_opened(path)))
            if restart:
                journal.clear()
            _measure(experiment, steps, journal, target, mode, earlier, progress)
            samples_by_key = {sample.key: sample for sample in journal.samples}
            found[experiment.name] = [samples_by_key[step.key] for step in steps]
            done.append(journal)
        for name, samples in found.items():
            write_whole(samples_path(folder, name), write_samples(samples))
        for journal in done:
            journal.remove()
    return found


def _require_place(experiment: Experiment, target: Target) -> None:
    if not target.is_local and not experiment.anywhere:
        raise RunError(
            f"{experiment.name} changes the function between its steps and so is measured in a "
            "local cloud of its own; leave out --url and --env"
        )


def _require_earlier(experiment: Experiment, earlier: Earlier, target: Target) -> None:
    missing = [name for name, samples in earlier.items() if not samples and target.is_local]
    if missing:
        raise RunError(
            f"{experiment.name} needs what {missing[0]} measures: "
            f"python -m lab experiments run {missing[0]}"
        )


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
    return f"python -m lab experiments run {name}{target.option} --{mode}"


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
