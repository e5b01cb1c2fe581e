"""Runs that are interrupted go on where they stopped; what cannot be measured is refused."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from warmlens.experiments.experiment import Earlier, Experiment, Measure, Mode, Values
from warmlens.experiments.run import (
    RunError,
    load_samples,
    run_experiment,
    samples_path,
)
from warmlens.experiments.samples import Sample, Step
from warmlens.experiments.target import Target
from warmlens.records import Record


class Counting:
    """An experiment with three steps, which a person interrupts before one of them."""

    def __init__(self, interrupted_at: int | None = None) -> None:
        self.measured: list[int] = []
        self.interrupted_at = interrupted_at

    def experiment(self, needs: tuple[str, ...] = ()) -> Experiment:
        return Experiment("counting", "", self.steps, self.lab, self.records, needs=needs)

    def steps(self, mode: Mode, target: Target) -> list[Step]:
        return [
            Step(experiment="counting", name="ours", conditions={"number": number})
            for number in range(3)
        ]

    @contextmanager
    def lab(self, target: Target, earlier: Earlier) -> Iterator[Measure]:
        def measure(step: Step) -> Values:
            number = step.conditions["number"]
            if number == self.interrupted_at:
                raise KeyboardInterrupt
            self.measured.append(number)
            return {"number": [float(number)]}

        yield measure

    def records(self, samples: Sequence[Sample]) -> Iterator[Record]:
        return iter(())


def run(counting: Counting, folder: Path, **settings: bool) -> list[Sample]:
    return run_experiment(
        counting.experiment(),
        target=Target(),
        mode=Mode.QUICK,
        folder=folder,
        journals=folder / "journals",
        restart=settings.get("restart", False),
        progress=lambda done, of, step: None,
    )


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = Counting(interrupted_at=2)
    with pytest.raises(KeyboardInterrupt):
        run(first, tmp_path)
    assert not samples_path(tmp_path, "counting").exists()  # no report of half a run
    second = Counting()
    samples = run(second, tmp_path)
    assert (first.measured, second.measured) == ([0, 1], [2])
    assert [sample.values["number"] for sample in samples] == [[0.0], [1.0], [2.0]]
    assert load_samples(tmp_path, "counting") == samples


def test_a_finished_run_is_measured_anew(tmp_path: Path) -> None:
    run(Counting(), tmp_path)
    again = Counting()
    run(again, tmp_path)
    assert again.measured == [0, 1, 2]


def test_restart_forgets_an_interrupted_run(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Counting(interrupted_at=1), tmp_path)
    again = Counting()
    run(again, tmp_path, restart=True)
    assert again.measured == [0, 1, 2]


def test_what_changes_the_function_is_not_measured_on_a_deployed_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="leave out --url and --env"):
        run_experiment(
            Counting().experiment(),
            target=Target(name="dev", url="https://api.example"),
            mode=Mode.QUICK,
            folder=tmp_path,
            journals=tmp_path,
            restart=False,
            progress=lambda done, of, step: None,
        )


def test_an_experiment_says_what_must_be_measured_before_it(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="warmlens experiments run stages"):
        run_experiment(
            Counting().experiment(needs=("stages",)),
            target=Target(),
            mode=Mode.QUICK,
            folder=tmp_path,
            journals=tmp_path,
            restart=False,
            progress=lambda done, of, step: None,
        )


def test_samples_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    samples_path(tmp_path, "stages").write_text('{"no": "sample"}\n')
    with pytest.raises(RunError, match=r"stages\.samples\.jsonl"):
        load_samples(tmp_path, "stages")
