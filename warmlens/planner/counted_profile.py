"""Profiles by time of day, with bursts, from counts of CloudWatch."""

import datetime
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.planner.burst_fit import BurstFit, BusyTimes, fit_bursts
from warmlens.planner.metric_series import (
    MOST,
    Points,
    Series,
    bad_export,
    calls_and_most,
    require_one,
    require_one_period,
    require_statistic,
)
from warmlens.planner.scenario import HOUR_S
from warmlens.planner.traffic import (
    DAY_S,
    LONGEST_S,
    Bursts,
    Profile,
    in_words_of_time,
    require_rate,
)

_BEGINS = {
    86_400: "midnight UTC",
    21_600: "midnight UTC",
    3600: "a full hour",
    900: "a full quarter of an hour",
    300: "full five minutes",
    60: "a full minute",
}
"""The periods in seconds that are recognised, with the times that they begin at."""
FEWEST_KNOWN = 0.9
"""Share of the periods with calls for which the most calls at once must be known."""
_NO_USERS = "Invocations has wakeups in it; LatencyMs with SampleCount has users' calls alone"
Read = Callable[[Path], list[Series]]


@dataclass(frozen=True, kw_only=True)
class AtOnce:
    """How bursts are found.

    Attributes:
        file: the most calls at once, as a file of its own; None: in the file of the counts, if at
            all.
        pinged: instances that a warmer kept busy at a time.
        times: how long a call keeps an instance busy.
        is_fitted: False: bursts are not looked for.
    """

    file: Path | None = None
    pinged: int = 0
    times: BusyTimes = field(default_factory=lambda: BusyTimes(call_s=0.1, start_s=1.5))
    is_fitted: bool = True


def counted_profile(
    file: Path, read: Read, bursts: Bursts | None = None, at_once: AtOnce | None = None
) -> Profile:
    """Return the profile of counts by their times.

    CloudWatch leaves out periods without calls: those between the first and the last data point
    count as 0. The missing part of the last day is the mean of the other days at the same time of
    day, or 0 with less than a day.

    Args:
        file: the counts.
        read: the reader of such files.
        bursts: the bursts; None: as the most calls at once say.
        at_once: how bursts are found.

    Raises:
        WarmlensError: a file is not valid, or the two do not fit together.
    """
    at_once = at_once or AtOnce()
    counts, most = calls_and_most(file, read(file))
    if at_once.file is not None:
        if most is not None:
            why = f"it has {most.title} already; leave out --concurrent {at_once.file}"
            raise bad_export(file, why)
        most = _one_at_once(at_once.file, read(at_once.file))
    grid = _grid(file, counts)
    notes = [each for each in (counts.note, counts.counts_wakeups and _NO_USERS) if each]
    note = f" ({'; '.join(notes)})" if notes else ""
    requests = f"{sum(grid.counts):,.0f} requests in {in_words_of_time(grid.span_s)}"
    words = f"{file.name}{note}, {requests}"
    if grid.span_s < DAY_S:
        words += ", taken as a whole day without calls in the rest"
    if most is None and at_once.pinged:
        raise WarmlensError("bad_burst", "--concurrent-pings needs ConcurrentExecutions")
    if most is None or bursts is not None or not at_once.is_fitted:
        return _profile(grid, words)
    found = _most_of_each(at_once.file or file, most.points, grid)
    fit = fit_bursts(
        grid.counts, found, period_s=grid.period_s, times=at_once.times, pinged=at_once.pinged
    )
    per_hour = fit.total * HOUR_S / max(grid.span_s, DAY_S)
    profile = _profile(
        replace(grid, counts=fit.rest), f"{words}, {_in_words(fit, per_hour, len(grid.counts))}"
    )
    # The number at once is what was seen, whatever time the calls of a plan take.
    fitted = Bursts(size=fit.size, per_hour=per_hour, within_s=0.0) if fit.size else None
    return replace(profile, bursts=fitted)


def _one_at_once(file: Path, series: list[Series]) -> Series:
    require_one(file, series)
    if not series:
        raise bad_export(file, "it has no series: check metric, dimensions and region")
    require_statistic(file, series[0], MOST)
    return series[0]


def _in_words(fit: BurstFit, per_hour: float, periods: int) -> str:
    if not fit.size:
        return "no bursts, as independent users explain the most calls at once"
    return (
        f"bursts of {fit.size} {per_hour:.2g} times an hour, fitted: in {fit.periods:,} of "
        f"{periods:,} periods more calls came at once than independent users explain"
    )


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """Counts of periods without gaps."""

    begin: datetime.datetime
    period_s: int
    counts: tuple[float, ...]

    @property
    def span_s(self) -> float:
        return float(self.period_s * len(self.counts))

    def at(self, moment: datetime.datetime) -> int:
        """Return the number of the period that a moment is in."""
        return int((moment - self.begin).total_seconds() // self.period_s)


def _grid(file: Path, series: Series) -> _Grid:
    points = series.points
    if len(points) < 2:
        mend = "ask for hours of a day or more" if points else "check metric, dimensions and region"
        raise WarmlensError("empty_trace", f"{file}: data points: {len(points)}; {mend}")
    for moment, count in points.items():
        require_rate(f"{file}: data point of {moment.isoformat()}", count)
    ordered = sorted(points)
    span_s = (ordered[-1] - ordered[0]).total_seconds()
    if span_s > LONGEST_S:
        dates = f"from {ordered[0].date()} to {ordered[-1].date()}"
        raise bad_export(file, f"{dates}: a year is the most")
    period_s = _period_s(file, ordered, series.period_s)
    require_one_period(file, ordered)
    periods = round(span_s / period_s) + 1
    step = datetime.timedelta(seconds=period_s)
    counts = tuple(points.get(ordered[0] + at * step, 0.0) for at in range(periods))
    return _Grid(begin=ordered[0], period_s=period_s, counts=counts)


def _most_of_each(file: Path, points: Points, grid: _Grid) -> list[float]:
    """Return the most calls at once in each period of the counts; 0 where nothing is known."""
    found = [0.0] * len(grid.counts)
    for moment, value in points.items():
        require_rate(f"{file}: data point of {moment.isoformat()}", value)
        at = grid.at(moment)
        if 0 <= at < len(found):
            found[at] = max(found[at], value)
    with_calls = [at for at, count in enumerate(grid.counts) if count]
    unknown = sum(not found[at] for at in with_calls)
    if unknown > (1 - FEWEST_KNOWN) * len(with_calls):
        why = f"ConcurrentExecutions is missing in {unknown:,} of {len(with_calls):,} periods of"
        mend = "ask for both metrics for the same hours and period"
        raise bad_export(file, f"{why} {grid.period_s:g} s with calls; {mend}")
    return found


def _profile(grid: _Grid, description: str) -> Profile:
    counts = _by_time_of_day(grid)
    return Profile(
        rates_per_s=tuple(count / grid.period_s for count in counts),
        segment_s=float(grid.period_s),
        description=description,
    )


def _by_time_of_day(grid: _Grid) -> list[float]:
    """Return the calls of each period, from midnight on, in whole days."""
    a_day = round(DAY_S / grid.period_s)
    first = round((grid.begin - _midnight(grid.begin)).total_seconds() / grid.period_s)
    days = -(-len(grid.counts) // a_day)
    counts: list[float | None] = [None] * (days * a_day)
    for at, count in enumerate(grid.counts, first):
        # The end of a last day that goes on after midnight wraps around to the beginning.
        counts[at % len(counts)] = count
    return [
        _known(counts, at, a_day) if count is None else count for at, count in enumerate(counts)
    ]


def _known(counts: list[float | None], at: int, a_day: int) -> float:
    same_time = [count for count in counts[at % a_day :: a_day] if count is not None]
    return sum(same_time) / len(same_time) if same_time else 0.0


def _period_s(file: Path, ordered: list[datetime.datetime], given_s: int | None) -> int:
    gaps_s = [(b - a).total_seconds() for a, b in itertools.pairwise(ordered)]
    allowed_s = _BEGINS if given_s is None else [given_s]
    for period_s in allowed_s:
        if period_s > 0 and all(span_s % period_s == 0 for span_s in (DAY_S, *gaps_s)):
            break
    else:
        apart = f"data points are {min(gaps_s):g} s apart"
        if given_s is not None:
            apart += f" and the period is {given_s} s"
        periods = ", ".join(map(str, sorted(_BEGINS)))
        raise bad_export(file, f"{apart}; give a period of {periods} s")
    first = ordered[0]
    if (first - _midnight(first)).total_seconds() % period_s:
        begins = _BEGINS.get(period_s, "midnight UTC")
        begin = f"{first:%H:%M:%S}".removesuffix(":00")
        why = f"data points {in_words_of_time(period_s)} apart begin at {begin} UTC"
        mend = f"ask for them from {begins} on"
        if period_s > 3600:
            mend += f", such as {first:%Y-%m-%d}T00:00:00Z, or for a period of 3600 s"
        raise bad_export(file, f"{why}; {mend}")
    return period_s


def _midnight(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
