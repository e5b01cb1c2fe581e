"""The definition of an experiment: steps, setup and records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from lab.experiments.measurements import Measurement, Step
from lab.experiments.target import Target
from warmlens.records import Record

Values = dict[str, list[float]]
Measure = Callable[[Step], Values]
Earlier = Mapping[str, Sequence[Measurement]]


class Mode(StrEnum):
    """The extent of a run: quick or full."""

    QUICK = "quick"
    FULL = "full"


@dataclass(frozen=True)
class Experiment:
    """One of the paper's experiments.

    Attributes:
        name: its name on the command line.
        title: its title in the report.
        steps: returns the steps in order.
        setup: context manager that yields a function that measures a step; `Earlier` has the
            measurements of earlier experiments by name.
        records: computes records from measurements.
        needs: experiments whose measurements the setup needs.
        anywhere: True if it can measure any running API, False if only a local cloud of its own.
    """

    name: str
    title: str
    steps: Callable[[Mode, Target], list[Step]]
    setup: Callable[[Target, Earlier], AbstractContextManager[Measure]]
    records: Callable[[Sequence[Measurement]], Iterator[Record]]
    needs: tuple[str, ...] = ()
    anywhere: bool = False
