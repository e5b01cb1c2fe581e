"""Series of CloudWatch: counts of users' calls, and the most calls at once."""

import datetime
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmlens.errors import WarmlensError
from warmlens.planner.csv_tables import SHOWN

HIGHEST = 1e15
COUNT_UNITS = ("count", "none", "no unit", "")
COUNTS, MOST = ("sum", "samplecount"), ("maximum",)
GAPS_OF_A_PERIOD = 12
"""Gaps of one length, one after the other, that make a period."""
Points = Mapping[datetime.datetime, float]
Pairs = Iterable[tuple[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric with one statistic.

    Attributes:
        title: its name for people.
        name: its labels, which say what it counts.
        statistic: in lower case without blanks, such as `samplecount`; empty where unknown.
        points: values by time, in UTC.
        period_s: period in seconds, where the file names it.
        is_of_console: True in the console's CSV.
        note: what the reader of an answer should know.
    """

    title: str
    name: str
    statistic: str
    points: Points
    period_s: int | None = None
    is_of_console: bool = False
    note: str = ""

    @property
    def is_at_once(self) -> bool:
        """True for the number of calls at once, as ConcurrentExecutions."""
        return "concurren" in self.name.casefold()

    @property
    def counts_wakeups(self) -> bool:
        """True for a metric of Lambda that counts wakeups as users' calls."""
        return "invocations" in self.name.casefold()


def calls_and_most(file: Path, series: Sequence[Series]) -> tuple[Series, Series | None]:
    """Return the counts of calls of a file, and the most calls at once if it has them.

    Raises:
        WarmlensError: it has several counts or none, or another statistic.
    """
    at_once = [each for each in series if each.is_at_once]
    counts = [each for each in series if not each.is_at_once]
    for found in (counts, at_once):
        require_one(file, found)
    if not counts:
        why = "it has ConcurrentExecutions alone; export a count of calls, too, or give this file"
        raise bad_export(file, f"{why} as --concurrent" if series else "it has no series")
    require_statistic(file, counts[0], COUNTS)
    if "coldstart" in counts[0].name.casefold() and counts[0].statistic == "sum":
        raise bad_export(file, "the Sum of ColdStart counts cold starts; export its SampleCount")
    if re.search("latencyms|duration", counts[0].name.casefold()):
        _require_whole(file, counts[0])
    if at_once:
        require_statistic(file, at_once[0], MOST)
    return counts[0], at_once[0] if at_once else None


def require_one(file: Path, series: Sequence[Series]) -> None:
    """Check that there are not several series.

    Raises:
        WarmlensError: there are.
    """
    if len(series) > 1:
        names = [each.title for each in series]
        if all(each.is_of_console for each in series):
            why = f"metrics: {len(names)} ({'; '.join(names)}); export one, or their sum"
        else:
            why = (
                f"series: {len(names)} ({', '.join(sorted(names))}); ask for one, or for their sum"
            )
        raise bad_export(file, why)


def require_statistic(file: Path, series: Series, allowed: Sequence[str]) -> None:
    """Check the statistic of a series, where the file names it.

    Raises:
        WarmlensError: it is another one.
    """
    if series.statistic and series.statistic not in allowed:
        wanted = {"sum": "Sum", "samplecount": "SampleCount", "maximum": "Maximum"}
        names = " or ".join(wanted[each] for each in allowed)
        why = f"Statistic is {series.statistic.capitalize()}; export {series.title} with Statistic"
        raise bad_export(file, f"{why} {names}")


def _require_whole(file: Path, series: Series) -> None:
    for moment, value in series.points.items():
        if value != int(value):
            why = f"{series.title} at {moment:%Y-%m-%d %H:%M} is {value:g}, which is a time and no"
            raise bad_export(file, f"{why} number of calls; export its SampleCount")


def points_of(file: Path, pairs: Pairs, what: str, if_twice: str = "") -> Points:
    """Return values by time.

    Args:
        file: the file, for errors.
        pairs: times, as text of ISO 8601 or seconds since 1970, with their values.
        what: name of a value.
        if_twice: what to do if a time is there twice.

    Raises:
        WarmlensError: a time or a value is not valid.
    """
    points: dict[datetime.datetime, float] = {}
    for text, value in pairs:
        try:
            if isinstance(text, int | float):  # seconds, as from the API itself
                moment = datetime.datetime.fromtimestamp(text, datetime.UTC)
            elif isinstance(text, datetime.datetime):
                moment = text
            else:
                moment = datetime.datetime.fromisoformat(text)
        except (ValueError, TypeError, OverflowError, OSError):
            why = f"a Timestamp is {text!r:.{SHOWN}}; give 2026-03-28T00:00:00Z or whole seconds"
            raise bad_export(file, f"{why} since 1970") from None
        if moment.tzinfo is None:  # as of the command line with a time zone left out
            moment = moment.replace(tzinfo=datetime.UTC)
        moment = moment.astimezone(datetime.UTC)
        if moment in points:
            shown = moment.replace(tzinfo=None).isoformat()
            raise bad_export(file, f"{shown} is there twice{if_twice}")
        if type(value) not in (int, float):
            raise bad_export(file, f"the {what} of {moment.isoformat()} is {value!r}, not a number")
        if abs(value) > HIGHEST:
            raise bad_export(file, f"the {what} of {moment.isoformat()} is above {HIGHEST:g}")
        points[moment] = float(value)
    return points


def require_one_period(file: Path, ordered: Sequence[datetime.datetime]) -> None:
    """Check that a file has one period, not two one after the other, as joined exports have.

    Raises:
        WarmlensError: it has two.
    """
    pairs = itertools.pairwise(ordered)
    periods: list[tuple[datetime.timedelta, datetime.datetime]] = []  # each with its first moment
    for gap, group in itertools.groupby(pairs, key=lambda pair: pair[1] - pair[0]):
        moments = [moment for moment, _ in group]
        if len(moments) >= GAPS_OF_A_PERIOD:
            periods.append((gap, moments[0]))
    for (one, _), (other, begin) in itertools.pairwise(periods):
        is_multiple = not max(one, other) % min(one, other)
        if one != other and is_multiple:
            why = f"periods of {one.total_seconds():g} s and, from {begin:%Y-%m-%d %H:%M} on, of"
            mend = "ask for all hours with one period"
            raise bad_export(file, f"{why} {other.total_seconds():g} s; {mend}")


def bad_export(file: Path, why: str) -> WarmlensError:
    """Return the error of an export of CloudWatch."""
    return WarmlensError("bad_cloudwatch_export", f"{file}, an export of CloudWatch: {why}")
