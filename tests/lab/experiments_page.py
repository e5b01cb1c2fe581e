"""Reader for tables and numbers of the experiments page."""

import re

from warmlens.paths import ROOT

FOLDER = ROOT / "docs" / "lab" / "experiments"
PAGE = FOLDER / "README.md"
RECORDS = FOLDER / "records"


def rows(heading: str) -> list[list[str]]:
    """Return the rows of the first table after a heading."""
    section = PAGE.read_text().partition(heading)[2]
    table = re.search(r"((?:^\|.*\n)+)", section, re.MULTILINE)
    assert table is not None, heading
    lines = table[1].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def number(text: str) -> float:
    """Return the first number of a cell, before its interval."""
    return float(text.split()[0].strip("$,").replace(",", ""))
