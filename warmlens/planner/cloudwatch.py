"""Exports of CloudWatch as profiles by time of day."""

import datetime
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from warmlens.errors import WarmlensError
from warmlens.planner.csv_tables import SHOWN, UNREADABLE, Row, fields_of, header, read_rows
from warmlens.planner.number_format import decimal_of, parse_number
from warmlens.planner.traffic import DAY_S, LONGEST_S, Profile, in_words_of_time, require_rate
from warmlens.text_files import STRICT_JSON, read_text

_BEGINS = {
    86_400: "midnight UTC",
    21_600: "midnight UTC",
    3600: "a full hour",
    900: "a full quarter of an hour",
    300: "full five minutes",
    60: "a full minute",
}
"""The periods in seconds that are recognised, with the times that they begin at."""
HIGHEST = 1e15
UNITS = ("Count", "None", "No unit", "")
_TIME = "%Y/%m/%d %H:%M:%S"
_METADATA = ("full label", "label", "account", "region", "period", "statistic", "unit")
Points = Mapping[datetime.datetime, float]
Pairs = list[tuple[str, Any]]


def read_json(file: Path) -> Profile:
    """Read JSON that `get-metric-statistics` with `Sum`, or `get-metric-data`, printed.

    Several answers in one file, such as the pages of one, are joined.

    Raises:
        WarmlensError: it is neither, is incomplete, has several series, or a data point is not
            valid.
    """
    answers = list(_answers(file))
    if answers and all(answer.get("NextToken") for answer in answers):
        why = "it is a page that others follow (NextToken): ask without --max-items and"
        raise _bad_export(file, f"{why} --no-paginate, or give all pages in one file")
    try:
        if all("MetricDataResults" in answer for answer in answers):
            pairs = _of_metric_data(file, answers)
        elif all("Datapoints" in answer for answer in answers):
            pairs = _of_metric_statistics(file, answers)
        else:
            why = "it has neither Datapoints nor MetricDataResults; give the whole answers of aws"
            raise _bad_export(file, f"{why} cloudwatch, as it prints them without --query")
        return _profile(file, _distinct(file, pairs))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        why = "give data points with a Timestamp and a Sum, or one series of Timestamps and Values"
        raise _bad_export(file, why) from None


def read_console_csv(file: Path) -> Profile:
    """Read the CSV that CloudWatch's console exports; its times are taken as UTC.

    Raises:
        WarmlensError: it has no times, several metrics, another statistic than Sum or another unit
            than Count, or a row is not valid.
    """
    rows = read_rows(file)
    about, columns = _head_of_console(file, rows)
    if len(columns) != 2:
        names = "; ".join(about.get("full label", columns[1:]))
        raise _bad_export(file, f"metrics: {len(columns) - 1} ({names}); export one, or their sum")
    _require(file, "Statistic", about.get("statistic", []), ("Sum",))
    _require(file, "Unit", about.get("unit", []), UNITS)
    lines = [(each.line, fields_of(file, each, columns, "bad_cloudwatch_export")) for each in rows]
    try:
        decimal = decimal_of((count for _, (_, count) in lines), {".": ".", ",": "."})
    except ValueError as error:
        raise _bad_export(file, f"{error}") from None
    pairs: Pairs = []
    for line, (time, count) in lines:
        try:
            moment = datetime.datetime.strptime(time.replace("-", "/"), _TIME).isoformat()
            pairs.append((moment, parse_number(count or "0", decimal)))  # none: no calls
        except ValueError:
            why = f"line {line} is {time},{count}; give 2026/03/28 00:00:00 and a number"
            raise _bad_export(file, why) from None
    period = about.get("period", [])
    if not all(each.isdecimal() for each in period):
        raise _bad_export(file, f"Period is {period[0]}; give it in seconds")
    period_s = int(period[0]) if period else None
    mend = "; if clocks were set back then, set the console to UTC"
    return _profile(file, _distinct(file, pairs, if_twice=mend), period_s)


def _head_of_console(file: Path, rows: Iterator[Row]) -> tuple[dict[str, list[str]], list[str]]:
    """Read the rows up to the header: what they say about the metrics, and the columns."""
    about: dict[str, list[str]] = {}
    for row in rows:
        name = row.fields[0].casefold()
        if name == "time":
            return about, header(row)
        if name not in _METADATA:
            known = ", ".join(_METADATA)
            why = f"line {row.line} begins with {row.fields[0]!r}; before Time there may be {known}"
            raise _bad_export(file, why)
        about[name] = [field for field in row.fields[1:] if field]
    raise _bad_export(file, "it has no line that begins with Time")


def _require(file: Path, what: str, given: Iterable[str], allowed: tuple[str, ...]) -> None:
    for each in given:
        if each.casefold() not in (name.casefold() for name in allowed):
            raise _bad_export(file, f"{what} is {each}; export a metric with {what} {allowed[0]}")


def _profile(file: Path, points: Points, period_s: int | None = None) -> Profile:
    """Return the profile of counts by their times.

    CloudWatch leaves out periods without calls: those between the first and the last data point
    count as 0. The missing part of the last day is the mean of the other days at the same time of
    day, or 0 with less than a day.
    """
    if len(points) < 2:
        mend = "ask for hours of a day or more" if points else "check metric, dimensions and region"
        raise WarmlensError("empty_trace", f"{file}: data points: {len(points)}; {mend}")
    for moment, count in points.items():
        require_rate(f"{file}: data point of {moment.isoformat()}", count)
    ordered = sorted(points)
    span_s = (ordered[-1] - ordered[0]).total_seconds()
    if span_s > LONGEST_S:
        dates = f"from {ordered[0].date()} to {ordered[-1].date()}"
        raise _bad_export(file, f"{dates}: a year is the most")
    period_s = _period_s(file, ordered, period_s)
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
        raise _bad_export(file, f"{apart}; give a period of {periods} s")
    first = ordered[0]
    if (first - _midnight(first)).total_seconds() % period_s:
        begins = _BEGINS.get(period_s, "midnight UTC")
        begin = f"{first:%H:%M:%S}".removesuffix(":00")
        why = f"data points {in_words_of_time(period_s)} apart begin at {begin} UTC"
        mend = f"ask for them from {begins} on"
        if period_s > 3600:
            mend += f", such as {first:%Y-%m-%d}T00:00:00Z, or for a period of 3600 s"
        raise _bad_export(file, f"{why}; {mend}")
    return period_s


def _midnight(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _answers(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the answers in a file: one, several after each other, or a list of them."""
    text = read_text(file, UNREADABLE).strip()
    at = 0
    while at < len(text):
        try:
            document, at = STRICT_JSON.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            reason = error if isinstance(error, ValueError) else "it is nested too deep"
            raise _bad_export(file, f"not JSON: {reason}") from None
        for answer in document if isinstance(document, list) else [document]:
            if not isinstance(answer, dict):
                raise _bad_export(file, "not a JSON object, as aws cloudwatch prints")
            yield answer
        while text[at : at + 1].isspace() or text[at : at + 1] == ",":
            at += 1


def _of_metric_statistics(file: Path, answers: list[dict[str, Any]]) -> Pairs:
    _require_one(file, [answer.get("Label") for answer in answers])
    points = [point for answer in answers for point in answer["Datapoints"]]
    _require(file, "Unit", {str(point.get("Unit", "")) for point in points}, UNITS)
    for point in points:
        if "Sum" not in point:
            found = ", ".join(sorted(set(point) - {"Timestamp", "Unit"})) or "no statistic"
            raise _bad_export(file, f"its data points have {found}; ask with --statistics Sum")
    return [(point["Timestamp"], point["Sum"]) for point in points]


def _of_metric_data(file: Path, answers: list[dict[str, Any]]) -> Pairs:
    """Return the data points of GetMetricData's pages, of one series that is complete.

    A series is in every page; only its last part is `Complete` (CloudWatch API reference,
    MetricDataResult).
    """
    series = [each for answer in answers for each in answer["MetricDataResults"]]
    for message in (m for part in (*answers, *series) for m in part.get("Messages") or ()):
        said = f"{message.get('Code', '')}: {message.get('Value', '')}"
        why = f"CloudWatch says {said}; ask again, or remove Messages if the data are complete"
        raise _bad_export(file, why)
    _require_one(file, [each.get("Id") or each.get("Label") for each in series])
    if not series:
        raise _bad_export(file, "it has no series: check metric, dimensions and region")
    states = [each.get("StatusCode", "Complete") for each in series]
    if "Complete" not in states or set(states) - {"Complete", "PartialData"}:
        found = ", ".join(sorted(set(states) - {"Complete"}))
        raise _bad_export(file, f"its data are incomplete (StatusCode {found}): ask again")
    pairs: Pairs = []
    for each in series:
        times, values = each["Timestamps"], each["Values"]
        if len(times) != len(values):
            raise _bad_export(file, f"Timestamps: {len(times)}, Values: {len(values)}; ask again")
        pairs += zip(times, values, strict=True)
    return pairs


def _require_one(file: Path, names: list[Any]) -> None:
    different = sorted({str(name) for name in names})
    if len(different) > 1:
        why = f"series: {len(different)} ({', '.join(different)}); ask for one, or for their sum"
        raise _bad_export(file, why)


def _distinct(file: Path, pairs: Pairs, if_twice: str = "") -> dict[datetime.datetime, float]:
    points: dict[datetime.datetime, float] = {}
    for text, count in pairs:
        try:
            if isinstance(text, int | float):  # seconds, as from the API itself
                moment = datetime.datetime.fromtimestamp(text, datetime.UTC)
            else:
                moment = datetime.datetime.fromisoformat(text)
        except (ValueError, TypeError, OverflowError, OSError):
            why = f"a Timestamp is {text!r:.{SHOWN}}; give 2026-03-28T00:00:00Z or whole seconds"
            raise _bad_export(file, f"{why} since 1970") from None
        if moment.tzinfo is None:  # as of the command line with a time zone left out
            moment = moment.replace(tzinfo=datetime.UTC)
        moment = moment.astimezone(datetime.UTC)
        if moment in points:
            raise _bad_export(file, f"{text} is there twice{if_twice}")
        if type(count) not in (int, float):
            raise _bad_export(file, f"the Sum of {moment.isoformat()} is {count!r}, not a number")
        if abs(count) > HIGHEST:
            raise _bad_export(file, f"the Sum of {moment.isoformat()} is above {HIGHEST:g}")
        points[moment] = float(count)
    return points


def _bad_export(file: Path, why: str) -> WarmlensError:
    return WarmlensError("bad_cloudwatch_export", f"{file}, an export of CloudWatch: {why}")
