"""Records of measurements, as JSON Lines."""

import dataclasses
import datetime
import json
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from warmlens.processors import usable_processors

QUICK = "quick"
"""The mode of a run that shows that a command works, and not how long something takes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """A figure with its conditions, command, machine and date.

    Attributes:
        name: the measured thing, such as `ours`.
        metric: name of the figure, with its unit if it has one.
        value: the figure; the median where there are several samples.
        unit: its unit.
        kind: measured, simulated, computed or quoted.
        conditions: its conditions, such as memory_mb.
        command: the command that makes it.
        machine: the machine; empty for figures that do not depend on it.
        date: the date, as YYYY-MM-DD.
        samples: number of samples behind the value.
        interval: 95 % interval of the value.
        p95: 95th percentile of the samples, where they carry it.
        p99: 99th percentile of the samples, where they carry it.
        ratio: the value divided by that of ``ratio_to`` in the same run.
        ratio_to: name of the baseline.
        mean: mean of the samples.
        mean_interval: 95 % interval of the mean.
        largest: the largest sample.
        ratios: by name of the baseline, ratios in the same run: `value`, `of` (medians or means),
            `interval`.
        mode: `QUICK` for a run with too few samples to be kept.
    """

    name: str
    metric: str
    value: float
    unit: str
    kind: str
    conditions: dict[str, Any] = dataclasses.field(default_factory=dict)
    command: str
    machine: str
    date: str
    samples: int | None = None
    interval: Sequence[float] | None = None
    p95: float | None = None
    p99: float | None = None
    ratio: float | None = None
    ratio_to: str | None = None
    mean: float | None = None
    mean_interval: Sequence[float] | None = None
    largest: float | None = None
    ratios: dict[str, dict[str, Any]] | None = None
    mode: str | None = None


def write_records(records: Iterable[Record]) -> str:
    """Return the records as JSON Lines; fields that are None are left out."""
    lines = []
    for record in records:
        document = dataclasses.asdict(record)
        lines.append(
            json.dumps({key: value for key, value in document.items() if value is not None})
        )
    return "".join(f"{line}\n" for line in lines)


def read_records(text: str) -> list[Record]:
    """Read what :func:`write_records` wrote.

    Raises:
        ValueError, TypeError: a line is no record.
    """
    return [Record(**json.loads(line)) for line in text.splitlines() if line.strip()]


def today() -> str:
    """Return the date for records, in UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def machine() -> str:
    """Return a description of this machine: processor, usable cores, system."""
    return f"{_processor()}, {usable_processors()} cores, {platform.system()} {platform.machine()}"


def architecture_of(described: str) -> str:
    """Return Lambda's name, `arm64` or `x86_64`, for the processor of a machine.

    Args:
        described: the machine as described by :func:`machine`.
    """
    return "arm64" if described.rpartition(" ")[2] in ("aarch64", "arm64") else "x86_64"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "processor not known"
