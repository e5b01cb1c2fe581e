"""Tables in CSV files, with every field of every row accounted for."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from warmlens.errors import WarmlensError
from warmlens.text_files import open_text

DELIMITERS = ",;\t|"
SHOWN = 80
"""Most characters of a file that an error message quotes."""
UNREADABLE = "unreadable_traffic"


class Row(NamedTuple):
    """The fields of a row, and the line that it ends on."""

    line: int
    fields: list[str]


def read_rows(file: Path, code: str = UNREADABLE) -> Iterator[Row]:
    """Yield the rows of a CSV file, without blank ones.

    Commas, semicolons, tabs or bars separate fields: the one that the first row has most of, or
    that a line such as `sep=;` names.

    Args:
        file: the file.
        code: code of the errors.

    Raises:
        WarmlensError: the file is not readable, or not CSV.
    """
    with open_text(file, code) as lines:
        skipped, first = next(
            ((number, line) for number, line in enumerate(lines) if line.strip()), (0, "")
        )
        delimiter = delimiter_of(first)
        if first.strip().lower().startswith("sep="):
            first = "\n"
        reader = csv.reader(
            itertools.chain([first], lines), delimiter=delimiter, strict=True, skipinitialspace=True
        )
        begin = skipped + 1
        try:
            for fields in reader:
                begin = skipped + reader.line_num + 1
                if any(fields):
                    yield Row(begin - 1, fields)
        except csv.Error as error:
            why = f"not CSV: {error}; end each quoted field with a quote, and write a quote in it "
            raise WarmlensError(code, f"{file}, line {begin}: {why}twice.") from None


def delimiter_of(first_line: str) -> str:
    """Return the character between the fields of a file with this first line."""
    line = first_line.strip("\r\n ")
    if line.lower().startswith("sep="):
        return line[4:5] or ","
    return max(DELIMITERS, key=line.count)


def header(row: Row | None) -> list[str]:
    """Return the names of columns in lower case, without empty ones at the end."""
    return [name.casefold() for name in _without_empty_end(row.fields, 0)] if row else []


def fields_of(file: Path, row: Row, columns: list[str], code: str) -> list[str]:
    """Return a row's field of each column; further ones at its end may be empty.

    Raises:
        WarmlensError: it has more fields or fewer.
    """
    fields = _without_empty_end(row.fields, len(columns))
    if len(fields) == len(columns):
        return fields
    shown = ",".join(row.fields)[:SHOWN]
    mend = (
        "A number with a comma in it, such as 1,000 or 1000,5, needs quotes, or semicolons between "
        "the columns."
        if len(fields) > len(columns)
        else "Give every column a value."
    )
    raise WarmlensError(
        code,
        f"{file}, line {row.line}: {shown}: fields: {len(fields)}, columns: {len(columns)} "
        f"({', '.join(columns)[:SHOWN]}). {mend}",
    )


def _without_empty_end(fields: list[str], least: int) -> list[str]:
    stripped = [field.strip() for field in fields]
    while len(stripped) > least and not stripped[-1]:
        stripped.pop()
    return stripped
