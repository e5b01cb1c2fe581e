"""Records of samples, with their ratios to those of the baselines."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.markdown import NOT_YET, ratio_cell
from lab.statistics import ratio_of, summary
from warmlens.records import Record, machine, today

PYTORCH, PLAIN_ONNX, OURS = "baseline", "plain-onnx", "ours"
"""Names in records: the paper's kind of handler, that of today, and the classifier."""
BASELINES = {PYTORCH: "PyTorch", PLAIN_ONNX: "plain ONNX Runtime"}
"""The handlers that others are compared with, by what people call them."""


def plain_cell(record: Record) -> str:
    """Return the ratio to plain ONNX Runtime, or that it was not measured yet."""
    if PLAIN_ONNX not in (record.ratios or {}):
        return NOT_YET
    return ratio_cell(record, PLAIN_ONNX, inverse=True)


def compared(
    samples: Mapping[str, Sequence[float]],
    *,
    metric: str,
    unit: str,
    conditions: Mapping[str, Any],
    command: str,
    turn: int = 1,
) -> list[Record]:
    """Return a record for each implementation, with its ratio to each baseline there is.

    Args:
        samples: all samples by implementation, in the order in which they were taken.
        metric: the name of the figure.
        unit: its unit.
        conditions: the conditions it was measured under.
        command: the command that measured.
        turn: how many samples were taken after each other, before others had their turn.
    """
    bases = [name for name in BASELINES if name in samples and min(samples[name]) > 0]
    records = []
    for name, taken in samples.items():
        ratios = {base: ratio_of(taken, samples[base], turn=turn).fields for base in bases}
        first = bases[0] if bases else None
        records.append(
            Record(
                name=name,
                metric=metric,
                unit=unit,
                ratio=ratios[first]["value"] if first else None,
                ratio_to=first,
                ratios=ratios or None,
                kind="measured",
                conditions=dict(conditions),
                command=command,
                machine=machine(),
                date=today(),
                **summary(taken, turn=turn),
            )
        )
    return records
