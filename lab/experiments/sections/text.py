"""What the sections are made of: tables, times and commands as text."""

from collections.abc import Callable, Iterable, Sequence

from lab.experiments.found import Records
from warmlens.records import Record

Chart = Callable[[str, str], str]
"""Gives the Markdown of a chart, by its name and what it shows, if it was drawn."""


def same(found: Records, metric: str, like: Record) -> float:
    """Return the value of another metric of the same name and conditions."""
    return found.value(metric, like.name, **like.conditions)


def commands(records: Sequence[Record]) -> str:
    """Return the commands that measured, each once, with its date."""
    told = dict.fromkeys(f"`{each.command}`, {each.date}" for each in records)
    return f"{'; '.join(told)}.\n"


def ms_text(value: float | None) -> str:
    """Return milliseconds with as many digits as mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(header: str, rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; the header's columns are parted by bars."""
    columns = header.count("|") + 1
    lines = [f"| {header} |", f"|{' --- |' * columns}"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines) + "\n"
