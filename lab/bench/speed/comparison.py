"""Records of samples that took turns with a baseline's."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from lab.statistics import percentile
from warmlens.records import Record, machine, today

BASELINE = "baseline"


def compared(
    samples: Mapping[str, Sequence[float]],
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
    command: str,
) -> list[Record]:
    """Return one record for each name, with its ratio to the baseline; nothing is left out.

    Args:
        samples: by name, among them `baseline`.
        metric: which figure.
        unit: its unit.
        conditions: what it depends on.
        command: the command that measured.
    """
    base = statistics.median(samples[BASELINE])
    return [
        Record(
            name=name,
            metric=metric,
            value=statistics.median(taken),
            unit=unit,
            p95=percentile(taken, 95),
            p99=percentile(taken, 99),
            samples=len(taken),
            ratio=statistics.median(taken) / base if base else None,
            ratio_to=BASELINE if base else None,
            kind="measured",
            conditions=dict(conditions),
            command=command,
            machine=machine(),
            date=today(),
        )
        for name, taken in samples.items()
    ]
