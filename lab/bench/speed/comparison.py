"""Records of samples, with their ratio to a baseline's."""

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
    """Return a record for each implementation, with its ratio to the baseline if there is one.

    Args:
        samples: all samples by implementation.
        metric: the name of the figure.
        unit: its unit.
        conditions: the conditions it was measured under.
        command: the command that measured.
    """
    base = statistics.median(samples[BASELINE]) if BASELINE in samples else 0
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
