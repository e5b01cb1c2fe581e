"""Measurements stored step by step, and records computed from all of them."""

import dataclasses
from pathlib import Path

import pytest

from lab.experiments.measurements import (
    Journal,
    Measurement,
    grouped,
    joined,
    read_measurements,
    record_of,
    share_of,
    write_measurements,
)
from warmlens.errors import WarmlensError

SAMPLE = Measurement(
    experiment="stages",
    name="ours",
    conditions={"memory_mb": 768, "run": 0},
    values={"first_ms": [1.234, 5.0]},
    command="python -m lab experiments run stages --quick",
    machine="a machine",
    date="2026-11-24",
)


def test_written_measurements_are_read_to_a_hundredth() -> None:
    (read,) = read_measurements(write_measurements([SAMPLE]))
    assert read == dataclasses.replace(SAMPLE, values={"first_ms": [1.23, 5.0]})


def test_a_line_that_was_cut_off_is_dropped_and_the_others_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    line = write_measurements([SAMPLE])
    path.write_text(line + line[: len(line) // 2])
    journal = Journal(path)
    assert len(journal.measurements) == 1
    journal.add(dataclasses.replace(SAMPLE, name="baseline"))
    journal.close()
    again = Journal(path)
    assert [measurement.name for measurement in again.measurements] == ["ours", "baseline"]
    again.close()


def test_two_runs_do_not_write_to_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = Journal(path)
    with pytest.raises(WarmlensError, match="another run"):
        Journal(path)
    first.close()
    Journal(path).close()


def test_a_record_leaves_nothing_out() -> None:
    record = record_of(
        [SAMPLE], [[1.0, 2.0], [100.0]], metric="x", unit="ms", conditions={}, baseline=[[4.0]]
    )
    assert (record.value, record.samples, record.ratio) == (2.0, 3, 0.5)
    assert (record.p95, record.p99, record.largest) == (None, None, 100.0)  # too few samples
    many = record_of([SAMPLE], [list(range(301))], metric="x", unit="ms", conditions={})
    assert (many.p95, many.p99) == (285.0, 297.0)


def test_a_ratio_has_the_interval_of_repetitions_and_not_of_single_calls() -> None:
    repetitions = [[float(each)] * 50 for each in range(10, 16)]
    record = record_of(
        [SAMPLE], repetitions, metric="x", unit="ms", conditions={}, baseline=[[10.0] * 50] * 6
    )
    assert record.ratios is not None
    low, high = record.ratios["baseline"]["interval"]
    assert high - low > 0.2


def test_a_share_of_a_few_repetitions_has_no_interval_and_one_of_single_runs_has() -> None:
    few, single, enough = (
        share_of([SAMPLE], counts, calls, metric="x", conditions={})
        for counts, calls in (
            ([100, 110, 120], [1200] * 3),
            ([1, 1, 1], [1] * 3),
            ([0, 0, 0, 0, 1000], [1000] * 5),
        )
    )
    assert (few.interval, few.samples) == (None, 3600)
    assert single.interval == (pytest.approx(0.44, abs=0.01), 1.0)
    assert enough.interval == (0.0, pytest.approx(0.6))


def test_repetitions_are_put_together_and_other_conditions_are_not() -> None:
    second = dataclasses.replace(SAMPLE, conditions={"memory_mb": 768, "run": 1})
    other = dataclasses.replace(SAMPLE, conditions={"memory_mb": 448, "run": 0})
    groups = grouped([SAMPLE, other, second], "run")
    assert [(conditions, len(found)) for _, conditions, found in groups] == [
        ({"memory_mb": 768}, 2),
        ({"memory_mb": 448}, 1),
    ]
    assert joined(groups[0][2], "first_ms") == [1.234, 5.0, 1.234, 5.0]
