"""An experiment: its steps, its setup, and the records computed from its measurements."""

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
    """The extent of a run."""

    QUICK = "quick"
    FULL = "full"


@dataclass(frozen=True)
class Experiment:
    """One of the paper's experiments.

    Attributes:
        name: its name on the command line.
        title: its title in the report.
        steps: returns the steps in order.
        setup: context manager that yields the function which measures a step; `Earlier` has the
            measurements of the experiments before, by their names.
        records: computes records from measurements alone.
        needs: experiments whose measurements the setup needs.
        anywhere: True if it can measure a running API, and not only a local cloud of its own.
    """

    name: str
    title: str
    steps: Callable[[Mode, Target], list[Step]]
    setup: Callable[[Target, Earlier], AbstractContextManager[Measure]]
    records: Callable[[Sequence[Measurement]], Iterator[Record]]
    needs: tuple[str, ...] = ()
    anywhere: bool = False
