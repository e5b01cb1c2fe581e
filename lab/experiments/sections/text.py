"""Formatting shared by all sections: commands, times and values."""

from collections.abc import Callable, Sequence

from lab.experiments.record_query import RecordSet
from lab.markdown import command_of
from lab.period import period_note, up_to_a_processor
from warmlens.records import Record

Chart = Callable[[str, str], str]
"""Gives the Markdown of a chart, by its name and what it shows, if it was drawn."""


def same(results: RecordSet, metric: str, like: Record) -> float:
    """Return the value of another metric with the record's name and conditions."""
    return results.value(metric, like.name, **like.conditions)


def commands(records: Sequence[Record]) -> str:
    """Return the distinct commands that measured the records, with their dates and machines."""
    made_by = dict.fromkeys(
        ", ".join(part for part in (f"`{command_of(each)}`", each.date, each.machine) if part)
        for each in records
    )
    return f"{'; '.join(made_by)}.\n"


def share_note(records: Sequence[Record]) -> str:
    """Return the paragraph on the processor shares of the records; empty if they need none."""
    return period_note(up_to_a_processor(records), "repository:docs/decisions")


def ms_text(value: float | None) -> str:
    """Return milliseconds with their significant digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def figure(record: Record, form: Callable[[float], str] = ms_text) -> str:
    """Return a value with its 95 % interval, where there are samples for one."""
    if record.interval is None:
        return form(record.value)
    low, high = record.interval
    return f"{form(record.value)} ({form(low)} to {form(high)})"


def tail(record: Record) -> str:
    """Return p99 where the samples carry it, else the slowest of them."""
    if record.p99 is not None:
        return ms_text(record.p99)
    return f"{ms_text(record.largest)} (slowest of {record.samples})"


def p95(record: Record) -> str:
    """Return p95 where the samples carry it."""
    return "-" if record.p95 is None else ms_text(record.p95)


def whole(value: float) -> str:
    """Return a number without decimals."""
    return f"{value:,.0f}"
