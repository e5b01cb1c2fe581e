"""What an experiment is: steps to measure, what they need, and the records made of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from lab.experiments.samples import Sample, Step
from lab.experiments.target import Target
from warmlens.records import Record

Values = dict[str, list[float]]
Measure = Callable[[Step], Values]
Earlier = Mapping[str, Sequence[Sample]]


class Mode(StrEnum):
    """How much is measured."""

    QUICK = "quick"
    FULL = "full"


@dataclass(frozen=True)
class Experiment:
    """One of the paper's experiments.

    Attributes:
        name: what it is asked for by.
        title: for people.
        steps: gives what to measure, in order.
        lab: gives what measures a step, while its block lasts; `Earlier` has the samples of the
            experiments before, by their names.
        records: makes the figures of the samples; nothing else enters them.
        needs: experiments whose samples the lab asks for.
        anywhere: it can measure an API that runs, and not only a local cloud of its own.
    """

    name: str
    title: str
    steps: Callable[[Mode, Target], list[Step]]
    lab: Callable[[Target, Earlier], AbstractContextManager[Measure]]
    records: Callable[[Sequence[Sample]], Iterator[Record]]
    needs: tuple[str, ...] = ()
    anywhere: bool = False
