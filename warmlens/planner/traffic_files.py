"""Reads traffic: a profile by the hour, a trace of moments, or what CloudWatch exports."""

import csv
import datetime
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from warmlens.planner.errors import PlanError
from warmlens.planner.model import DAY_H, HOUR_S
from warmlens.planner.traffic import Bursts, Profile, Trace, moments, require_rate

DAY_S = DAY_H * HOUR_S
CLOUDWATCH_PERIODS_S = (60, 300, 900, 3600, 21_600, 86_400)


def read_traffic(file: Path, bursts: Bursts | None = None) -> Profile | Trace:
    """Read users' calls.

    Args:
        file: a CSV file with the columns `hour,requests` (24 hours in UTC, requests in that hour),
            or `arrival_s` (moments in seconds, ascending); or a JSON file that `aws cloudwatch
            get-metric-statistics` or `get-metric-data` printed.
        bursts: groups of users to add to a profile.

    Raises:
        PlanError: the file is not readable or none of these, or a number in it is refused.
    """
    try:
        if file.suffix == ".json":
            return _with_bursts(_cloudwatch(file), bursts)
        with file.open(newline="") as lines:
            columns = next(csv.reader(lines), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise PlanError("unreadable_traffic", f"{file}: {why}") from None
    if columns == ["hour", "requests"]:
        return _with_bursts(_profile(file), bursts)
    if "arrival_s" in columns:
        if bursts:
            raise PlanError("bad_burst", f"{file} is a trace, which has its bursts in it")
        return read_trace(file)
    raise PlanError(
        "bad_traffic",
        f"{file}: its columns are {','.join(columns) or 'none'}; give hour,requests or arrival_s, "
        "or CloudWatch's JSON in a file that ends in .json",
    )


def _with_bursts(profile: Profile, bursts: Bursts | None) -> Profile:
    if bursts is None:
        return profile
    words = f"{profile.description}, bursts of {bursts.size} {bursts.per_hour:g} times an hour"
    return replace(profile, bursts=bursts, description=words)


def read_trace(file: Path) -> Trace:
    """Read a trace once, to check it; only counts are kept.

    Raises:
        PlanError: it is empty, a line has no time, or a time is before the one before it.
    """
    count, last_s = 0, 0.0
    per_hour: list[int] = []
    for now_s in moments(file):
        if now_s < last_s:
            raise PlanError(
                "unordered_trace",
                f"{file}: {now_s:g} s comes after {last_s:g} s: sort the trace by time",
            )
        count, last_s = count + 1, now_s
        hour = int(now_s // HOUR_S)
        per_hour.extend([0] * (hour + 1 - len(per_hour)))
        per_hour[hour] += 1
    if not count:
        raise PlanError("empty_trace", f"{file}: it has no arrivals")
    return Trace(file=file, count=count, last_s=last_s, per_hour=tuple(per_hour))


def _profile(file: Path) -> Profile:
    requests: dict[int, float] = {}
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            try:
                hour, count = int(row["hour"]), float(row["requests"])
            except (TypeError, ValueError):
                raise PlanError("bad_profile", f"{file}: {row} has no numbers") from None
            if not 0 <= hour < DAY_H or hour in requests:
                raise PlanError("bad_profile", f"{file}: hour {hour} is no hour, or twice there")
            require_rate(f"{file}: requests in hour {hour}", count)
            requests[hour] = count
    missing = [str(hour) for hour in range(DAY_H) if hour not in requests]
    if missing:
        raise PlanError(
            "bad_profile", f"{file}: hours {', '.join(missing)} are missing; 0 is a number, too"
        )
    rates = tuple(requests[hour] / HOUR_S for hour in range(DAY_H))
    total = sum(requests.values())
    return Profile(rates_per_s=rates, description=f"{file.name}, {total:,.0f} requests a day")


def _cloudwatch(file: Path) -> Profile:
    try:
        points = _points(json.loads(file.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise PlanError(
            "bad_cloudwatch_export",
            f"{file}: not the JSON of get-metric-statistics with Sum, or of get-metric-data: "
            f"{error!r}",
        ) from None
    if len(points) < 2:
        raise PlanError("empty_trace", f"{file}: fewer than two data points")
    for moment, count in points.items():
        require_rate(f"{file}: the data point of {moment.isoformat()}", count)
    ordered = sorted(points)
    period_s = min((b - a).total_seconds() for a, b in itertools.pairwise(ordered))
    fitting = [each for each in CLOUDWATCH_PERIODS_S if period_s % each == 0]
    if not fitting:
        raise PlanError(
            "bad_cloudwatch_export",
            f"{file}: data points {period_s:g} s apart; ask for a period of one of "
            f"{', '.join(map(str, CLOUDWATCH_PERIODS_S))} s",
        )
    midnight = ordered[0].replace(hour=0, minute=0, second=0, microsecond=0)
    span_s = (ordered[-1] - midnight).total_seconds() + period_s
    days = math.ceil((ordered[-1] - ordered[0]).total_seconds() / DAY_S)
    rates = [0.0] * round(max(days, 1) * DAY_S / period_s)
    for moment in ordered:
        # Where it is no whole number of days, the end is put before the begin, at its time of day.
        at = (moment - midnight).total_seconds() / period_s
        if at != int(at):
            raise PlanError("bad_cloudwatch_export", f"{file}: {moment} does not fit the period")
        rates[int(at) % len(rates)] += points[moment] / period_s
    return Profile(
        rates_per_s=tuple(rates),
        segment_s=period_s,
        description=f"{file.name}, {sum(points.values()):,.0f} requests in {span_s / DAY_S:.1f} "
        "days",
    )


def _points(document: Mapping[str, Any]) -> dict[datetime.datetime, float]:
    if "MetricDataResults" in document:
        (series,) = document["MetricDataResults"]
        pairs = list(zip(series["Timestamps"], series["Values"], strict=True))
    else:
        pairs = [(point["Timestamp"], point["Sum"]) for point in document["Datapoints"]]
    points = {
        datetime.datetime.fromisoformat(moment).astimezone(datetime.UTC): float(count)
        for moment, count in pairs
    }
    if len(points) < len(pairs):
        raise ValueError("a moment is there twice")
    return points
