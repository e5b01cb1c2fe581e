"""Traffic files: hourly profiles and traces as CSV, and CloudWatch exports as JSON."""

import csv
import datetime
import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from warmlens.errors import WarmlensError
from warmlens.planner.scenario import DAY_H, HOUR_S
from warmlens.planner.traffic import (
    DAY_S,
    LONGEST_S,
    Bursts,
    Profile,
    Trace,
    in_words_of_time,
    moments,
    require_rate,
)

SHOWN = 80
"""Most characters of a file that an error message quotes."""


def read_traffic(file: Path, bursts: Bursts | None = None) -> Profile | Trace:
    """Read users' calls.

    Args:
        file: a CSV file with the columns `hour,requests` (24 hours in UTC, requests in that hour),
            or `arrival_s` (moments in seconds, ascending); or a JSON file that `aws cloudwatch
            get-metric-statistics` or `get-metric-data` printed.
        bursts: groups of users to add to a profile.

    Raises:
        WarmlensError: the file is not readable, none of these, or has an invalid number.
    """
    try:
        return _read(file, bursts)
    except UnicodeDecodeError:
        why = "not text in UTF-8"
    except csv.Error as error:
        why = f"not CSV: {error}"
    except OSError as error:
        why = error.strerror or str(error)
    raise WarmlensError("unreadable_traffic", f"{file}: {why}")


def _read(file: Path, bursts: Bursts | None) -> Profile | Trace:
    if file.suffix == ".json":
        return _with_bursts(read_cloudwatch(file), bursts)
    with file.open(newline="", encoding="utf-8-sig") as lines:
        columns = [each.strip() for each in next(csv.reader(lines), [])]
    if columns == ["hour", "requests"]:
        return _with_bursts(_profile(file), bursts)
    if "arrival_s" in columns:
        if bursts:
            raise WarmlensError("bad_burst", f"{file} is a trace: bursts cannot be added to it")
        return read_trace(file)
    shown = ",".join(columns)
    raise WarmlensError(
        "bad_traffic",
        f"{file}: its columns are {shown[:SHOWN] or 'none'}; give the columns hour,requests or "
        "arrival_s, or JSON of CloudWatch in a file that ends in .json",
    )


def _with_bursts(profile: Profile, bursts: Bursts | None) -> Profile:
    if bursts is None:
        return profile
    words = f"{profile.description}, bursts of {bursts.size} {bursts.per_hour:g} times an hour"
    return replace(profile, bursts=bursts, description=words)


def read_trace(file: Path) -> Trace:
    """Read a trace once, to check it; only counts are kept.

    Raises:
        WarmlensError: it is empty, a line is not valid, or the first call comes after a day.
    """
    count, last_s = 0, 0.0
    per_hour: list[int] = []
    for now_s in moments(file):
        if not count and now_s >= DAY_S:
            why = f"the first call comes after a day, {now_s:g} s: subtract its time from all"
            raise WarmlensError("late_trace", f"{file}: {why}")
        count, last_s = count + 1, now_s
        hour = int(now_s // HOUR_S)
        per_hour.extend([0] * (hour + 1 - len(per_hour)))
        per_hour[hour] += 1
    if not count:
        raise WarmlensError("empty_trace", f"{file}: no arrivals")
    return Trace(file=file, count=count, last_s=last_s, per_hour=tuple(per_hour))


def _profile(file: Path) -> Profile:
    requests: dict[int, float] = {}
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines)
        next(reader)
        for row in reader:
            if not row:
                continue
            try:
                hour, count = int(row[0]), float(row[1])
            except (IndexError, ValueError):
                why = f"{','.join(row)[:SHOWN]}: give an hour, 0 to 23, and a number of requests"
                raise WarmlensError(
                    "bad_profile", f"{file}, line {reader.line_num}: {why}"
                ) from None
            if not 0 <= hour < DAY_H:
                raise WarmlensError("bad_profile", f"{file}: hour {hour}: hours are 0 to 23")
            if hour in requests:
                raise WarmlensError("bad_profile", f"{file}: hour {hour} is there twice")
            require_rate(f"{file}: number of requests in hour {hour}", count)
            requests[hour] = count
    missing = ", ".join(str(hour) for hour in range(DAY_H) if hour not in requests)
    if missing:
        raise WarmlensError("bad_profile", f"{file}: hours {missing} are missing; 0 is allowed")
    rates = tuple(requests[hour] / HOUR_S for hour in range(DAY_H))
    total = sum(requests.values())
    return Profile(rates_per_s=rates, description=f"{file.name}, {total:,.0f} requests a day")


PERIODS_S = (86_400, 21_600, 3600, 900, 300, 60)
HIGHEST = 1e15
Points = Mapping[datetime.datetime, float]


def read_cloudwatch(file: Path) -> Profile:
    """Read JSON that `get-metric-statistics` with `Sum`, or `get-metric-data`, printed.

    CloudWatch leaves out periods without calls: those between the first and the last data point
    count as 0. The missing part of the last day is the mean of the other days at the same time of
    day, or 0 with less than a day.

    Raises:
        WarmlensError: it is neither, or a data point is not valid.
        OSError: the file cannot be read.
    """
    points = _points(file)
    if len(points) < 2:
        raise WarmlensError("empty_trace", f"{file}: fewer than two data points")
    for moment, count in points.items():
        require_rate(f"{file}: data point of {moment.isoformat()}", count)
    ordered = sorted(points)
    span_s = (ordered[-1] - ordered[0]).total_seconds()
    if span_s > LONGEST_S:
        dates = f"from {ordered[0].date()} to {ordered[-1].date()}"
        raise _bad_export(file, f"{dates}: a year is the most")
    period_s = _period_s(file, ordered)
    span_s += period_s
    words = f"{file.name}, {sum(points.values()):,.0f} requests in {in_words_of_time(span_s)}"
    if span_s < DAY_S:
        words += ", taken as a whole day without calls in the rest"
    counts = _by_time_of_day(points, ordered, period_s, span_s)
    return Profile(
        rates_per_s=tuple(count / period_s for count in counts),
        segment_s=float(period_s),
        description=words,
    )


def _by_time_of_day(
    points: Points, ordered: list[datetime.datetime], period_s: int, span_s: float
) -> list[float]:
    """Return the calls of each period, from midnight on, in whole days."""
    a_day = round(DAY_S / period_s)
    begin = _midnight(ordered[0])
    first = round((ordered[0] - begin).total_seconds() / period_s)
    observed = round(span_s / period_s)
    days = -(-observed // a_day)
    counts: list[float | None] = [None] * (days * a_day)
    for at in range(first, first + observed):
        # The end of a last day that goes on after midnight wraps around to the beginning.
        moment = begin + datetime.timedelta(seconds=at * period_s)
        counts[at % len(counts)] = points.get(moment, 0.0)
    return [
        _known(counts, at, a_day) if count is None else count for at, count in enumerate(counts)
    ]


def _known(counts: list[float | None], at: int, a_day: int) -> float:
    same_time = [count for count in counts[at % a_day :: a_day] if count is not None]
    return sum(same_time) / len(same_time) if same_time else 0.0


def _period_s(file: Path, ordered: list[datetime.datetime]) -> int:
    gaps_s = [(b - a).total_seconds() for a, b in itertools.pairwise(ordered)]
    for period_s in PERIODS_S:
        if all(gap_s % period_s == 0 for gap_s in gaps_s):
            break
    else:
        periods = ", ".join(map(str, sorted(PERIODS_S)))
        why = f"data points are {min(gaps_s):g} s apart; give a period of {periods} s"
        raise _bad_export(file, why)
    since_s = (ordered[0] - _midnight(ordered[0])).total_seconds()
    if since_s % period_s:
        why = f"{ordered[0].isoformat()} does not fit a period of {period_s} s"
        raise _bad_export(file, f"{why}: ask from a full hour on")
    return period_s


def _midnight(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _points(file: Path) -> dict[datetime.datetime, float]:
    try:
        document = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _bad_export(file, "not JSON in UTF-8") from None
    try:
        return _distinct(file, _pairs(document))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        why = "give data points with a Timestamp and a Sum, or one series of Timestamps and Values"
        raise _bad_export(file, why) from None


def _pairs(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if "MetricDataResults" in document:
        (series,) = document["MetricDataResults"]
        return list(zip(series["Timestamps"], series["Values"], strict=True))
    return [(point["Timestamp"], point["Sum"]) for point in document["Datapoints"]]


def _distinct(file: Path, pairs: list[tuple[str, Any]]) -> dict[datetime.datetime, float]:
    points: dict[datetime.datetime, float] = {}
    for text, count in pairs:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is None:  # as of the command line with a time zone left out
            moment = moment.replace(tzinfo=datetime.UTC)
        moment = moment.astimezone(datetime.UTC)
        if moment in points:
            raise _bad_export(file, f"{moment.isoformat()} is there twice")
        if abs(count) > HIGHEST:
            raise _bad_export(file, f"the Sum of {moment.isoformat()} is above {HIGHEST:g}")
        points[moment] = float(count)
    return points


def _bad_export(file: Path, why: str) -> WarmlensError:
    return WarmlensError("bad_cloudwatch_export", f"{file}: not a CloudWatch export: {why}")
