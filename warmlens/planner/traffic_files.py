"""Reads traffic: a profile by the hour, a trace of moments, or what CloudWatch exports."""

import csv
from dataclasses import replace
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.planner.cloudwatch import read_cloudwatch
from warmlens.planner.model import DAY_H, HOUR_S
from warmlens.planner.traffic import DAY_S, Bursts, Profile, Trace, moments, require_rate

SHOWN = 80
"""Characters of a file that a refusal quotes at most."""


def read_traffic(file: Path, bursts: Bursts | None = None) -> Profile | Trace:
    """Read users' calls.

    Args:
        file: a CSV file with the columns `hour,requests` (24 hours in UTC, requests in that hour),
            or `arrival_s` (moments in seconds, ascending); or a JSON file that `aws cloudwatch
            get-metric-statistics` or `get-metric-data` printed.
        bursts: groups of users to add to a profile.

    Raises:
        WarmlensError: the file is not readable or none of these, or a number in it is refused.
    """
    try:
        return _read(file, bursts)
    except UnicodeDecodeError:
        raise WarmlensError("unreadable_traffic", f"{file}: no text in UTF-8") from None
    except csv.Error as error:
        raise WarmlensError("unreadable_traffic", f"{file}: no CSV: {error}") from None
    except OSError as error:
        raise WarmlensError("unreadable_traffic", f"{file}: {error.strerror or error}") from None


def _read(file: Path, bursts: Bursts | None) -> Profile | Trace:
    if file.suffix == ".json":
        return _with_bursts(read_cloudwatch(file), bursts)
    with file.open(newline="", encoding="utf-8-sig") as lines:
        columns = [each.strip() for each in next(csv.reader(lines), [])]
    if columns == ["hour", "requests"]:
        return _with_bursts(_profile(file), bursts)
    if "arrival_s" in columns:
        if bursts:
            raise WarmlensError("bad_burst", f"{file} is a trace, which has its bursts in it")
        return read_trace(file)
    shown = ",".join(columns)
    raise WarmlensError(
        "bad_traffic",
        f"{file}: its columns are {shown[:SHOWN] or 'none'}; give hour,requests or arrival_s, "
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
        WarmlensError: it is empty, a line has no time, a time is before the one before it, or the
            first call comes after more than a day.
    """
    count, last_s = 0, 0.0
    per_hour: list[int] = []
    for now_s in moments(file):
        if not count and now_s >= DAY_S:
            raise WarmlensError(
                "late_trace",
                f"{file}: its first call comes at {now_s:g} s, after more than a day; times begin "
                "at 0: subtract the first one from all",
            )
        count, last_s = count + 1, now_s
        hour = int(now_s // HOUR_S)
        per_hour.extend([0] * (hour + 1 - len(per_hour)))
        per_hour[hour] += 1
    if not count:
        raise WarmlensError("empty_trace", f"{file}: it has no arrivals")
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
                raise WarmlensError(
                    "bad_profile",
                    f"{file}, line {reader.line_num}: {','.join(row)[:SHOWN]}: give an hour, 0 to "
                    "23, and a number of requests",
                ) from None
            if not 0 <= hour < DAY_H or hour in requests:
                raise WarmlensError(
                    "bad_profile", f"{file}: hour {hour} is no hour, or twice there"
                )
            require_rate(f"{file}: requests in hour {hour}", count)
            requests[hour] = count
    missing = [str(hour) for hour in range(DAY_H) if hour not in requests]
    if missing:
        raise WarmlensError(
            "bad_profile", f"{file}: hours {', '.join(missing)} are missing; 0 is a number, too"
        )
    rates = tuple(requests[hour] / HOUR_S for hour in range(DAY_H))
    total = sum(requests.values())
    return Profile(rates_per_s=rates, description=f"{file.name}, {total:,.0f} requests a day")
