"""Interrupted runs continue; experiments that an API cannot measure are rejected."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.experiments.experiment import Earlier, Experiment, Measure, Mode, Values
from lab.experiments.measurements import Measurement, Step
from lab.experiments.run import (
    load_measurements,
    measurements_path,
    run_experiments,
)
from lab.experiments.target import Target
from warmlens.errors import WarmlensError
from warmlens.records import Record

LOCAL = Target()


class Counting:
    """An experiment with three steps, interrupted before one of them."""

    def __init__(self, interrupted_at: int | None = None, name: str = "counting") -> None:
        self.measured: list[int] = []
        self.earlier: Earlier = {}
        self.interrupted_at = interrupted_at
        self.name = name

    def experiment(self, needs: tuple[str, ...] = ()) -> Experiment:
        return Experiment(self.name, "", self.steps, self.setup, self.records, needs=needs)

    def steps(self, mode: Mode, target: Target) -> list[Step]:
        return [
            Step(experiment=self.name, name="ours", conditions={"number": number})
            for number in range(3)
        ]

    @contextmanager
    def setup(self, target: Target, earlier: Earlier) -> Iterator[Measure]:
        self.earlier = earlier

        def measure(step: Step) -> Values:
            number = step.conditions["number"]
            if number == self.interrupted_at:
                raise KeyboardInterrupt
            self.measured.append(number)
            return {"number": [float(number)]}

        yield measure

    def records(self, measurements: Sequence[Measurement]) -> Iterator[Record]:
        return iter(())


def run(counting: Counting, folder: Path, *, restart: bool = False) -> list[Measurement]:
    return run_all([counting.experiment()], folder, restart=restart)[counting.name]


def run_all(
    experiments: Sequence[Experiment],
    folder: Path,
    target: Target = LOCAL,
    *,
    restart: bool = False,
) -> dict[str, list[Measurement]]:
    return run_experiments(
        experiments,
        target=target,
        mode=Mode.QUICK,
        folder=folder,
        kept=folder / "kept",
        journals=folder / "journals",
        restart=restart,
        progress=lambda done, of, step: None,
    )


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = Counting(interrupted_at=2)
    with pytest.raises(KeyboardInterrupt):
        run(first, tmp_path)
    assert not measurements_path(tmp_path, "counting").exists()  # no report of half a run
    second = Counting()
    measurements = run(second, tmp_path)
    assert (first.measured, second.measured) == ([0, 1], [2])
    assert [measurement.values["number"] for measurement in measurements] == [[0.0], [1.0], [2.0]]
    assert load_measurements(tmp_path, "counting") == measurements


def test_a_run_of_several_goes_on_in_the_one_that_was_interrupted(tmp_path: Path) -> None:
    first, second = Counting(name="first"), Counting(1, name="second")
    chain = [first.experiment(), second.experiment(needs=("first",))]
    with pytest.raises(KeyboardInterrupt):
        run_all(chain, tmp_path)
    assert not measurements_path(tmp_path, "first").exists()  # no report of half a run
    second.interrupted_at = None
    measurements = run_all(chain, tmp_path)
    assert first.measured == [0, 1, 2]
    assert second.measured == [0, 1, 2]
    assert second.earlier == {"first": measurements["first"]}  # of this run, and not of one before
    assert load_measurements(tmp_path, "first") == measurements["first"]
    run_all(chain, tmp_path)
    assert first.measured == [0, 1, 2] * 2  # that run was finished: this one begins anew


def test_a_finished_run_is_measured_again(tmp_path: Path) -> None:
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
    with pytest.raises(WarmlensError, match="leave out --url and --env"):
        run_all([Counting().experiment()], tmp_path, Target(name="dev", url="https://api.example"))


def test_an_experiment_says_what_must_be_measured_before_it(tmp_path: Path) -> None:
    with pytest.raises(WarmlensError, match="python -m lab experiments run stages"):
        run_all([Counting().experiment(needs=("stages",))], tmp_path)


def test_what_is_kept_serves_where_nothing_else_was_measured(tmp_path: Path) -> None:
    run_all([Counting(name="first").experiment()], tmp_path)
    kept = load_measurements(tmp_path, "first")
    (tmp_path / "kept").mkdir()
    measurements_path(tmp_path, "first").rename(measurements_path(tmp_path / "kept", "first"))
    second = Counting(name="second")
    run_all([second.experiment(needs=("first",))], tmp_path)
    assert second.earlier == {"first": kept}


def test_samples_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    measurements_path(tmp_path, "stages").write_text('{"no": "measurement"}\n')
    with pytest.raises(WarmlensError, match=r"stages\.samples\.jsonl"):
        load_measurements(tmp_path, "stages")
