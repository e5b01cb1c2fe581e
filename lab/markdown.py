"""Markdown for the docs: paragraphs, and tables made from records."""

import re
import textwrap
from collections.abc import Iterable, Sequence

from lab.intervals import LEAST_BLOCKS
from lab.statistics import fewest_for
from warmlens.records import Record

_FORMER_GROUPS = re.compile(r"^warmlens (?=(?:bench|experiments) )")
NOT_KEPT, NOT_YET = "not kept", "not measured yet"
"""Cells without a figure: a record from before December 2026 lacks it, or there is no record."""
_EMPTY = {NOT_KEPT, NOT_YET, "-"}


def wrapped(text: str, indent: str = "") -> str:
    """Return a paragraph in lines as long as those of the docs.

    Args:
        text: the paragraph.
        indent: put before each line after the first, such as for an item of a list.
    """
    return textwrap.fill(
        text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def listed(*items: str) -> str:
    """Return a list in lines as long as those of the docs."""
    return "".join(f"{wrapped(f'- {item}', indent='  ')}\n" for item in items)


def table(header: str, rows: Iterable[Sequence[object]], *, align: str = "---") -> str:
    """Return a Markdown table.

    Args:
        header: names of the columns, separated by bars.
        rows: the cells of each line.
        align: Markdown for the alignment of each column, `---:` for numbers.
    """
    columns = header.count("|") + 1
    lines = [f"| {header} |", f"|{f' {align} |' * columns}"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def table_of_figures(header: str, rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table of numbers, without the columns in which no line has one.

    Args:
        header: names of the columns, separated by bars.
        rows: the cells of each line, at least one line.
    """
    cells = [list(map(str, row)) for row in rows]
    columns = zip(header.split(" | "), zip(*cells, strict=True), strict=True)
    filled = [(name, column) for name, column in columns if not _EMPTY.issuperset(column)]
    lines = zip(*(column for _, column in filled), strict=True)
    return table(" | ".join(name for name, _ in filled), lines, align="---:")


def command_of(record: Record) -> str:
    """Return the command that made a record, under its present name.

    Records made before December 2026 name the laboratory's commands as a part of `warmlens`.
    """
    command = record.command.replace("warmlens plan scale", "warmlens bench scale")
    command = command.replace("warmlens model sizes", "python -m lab sizes")
    return _FORMER_GROUPS.sub("python -m lab ", command)


def measured_by(records: Sequence[Record]) -> str:
    """Return the beginning of a sentence with the commands, machines and dates of records.

    Records that no machine changes were simulated; those that are quoted are left out.
    """
    commands: dict[tuple[str, str], list[str]] = {}
    for each in records:
        if each.kind != "quoted":
            of_day = commands.setdefault((each.machine, each.date), [])
            if command_of(each) not in of_day:
                of_day.append(command_of(each))
    done = dict.fromkeys("Measured" if machine else "Simulated" for machine, _ in commands)
    parts = [
        f"by {' and '.join(f'`{each}`' for each in of_day)} on {date}"
        + (f", {machine}" if machine else "")
        for (machine, date), of_day in commands.items()
    ]
    return f"{' and '.join(done)} {'; '.join(parts)}"


def medians(records: Sequence[Record]) -> str:
    """Return the sentence that says whether medians have intervals."""
    if any(each.interval for each in records):
        return "Medians, with 95 % intervals (bootstrap)."
    if any(each.largest is not None for each in records):
        return "Medians of too few for intervals."
    return "Medians; no intervals were kept before December 2026."


def figure_cell(value: float, interval: Sequence[float] | None, form: str) -> str:
    """Return a figure with its 95 % interval, where there is one.

    Args:
        value: the figure.
        interval: its interval.
        form: the format of each number, such as `,.0f`.
    """
    if interval is None:
        return f"{value:{form}}"
    low, high = interval
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def slowest_cell(record: Record, form: str) -> str:
    """Return the slowest sample of a record."""
    return NOT_KEPT if record.largest is None else f"{record.largest:{form}}"


def percentile_cell(record: Record, percent: int, form: str) -> str:
    """Return p95 or p99 of a record where its samples carry it, else a dash."""
    value = {95: record.p95, 99: record.p99}[percent]
    if value is None or (record.samples or 0) < fewest_for(percent):
        return "-"
    return f"{value:{form}}"


def ratio_cell(record: Record, to: str | None = None, *, inverse: bool = False) -> str:
    """Return a record's ratio with its interval, and whether it is one of means.

    Args:
        record: the record.
        to: the baseline; that of `ratio` unless given.
        inverse: as 1/20 instead of 0.05.
    """
    kept = (record.ratios or {}).get(to or record.ratio_to or "")
    if kept is None and to in (None, record.ratio_to) and record.ratio is not None:
        kept = {"value": record.ratio, "of": "medians", "interval": _interval_of_before(record)}
    if kept is None:
        return "-"
    bounds = [f"{each:.2f}" for each in kept["interval"] or ()]
    text = f"{kept['value']:.2f}"
    if inverse:
        bounds = [f"1/{1 / each:.1f}" for each in kept["interval"] or ()]
        text = f"1/{1 / kept['value']:.1f}"
    text += f" ({' to '.join(bounds)})" if bounds else ""
    return f"{text}, of means" if kept["of"] == "means" else text


def reached_cell(value: float, interval: Sequence[float] | None, at_most: float) -> str:
    """Return whether a figure is at most a bound: `open` where its interval is on both sides.

    A figure without an interval decides by itself.
    """
    low, high = interval or (value, value)
    return "yes" if high <= at_most else "no" if low > at_most else "open"


def ratio_interval_of(record: Record, to: str | None = None) -> Sequence[float] | None:
    """Return the interval of a record's ratio, or None where there is none."""
    kept = (record.ratios or {}).get(to or record.ratio_to or "")
    return _interval_of_before(record) if kept is None else kept["interval"]


def _interval_of_before(record: Record) -> Sequence[float] | None:
    """Return the ratio's interval of a record of before December 2026, among the conditions."""
    for name in ("ratio_95", "ratio_interval"):
        if name in record.conditions and (record.samples or 0) >= LEAST_BLOCKS:
            interval: Sequence[float] = record.conditions[name]
            return interval
    return None
