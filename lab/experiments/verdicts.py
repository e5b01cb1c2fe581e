"""Verdicts on claims: their words, and rules that give one from records."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.experiments.record_query import NoRecordError, RecordSet
from warmlens.records import Record

COMPUTED, MEASURED, BOTH = "computed", "measured", "measured and computed"
FAKE_LAMBDA, QUOTED, SIMULATED = "measured with a stand-in", "quoted", "simulated"
NOT_MEASURED = "not measured"


class Verdict(StrEnum):
    """The verdict of our evidence on a claim."""

    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    REFUTED = "refuted"
    BEATEN = "beaten"
    NOT_DECIDED = "not decided"
    NOT_COMPARABLE = "not comparable"
    NOT_SHOWN = "not shown here"


MEANINGS = {
    Verdict.CONFIRMED: "the evidence agrees with the claim; where it has an interval, all of it",
    Verdict.CORRECTED: "the claim holds in part or otherwise than printed, or leaves out a cost, "
    "as the evidence says",
    Verdict.REFUTED: "the evidence contradicts the claim; where it has an interval, all of it",
    Verdict.BEATEN: "in AWS, our system needs less than the paper's, by the whole interval",
    Verdict.NOT_DECIDED: "the interval lies on both sides, there are too few samples for one, or "
    "the paper does not say what would decide it",
    Verdict.NOT_COMPARABLE: "there are figures of the same name, but of another environment, such "
    "as a process here against Lambda",
    Verdict.NOT_SHOWN: "nothing here was measured that bears on it; a stand-in that follows a rule "
    "of AWS does not show the rule",
}


@dataclass(frozen=True)
class Claim:
    """A claim of the paper with its verdict.

    Attributes:
        where: the section, figure or table of the paper.
        claim: the claim, in our words.
        verdict: the verdict.
        evidence: the figures behind it.
        turned_by: results that would give another verdict.
        kind: how the evidence came about.
        measured_on: machines and dates of the measurements behind it.
    """

    where: str
    claim: str
    verdict: Verdict
    evidence: str
    turned_by: str
    kind: str
    measured_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """The part of a claim that a rule computes from records."""

    verdict: Verdict
    evidence: str
    kind: str


Judge = Callable[[RecordSet], Judgement]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A claim and the rule for its verdict.

    Attributes:
        where, claim, turned_by: as in :class:`Claim`.
        command: measures what the rule needs.
        judge: computes verdict and evidence; raises NoRecordError where a record is missing.
    """

    where: str
    claim: str
    turned_by: str
    command: str
    judge: Judge

    def apply(self, results: RecordSet) -> Claim:
        """Return the claim with its verdict: *not shown here* where a record is missing."""
        with results.noted() as used:
            try:
                found = self.judge(results)
            except NoRecordError:
                evidence = f"not measured: `{self.command}`"
                found = Judgement(Verdict.NOT_SHOWN, evidence, NOT_MEASURED)
                used.clear()
        return Claim(
            self.where,
            self.claim,
            found.verdict,
            found.evidence,
            self.turned_by,
            found.kind,
            machines_and_dates(used),
        )


def machines_and_dates(records: Iterable[Record]) -> tuple[str, ...]:
    """Return machine and date of each measurement behind the records, each pair once."""
    return tuple(
        sorted(
            {
                f"{each.machine or 'on any machine'}, {each.date}"
                for each in records
                if each.kind == "measured" or each.machine
            }
        )
    )


class Rules(list[Rule]):
    """The rules of one part of the paper, in its order."""

    def add(
        self,
        where: str,
        claim: str,
        *,
        turned_by: str,
        command: str = "python -m lab experiments run cost",
    ) -> Callable[[Judge], Judge]:
        """Return a decorator that adds a rule; the arguments are those of :class:`Rule`."""

        def decorate(judge: Judge) -> Judge:
            self.append(
                Rule(where=where, claim=claim, turned_by=turned_by, command=command, judge=judge)
            )
            return judge

        return decorate


def lies(
    interval: Sequence[float] | None, low: float = -math.inf, high: float = math.inf
) -> bool | None:
    """Return True if an interval lies between bounds, False if outside, None if on both sides.

    Args:
        interval: the interval; None, for too few samples, decides nothing.
        low: the lower bound.
        high: the upper bound.
    """
    if interval is None:
        return None
    if low <= interval[0] and interval[1] <= high:
        return True
    return False if interval[1] < low or interval[0] > high else None


def above(interval: Sequence[float] | None, other: Sequence[float] | None) -> bool | None:
    """Return True if an interval lies above another, False if below, None if they overlap.

    Args:
        interval: the interval; None, for too few samples, decides nothing.
        other: that which it is compared with, or None.
    """
    if interval is None or other is None:
        return None
    return True if interval[0] > other[1] else False if interval[1] < other[0] else None


def all_of(parts: Sequence[bool | None]) -> bool | None:
    """Return False if a part of a claim is false, None if none is but some are not decided."""
    return False if False in parts else None if None in parts else True


def decided(
    does: bool | None,
    *,
    yes: Verdict = Verdict.CONFIRMED,
    no: Verdict = Verdict.REFUTED,
) -> Verdict:
    """Return the verdict for each outcome of :func:`lies`, :func:`above` and :func:`all_of`."""
    return Verdict.NOT_DECIDED if does is None else yes if does else no


def against(record: Record, figure: float) -> Verdict:
    """Compare a figure of ours, measured in AWS, with the paper's: less is better."""
    if lies(record.interval, high=figure):
        return Verdict.BEATEN
    if lies(record.interval, low=figure):
        return Verdict.CORRECTED
    return Verdict.NOT_DECIDED if record.interval is None else Verdict.CONFIRMED


def with_interval(record: Record, form: str = ",.0f", unit: str = "") -> str:
    """Return a value with its unit and its interval, such as `5,766 ms (5,551 to 6,011)`."""
    text = f"{record.value:{form}}{unit}"
    if record.interval is None:
        return f"{text} (too few samples for an interval)"
    low, high = record.interval
    return f"{text} ({low:{form}} to {high:{form}})"


def times(record: Record) -> str:
    """Return a ratio with its interval."""
    return with_interval(record, ".2f", " times")
