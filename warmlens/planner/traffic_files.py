"""Traffic files: hourly profiles and traces as CSV, and exports of CloudWatch."""

import functools
import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from warmlens.errors import WarmlensError
from warmlens.planner.cloudwatch import read_json
from warmlens.planner.console_csv import UTC, is_console_csv, read_console_csv
from warmlens.planner.counted_profile import AtOnce, counted_profile
from warmlens.planner.csv_tables import (
    SHOWN,
    UNREADABLE,
    delimiter_of,
    fields_of,
    header,
    read_rows,
)
from warmlens.planner.metric_series import Series
from warmlens.planner.number_format import decimal_of, parse_number
from warmlens.planner.scenario import DAY_H, HOUR_S
from warmlens.planner.traffic import (
    ARRIVAL,
    DAY_S,
    Bursts,
    Profile,
    Trace,
    arrival_texts,
    moments,
    require_rate,
)
from warmlens.text_files import open_text

PROFILE = ["hour", "requests"]  # columns
_HOUR = re.compile(r"(\d{1,2})(:00){0,2}")


def read_traffic(
    file: Path,
    bursts: Bursts | None = None,
    *,
    at_once: AtOnce | None = None,
    zone: ZoneInfo = UTC,
) -> Profile | Trace:
    """Read users' calls.

    The kind follows from what the file begins with, not from its name.

    Args:
        file: a CSV file with the columns `hour,requests` (24 hours in UTC, requests in that hour),
            or `arrival_s` (moments in seconds, ascending); JSON that `aws cloudwatch
            get-metric-statistics` or `get-metric-data` printed; or CSV of CloudWatch's console.
        bursts: groups of users to add to a profile.
        at_once: how bursts are found in an export of CloudWatch, if they are not given.
        zone: time zone of CSV of CloudWatch's console.

    Raises:
        WarmlensError: the file is not readable, none of these, or has an invalid number.
    """
    _require_file(file)
    if zone.key != UTC.key and not any(map(_is_console_csv, _files(file, at_once))):
        why = f"{file} is no CSV of CloudWatch's console: its times are in UTC, or have their zone"
        raise WarmlensError("bad_time_zone", f"--time-zone {zone.key}: {why}")
    if _is_json(file) or _is_console_csv(file):
        read = functools.partial(_series, zone=zone)
        return _with_bursts(counted_profile(file, read, bursts, at_once), bursts)
    if at_once and (at_once.file or at_once.pinged):
        why = "--concurrent goes with counts of CloudWatch for the same periods"
        raise WarmlensError("bad_burst", f"{file} has no such counts: {why}")
    columns = header(next(read_rows(file), None))
    first = _first_line(file)
    if sorted(columns) == PROFILE:
        return _with_bursts(_profile(file, delimiter_of(first)), bursts)
    if ARRIVAL in columns:
        if bursts:
            raise WarmlensError("bad_burst", f"{file} is a trace: bursts cannot be added to it")
        return read_trace(file)
    if first.lower().startswith("sep="):
        first = delimiter_of(first).join(columns)
    found = f"begins with {first[:SHOWN]}" if first else "is empty"
    raise WarmlensError(
        "bad_traffic",
        f"{file} {found}; give CSV that begins with the columns hour,requests or arrival_s, what "
        "aws cloudwatch prints with --output json, or CSV of CloudWatch's console",
    )


def _require_file(file: Path) -> None:
    if file.exists() and not file.is_file():
        kind = (
            "a folder" if file.is_dir() else "no file but a pipe or device; save what comes from it"
        )
        raise WarmlensError(UNREADABLE, f"{file} is {kind}.")


def _files(file: Path, at_once: AtOnce | None) -> list[Path]:
    return [file, at_once.file] if at_once and at_once.file else [file]


def _is_console_csv(file: Path) -> bool:
    return not _is_json(file) and is_console_csv(header(next(read_rows(file), None)))


def _is_json(file: Path) -> bool:
    return _first_line(file).startswith(("{", "["))


def _series(file: Path, zone: ZoneInfo) -> list[Series]:
    _require_file(file)
    return read_json(file) if _is_json(file) else read_console_csv(file, zone)


def _first_line(file: Path) -> str:
    with open_text(file, UNREADABLE) as lines:
        return next((line.strip() for line in lines if line.strip()), "")


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
    decimal = _decimal_of_trace(file)
    for now_s in moments(file, decimal):
        if not count and now_s >= DAY_S:
            why = f"the first call comes after a day, {now_s:g} s: subtract its time from all"
            raise WarmlensError("late_trace", f"{file}: {why}")
        count, last_s = count + 1, now_s
        hour = int(now_s // HOUR_S)
        per_hour.extend([0] * (hour + 1 - len(per_hour)))
        per_hour[hour] += 1
    if not count:
        raise WarmlensError("empty_trace", f"{file}: no arrivals")
    return Trace(file=file, count=count, last_s=last_s, per_hour=tuple(per_hour), decimal=decimal)


def _decimal_of_trace(file: Path) -> str:
    """Return the character before decimals; where commas separate fields, a point unless clear."""
    by_commas = delimiter_of(_first_line(file)) == ","
    texts = (text for _, text in arrival_texts(file) if not by_commas or "," in text)
    try:
        return decimal_of(texts, {".": ".", ",": "."} if by_commas else {})
    except ValueError as error:
        raise WarmlensError("bad_trace", f"{file}: {error}.") from None


def _profile(file: Path, delimiter: str) -> Profile:
    first, *rows = read_rows(file)
    columns = header(first)
    hour_at, count_at = map(columns.index, PROFILE)
    lines = [(row.line, fields_of(file, row, columns, "bad_profile")) for row in rows]
    try:
        # Between commas, a number has a comma only in quotes, as spreadsheets group digits.
        texts = [fields[count_at] for _, fields in lines]
        decimal = decimal_of(texts, {",": "."} if delimiter == "," else {})
    except ValueError as error:
        raise WarmlensError("bad_profile", f"{file}: {error}.") from None
    requests: dict[int, float] = {}
    for line, fields in lines:
        match = _HOUR.fullmatch(fields[hour_at])
        try:
            hour, count = int(match[1] if match else ""), parse_number(fields[count_at], decimal)
        except ValueError:
            why = f"{','.join(fields)[:SHOWN]}: give an hour, 0 to 23, and a number of requests"
            raise WarmlensError("bad_profile", f"{file}, line {line}: {why}") from None
        where = f"{file}, line {line}"
        if not 0 <= hour < DAY_H:
            raise WarmlensError("bad_profile", f"{where}: hour {hour}: hours are 0 to 23")
        if hour in requests:
            raise WarmlensError("bad_profile", f"{where}: hour {hour} is there twice")
        require_rate(f"{where}: number of requests in hour {hour}", count)
        requests[hour] = count
    missing = ", ".join(str(hour) for hour in range(DAY_H) if hour not in requests)
    if missing:
        raise WarmlensError("bad_profile", f"{file}: hours {missing} are missing; 0 is allowed")
    rates = tuple(requests[hour] / HOUR_S for hour in range(DAY_H))
    total = sum(requests.values())
    return Profile(rates_per_s=rates, description=f"{file.name}, {total:,.0f} requests a day")
