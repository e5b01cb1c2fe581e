"""Markdown tables made from records."""

import re
from collections.abc import Iterable, Sequence

from warmlens.records import Record

_FORMER_GROUPS = re.compile(r"^warmlens (?=(?:bench|experiments) )")


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


def command_of(record: Record) -> str:
    """Return the command that made a record, under its present name.

    Records made before December 2026 name the laboratory's commands as a part of `warmlens`.
    """
    return _FORMER_GROUPS.sub("python -m lab ", record.command)
