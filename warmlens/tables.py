"""Tables for people at a terminal, and plain lines for a pipe."""

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


def print_table(console: Console, table: Table) -> None:
    """Print a table: drawn on a terminal, else a line for each row with tabs between its cells.

    Args:
        console: where to.
        table: with cells that are text.
    """
    if console.is_terminal:
        console.print(table)
        return
    columns = [[column.header, *column.cells] for column in table.columns]
    for row in zip(*columns, strict=True):
        line = "\t".join(_plain(cell) for cell in row)
        console.file.write(f"{line}\n")  # print would turn tabs into spaces


def _plain(cell: RenderableType) -> str:
    text = cell if isinstance(cell, Text) else Text.from_markup(str(cell))
    return " ".join(text.plain.split())
