"""Measurements of an experiment's steps, stored as JSON Lines."""

import fcntl
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.statistics import percentile
from warmlens.errors import WarmlensError
from warmlens.records import Record


@dataclass(frozen=True, kw_only=True)
class Step:
    """One measured case of an experiment.

    Attributes:
        experiment: name of its experiment.
        name: the implementation: `ours`, `baseline` or `stand-in`.
        conditions: the conditions; with the name they identify the step.
    """

    experiment: str
    name: str
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The step as text, equal for equal steps."""
        return f"{self.name} {json.dumps(self.conditions, sort_keys=True)}"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The values measured in one step.

    Attributes:
        experiment, name, conditions: the step.
        values: the measured values by metric.
        command: the command that measured.
        machine: the machine.
        date: the date, as YYYY-MM-DD.
    """

    experiment: str
    name: str
    conditions: dict[str, Any]
    values: dict[str, list[float]]
    command: str
    machine: str
    date: str

    @property
    def key(self) -> str:
        """The key of its step."""
        return Step(experiment=self.experiment, name=self.name, conditions=self.conditions).key


class Journal:
    """A file of finished steps, from which an interrupted run continues.

    Args:
        path: the file; a line that was cut off at its end is dropped.

    Raises:
        WarmlensError: ``run_in_progress``: another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_suffix(".lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise WarmlensError(
                "run_in_progress",
                f"{path} is being written by another run; wait for it, or end it.",
            ) from None
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        self.measurements = read_measurements(whole)

    @property
    def done(self) -> set[str]:
        """Keys of the finished steps."""
        return {measurement.key for measurement in self.measurements}

    def add(self, measurement: Measurement) -> None:
        """Write a step and flush it to disk."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(write_measurements([measurement]))
            file.flush()
        self.measurements.append(measurement)

    def clear(self) -> None:
        """Delete all measurements."""
        self._path.unlink(missing_ok=True)
        self.measurements.clear()

    def close(self) -> None:
        """Release the lock."""
        self._lock.close()

    def remove(self) -> None:
        """Delete the file and its lock."""
        self._path.unlink()
        self._path.with_suffix(".lock").unlink()


def write_measurements(measurements: Iterable[Measurement]) -> str:
    """Return the measurements as JSON Lines, values to a hundredth."""
    lines = []
    for measurement in measurements:
        document = asdict(measurement)
        document["values"] = {
            metric: [round(value, 2) for value in values]
            for metric, values in measurement.values.items()
        }
        lines.append(json.dumps(document, separators=(",", ":")) + "\n")
    return "".join(lines)


def read_measurements(text: str) -> list[Measurement]:
    """Read what :func:`write_measurements` wrote.

    Raises:
        ValueError, TypeError: a line is no measurement.
    """
    return [Measurement(**json.loads(line)) for line in text.splitlines() if line.strip()]


def record_of(
    measurements: Sequence[Measurement],
    values: Sequence[float],
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
    baseline: Sequence[float] | None = None,
) -> Record:
    """Return a record of values from measurements of one implementation.

    Args:
        measurements: the source of the values.
        values: all values, at least one.
        metric: the name of the figure.
        unit: its unit.
        conditions: the conditions it was measured under.
        baseline: the baseline's values in the same run, for the ratio of the medians.
    """
    first = measurements[0]
    median = statistics.median(values)
    return Record(
        name=first.name,
        metric=metric,
        value=median,
        unit=unit,
        p95=percentile(values, 95),
        p99=percentile(values, 99),
        samples=len(values),
        ratio=median / statistics.median(baseline) if baseline else None,
        ratio_to="baseline" if baseline else None,
        kind="measured",
        conditions=dict(conditions),
        command=first.command,
        machine=first.machine,
        date=max(measurement.date for measurement in measurements),
    )


def joined(measurements: Iterable[Measurement], metric: str) -> list[float]:
    """Return a metric's values of all measurements, concatenated."""
    return [value for measurement in measurements for value in measurement.values.get(metric, ())]


def mean_of(
    measurements: Sequence[Measurement],
    values: Sequence[float],
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
) -> Record:
    """Return a record of the mean of values; means of stages add up, medians do not."""
    return total(
        measurements, statistics.fmean(values), metric=metric, unit=unit, conditions=conditions
    )


def total(
    measurements: Sequence[Measurement],
    value: float,
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
) -> Record:
    """Return a record of a count over measurements of one implementation."""
    first = measurements[0]
    return Record(
        name=first.name,
        metric=metric,
        value=value,
        unit=unit,
        kind="measured",
        conditions=dict(conditions),
        command=first.command,
        machine=first.machine,
        date=max(measurement.date for measurement in measurements),
    )


def computed_from(
    measured: Record, value: float, *, metric: str, unit: str, conditions: Mapping[str, Any]
) -> Record:
    """Return a record of a value computed from a measured one."""
    return Record(
        name=measured.name,
        metric=metric,
        value=value,
        unit=unit,
        kind="computed",
        conditions=dict(conditions),
        command=measured.command,
        machine=measured.machine,
        date=measured.date,
    )


def grouped(
    measurements: Iterable[Measurement], *without: str
) -> list[tuple[str, dict[str, Any], list[Measurement]]]:
    """Group measurements that differ only in some conditions, such as `repetition`.

    Returns:
        Name, the other conditions, and the measurements, in order of appearance.
    """
    groups: dict[str, tuple[str, dict[str, Any], list[Measurement]]] = {}
    for measurement in measurements:
        rest = {key: value for key, value in measurement.conditions.items() if key not in without}
        key = f"{measurement.name} {json.dumps(rest, sort_keys=True)}"
        groups.setdefault(key, (measurement.name, rest, []))[2].append(measurement)
    return list(groups.values())
