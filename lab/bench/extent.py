"""The extent of a benchmark: enough samples for figures that are kept, or a quick run."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.records import QUICK, Record

COLD_STARTS = 30
"""Cold starts of each case: with 30, half of them lie in an interval of about a third of their
spread around the median."""
WARM_CALLS = 300
"""Warm calls of each case: they carry p99, which takes 299."""

Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Take few samples, to try the command. The records carry `mode: quick`, as those of "
        "any run with fewer samples than by default, and no page, chart or plan takes them.",
    ),
]


@dataclasses.dataclass(frozen=True)
class Extent:
    """The number of samples of each case.

    Attributes:
        count: the number.
        is_quick: whether they are too few to be kept.
    """

    count: int
    is_quick: bool

    def mark(self, record: Record) -> Record:
        """Return a record with the mode of the run."""
        return dataclasses.replace(record, mode=QUICK) if self.is_quick else record


def extent_of(given: int | None, *, full: int, few: int, quick: bool) -> Extent:
    """Return the extent of a run; fewer samples than by default make it a quick one.

    Args:
        given: the number on the command line.
        full: the number by default.
        few: the number by default of a quick run.
        quick: whether a quick run was asked for.
    """
    count = given if given is not None else few if quick else full
    return Extent(count, quick or count < full)


def require_elsewhere(path: Path | None, *, quick: bool) -> None:
    """Refuse to write what a quick run measured into the docs.

    Raises:
        WarmlensError: ``quick_run``.
    """
    docs = ROOT / "docs"
    if quick and path is not None and path.resolve().is_relative_to(docs.resolve()):
        raise WarmlensError(
            "quick_run",
            f"{path} is part of the docs, whose figures are those of full runs. Write it "
            "elsewhere, such as to .warmlens, or measure in full.",
            exit_code=2,
        )
