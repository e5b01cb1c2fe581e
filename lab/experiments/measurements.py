"""Measurements of an experiment's steps, stored as JSON Lines."""

import fcntl
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.intervals import (
    LEAST_BLOCKS,
    mean_interval,
    median_interval,
    ratio_interval,
    share_interval,
)
from lab.statistics import carried, ratio_of_blocks
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


def blocks(measurements: Iterable[Measurement], *metrics: str) -> list[list[float]]:
    """Return the values of each measurement that has some: calls that were made together.

    Args:
        measurements: of one implementation.
        metrics: their values are put together.
    """
    found = (
        [value for metric in metrics for value in measurement.values.get(metric, ())]
        for measurement in measurements
    )
    return [each for each in found if each]


def record_of(
    measurements: Sequence[Measurement],
    values: Sequence[Sequence[float]],
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
    baseline: Sequence[Sequence[float]] | None = None,
) -> Record:
    """Return a record of values from measurements of one implementation.

    Args:
        measurements: the source of the values.
        values: the values of each measurement, at least one in all.
        metric: the name of the figure.
        unit: its unit.
        conditions: the conditions it was measured under.
        baseline: the baseline's values in the same run, for the ratio, which is one of means where
            medians would jump between two peaks.
    """
    first = measurements[0]
    flat = _flat(values)
    ratio = ratio_of_blocks(values, baseline) if baseline else None
    return Record(
        name=first.name,
        metric=metric,
        value=statistics.median(flat),
        unit=unit,
        interval=median_interval(values),
        p95=carried(flat, 95),
        p99=carried(flat, 99),
        samples=len(flat),
        largest=max(flat),
        ratio=ratio.value if ratio else None,
        ratio_to="baseline" if ratio else None,
        ratios={"baseline": ratio.fields} if ratio else None,
        kind="measured",
        conditions=dict(conditions),
        command=first.command,
        machine=first.machine,
        date=max(measurement.date for measurement in measurements),
    )


def _flat(values: Iterable[Iterable[float]]) -> list[float]:
    return [value for each in values for value in each]


def joined(measurements: Iterable[Measurement], metric: str) -> list[float]:
    """Return a metric's values of all measurements, concatenated."""
    return _flat(blocks(measurements, metric))


def mean_of(
    measurements: Sequence[Measurement],
    values: Sequence[Sequence[float]],
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
) -> Record:
    """Return a record of the mean of values; means of stages add up, medians do not."""
    flat = _flat(values)
    record = total(
        measurements, statistics.fmean(flat), metric=metric, unit=unit, conditions=conditions
    )
    return replace(record, interval=mean_interval(values), samples=len(flat))


def ratio_of_means(
    measurements: Sequence[Measurement],
    values: Sequence[Sequence[float]],
    base: Sequence[Sequence[float]],
    *,
    metric: str,
    conditions: Mapping[str, Any],
) -> Record:
    """Return a record of the ratio of two means.

    Args:
        measurements: the source of the values.
        values: the values of each measurement.
        base: those that they are divided by.
        metric: the name of the ratio.
        conditions: what the two are.
    """
    ratio = statistics.fmean(_flat(values)) / statistics.fmean(_flat(base))
    record = total(measurements, ratio, metric=metric, unit="1", conditions=conditions)
    fewest = min(len(_flat(values)), len(_flat(base)))
    return replace(record, interval=ratio_interval(values, base, of_means=True), samples=fewest)


def share_of(
    measurements: Sequence[Measurement],
    counts: Sequence[int],
    calls: Sequence[int],
    *,
    metric: str,
    conditions: Mapping[str, Any],
) -> Record:
    """Return a record of the share of calls with a property.

    Its interval is the wider one of two: Wilson's, which takes the calls for independent, and a
    bootstrap of measurements, which is empty where no call, or each, has the property. Fewer than
    five measurements give none, unless each is a single call: these are independent.

    Args:
        measurements: the source of the counts.
        counts: of each measurement, its calls with the property.
        calls: of each measurement, all its calls.
        metric: the name of the share.
        conditions: the conditions it was measured under.
    """
    count, of = sum(counts), sum(calls)
    record = total(measurements, count / of, metric=metric, unit="1", conditions=conditions)
    record = replace(record, samples=of)
    if len(calls) < LEAST_BLOCKS and max(calls) > 1:
        return record
    low, high = share_interval(count, of)
    together = mean_interval(
        [[1.0] * has + [0.0] * (each - has) for has, each in zip(counts, calls, strict=True)]
    )
    if together is not None:
        low, high = min(low, together[0]), max(high, together[1])
    return replace(record, interval=(low, high))


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
