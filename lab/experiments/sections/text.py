"""Formatting shared by all sections: commands, times and values."""

from collections.abc import Callable, Sequence

from lab.experiments.record_query import RecordSet
from lab.markdown import command_of
from lab.period import period_note, with_less_than_a_processor
from warmlens.records import Record

Chart = Callable[[str, str], str]
"""Gives the Markdown of a chart, by its name and what it shows, if it was drawn."""


def same(results: RecordSet, metric: str, like: Record) -> float:
    """Return the value of another metric with the record's name and conditions."""
    return results.value(metric, like.name, **like.conditions)


def commands(records: Sequence[Record]) -> str:
    """Return the distinct commands that measured the records, with their dates."""
    made_by = dict.fromkeys(f"`{command_of(each)}`, {each.date}" for each in records)
    return f"{'; '.join(made_by)}.\n"


def share_note(records: Sequence[Record]) -> str:
    """Return what to say of the processor share that the records were measured with, if any."""
    return period_note(with_less_than_a_processor(records), "repository:docs/decisions")


def ms_text(value: float | None) -> str:
    """Return milliseconds with their significant digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
