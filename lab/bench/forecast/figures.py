"""Figures of many simulations, predicted and of what came, as records and as a table."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab import markdown
from warmlens.records import Record, today

COMMAND = "python -m lab bench forecast"
CAME = "what came"
Draws = Sequence[Mapping[str, float]]
"""Figures of each simulation, by metric."""

LABELS = {
    "requests": "requests",
    "cold_share": "share of cold starts",
    "warm_coverage": "wakeups that found their instance warm",
    "usd_per_month": "USD a month",
    "met_2": "calls that met two or more others",
    "met_3": "calls that met three or more others",
    "dispersion_100ms": "index of dispersion, 0.1 s",
    "dispersion_1s": "index of dispersion, 1 s",
    "dispersion_10s": "index of dispersion, 10 s",
    "dispersion_60s": "index of dispersion, 60 s",
}
_FORMATS = {"requests": ",.0f"}
_SHARES = ("cold_share", "warm_coverage", "met_2", "met_3")


def middle_95(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of the middle 95 % of simulations: where a further one is expected."""
    if len(set(values)) == 1:
        return values[0], values[0]
    cuts = statistics.quantiles(values, n=40, method="inclusive")
    return cuts[0], cuts[-1]


def records_of(name: str, draws: Draws, conditions: Mapping[str, Any]) -> Iterator[Record]:
    """Yield a record of each figure, with the values of all simulations."""
    for metric in draws[0]:
        values = [each[metric] for each in draws]
        yield Record(
            name=name,
            metric=metric,
            value=statistics.fmean(values),
            unit="",
            kind="simulated",
            conditions={**conditions, "values": values},
            command=COMMAND,
            machine="",
            date=today(),
            samples=len(values),
            interval=middle_95(values),
        )


def is_within(predicted: Record, came: Record) -> bool:
    """Return whether what came is where 95 of 100 were predicted."""
    assert predicted.interval is not None
    low, high = predicted.interval
    return low <= came.value <= high


def table(records: Sequence[Record]) -> str:
    """Return each prediction beside what came, as a Markdown table."""
    came = {(each.conditions["case"], each.metric): each for each in records if each.name == CAME}
    rows = []
    for each in records:
        if each.name == CAME or each.metric not in LABELS:
            continue
        other = came[each.conditions["case"], each.metric]
        rows.append(
            (
                each.conditions["case"],
                each.name,
                LABELS[each.metric],
                _with_range(each),
                _with_range(other),
                "yes" if is_within(each, other) else "**no**",
            )
        )
    header = "traffic | predicted from | figure | predicted | came | within"
    return markdown.table(header, rows)


def _with_range(record: Record) -> str:
    assert record.interval is not None
    low, high = record.interval
    if low == high:
        return _text(record.metric, record.value)
    ends = f"{_text(record.metric, low)} to {_text(record.metric, high)}"
    return f"{_text(record.metric, record.value)} ({ends})"


def _text(metric: str, value: float) -> str:
    if metric in _SHARES:
        return f"{value:.2%}" if value > 0.1 else f"{value:.4%}"
    return f"{value:{_FORMATS.get(metric, '.2f')}}"
