"""What was measured, before anything is made of it: one line for each step of an experiment."""

import fcntl
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from warmlens.records import Record


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to measure.

    Attributes:
        experiment: which experiment it belongs to.
        name: what is measured: `ours`, `baseline`, `stand-in`.
        conditions: what it is measured under; with the name it tells steps apart.
    """

    experiment: str
    name: str
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The step as text, equal for equal steps."""
        return f"{self.name} {json.dumps(self.conditions, sort_keys=True)}"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a step came to.

    Attributes:
        experiment, name, conditions: the step.
        values: the single measurements by metric.
        command: the command that measured.
        machine: where.
        date: when, as YYYY-MM-DD.
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


class JournalError(Exception):
    """Another run writes to the journal."""


class Journal:
    """The file that steps are written to as they are done, so that a run can go on after a stop.

    Args:
        path: the file; what an interrupted write left at its end is dropped.

    Raises:
        JournalError: another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise JournalError(f"{path} is being written by another run") from None
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole)
        self.samples = read_samples(whole)

    @property
    def done(self) -> set[str]:
        """Keys of the steps that it has."""
        return {sample.key for sample in self.samples}

    def add(self, sample: Sample) -> None:
        """Write a step, to the disk and not only to the system."""
        with self._path.open("a") as file:
            file.write(write_samples([sample]))
            file.flush()
        self.samples.append(sample)

    def clear(self) -> None:
        """Begin anew."""
        self._path.unlink(missing_ok=True)
        self.samples.clear()

    def close(self) -> None:
        """Let others have it."""
        self._lock.close()

    def remove(self) -> None:
        """Forget it: its samples are elsewhere."""
        self._path.unlink()
        self._path.with_suffix(".lock").unlink()


def write_samples(samples: Iterable[Sample]) -> str:
    """Return the samples as JSON Lines, values to a hundredth."""
    lines = []
    for sample in samples:
        document = asdict(sample)
        document["values"] = {
            metric: [round(value, 2) for value in values]
            for metric, values in sample.values.items()
        }
        lines.append(json.dumps(document, separators=(",", ":")) + "\n")
    return "".join(lines)


def read_samples(text: str) -> list[Sample]:
    """Read what :func:`write_samples` wrote.

    Raises:
        ValueError, TypeError: a line is no sample.
    """
    return [Sample(**json.loads(line)) for line in text.splitlines() if line.strip()]


def quantile(values: Sequence[float], percent: int) -> float:
    """Return a percentile, interpolated between the two nearest values."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def record_of(
    samples: Sequence[Sample],
    values: Sequence[float],
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
    baseline: Sequence[float] | None = None,
) -> Record:
    """Return the record of values that come from samples of one name; nothing is left out.

    Args:
        samples: where the values are from.
        values: at least one.
        metric: which figure.
        unit: its unit.
        conditions: what it depends on.
        baseline: the baseline's values in the same run, for the ratio of the medians.
    """
    first = samples[0]
    median = statistics.median(values)
    return Record(
        name=first.name,
        metric=metric,
        value=median,
        unit=unit,
        p95=quantile(values, 95),
        p99=quantile(values, 99),
        samples=len(values),
        ratio=median / statistics.median(baseline) if baseline else None,
        ratio_to="baseline" if baseline else None,
        kind="measured",
        conditions=dict(conditions),
        command=first.command,
        machine=first.machine,
        date=max(sample.date for sample in samples),
    )


def joined(samples: Iterable[Sample], metric: str) -> list[float]:
    """Return a metric's values of all samples, one after the other."""
    return [value for sample in samples for value in sample.values.get(metric, ())]


def mean_of(
    samples: Sequence[Sample],
    values: Sequence[float],
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
) -> Record:
    """Return the record of the mean of values, which adds up where medians do not."""
    return total(samples, statistics.fmean(values), metric=metric, unit=unit, conditions=conditions)


def total(
    samples: Sequence[Sample],
    value: float,
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
) -> Record:
    """Return the record of one number that was counted over samples of one name."""
    first = samples[0]
    return Record(
        name=first.name,
        metric=metric,
        value=value,
        unit=unit,
        kind="measured",
        conditions=dict(conditions),
        command=first.command,
        machine=first.machine,
        date=max(sample.date for sample in samples),
    )


def computed_from(
    measured: Record, value: float, *, metric: str, unit: str, conditions: Mapping[str, Any]
) -> Record:
    """Return the record of a number that follows from a measured one."""
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
    samples: Iterable[Sample], *without: str
) -> list[tuple[str, dict[str, Any], list[Sample]]]:
    """Put together samples that differ only in some conditions, such as `repetition`.

    Returns:
        Name, the other conditions, and the samples, in the order in which they first come.
    """
    groups: dict[str, tuple[str, dict[str, Any], list[Sample]]] = {}
    for sample in samples:
        rest = {key: value for key, value in sample.conditions.items() if key not in without}
        key = f"{sample.name} {json.dumps(rest, sort_keys=True)}"
        groups.setdefault(key, (sample.name, rest, []))[2].append(sample)
    return list(groups.values())
