"""CSV that CloudWatch's console exports from a graph of metrics."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from warmlens.planner.csv_tables import Row, fields_of, header, read_rows
from warmlens.planner.metric_series import COUNT_UNITS, Series, bad_export, points_of
from warmlens.planner.number_format import decimal_of, parse_number

_CODE = "bad_cloudwatch_export"
_TIME = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d")
_METADATA = ("full label", "label", "account", "region", "period", "statistic", "unit")
_TIME_NAMES = ("time", "timestamp", "")
UTC = ZoneInfo("UTC")


def is_console_csv(columns: list[str]) -> bool:
    """Return True for the first row of the console's CSV, in lower case."""
    return bool(columns) and _known(columns[0]) in ("full label", "label")


def read_console_csv(file: Path, zone: ZoneInfo = UTC) -> list[Series]:
    """Read the series of CloudWatch's CSV.

    Args:
        file: the export.
        zone: time zone that the console showed; the file does not name it.

    Raises:
        WarmlensError: it has no times, a period or unit is not clear, or a row is not valid.
    """
    rows = read_rows(file)
    about, columns, first = _head(file, rows)
    periods = set(about.get("period", [])) - {""}
    for each in periods:
        if not each.isdecimal():
            raise bad_export(file, f"Period is {each}; give it in seconds")
    if len(periods) > 1:
        raise bad_export(file, f"Periods are {', '.join(sorted(periods))}; export one for all")
    lines = [(row.line, fields_of(file, row, columns, _CODE)) for row in (*first, *rows)]
    try:
        texts = (text for _, fields in lines for text in fields[1:])
        decimal = decimal_of(texts, {".": ".", ",": "."})
    except ValueError as error:
        raise bad_export(file, f"{error}") from None
    moments = _in_utc(file, [(line, fields[0]) for line, fields in lines], zone)
    table = _Table(file, about, columns, lines, moments, decimal, zone)
    period_s = int(periods.pop()) if periods else None
    return [table.series(at, period_s) for at in range(1, len(columns))]


@dataclass(frozen=True)
class _Table:
    file: Path
    about: dict[str, list[str]]
    columns: list[str]
    lines: list[tuple[int, list[str]]]
    moments: list[datetime.datetime]
    decimal: str
    zone: ZoneInfo

    def series(self, at: int, period_s: int | None) -> Series:
        """Return the series of a column."""
        labels = [
            each for each in (self._about("full label", at), self._about("label", at)) if each
        ]
        title = next(iter([*labels, self.columns[at]]))
        statistic = self._about("statistic", at).casefold().replace(" ", "")
        unit = self._about("unit", at)
        if statistic in ("", "sum", "maximum") and unit.casefold() not in COUNT_UNITS:
            why = f"Unit is {unit}; export a metric with Unit Count, or its Sample count"
            raise bad_export(self.file, why)
        mend = "; if clocks were set back then, set the console to UTC, or give its --time-zone"
        series = Series(
            title=title,
            name=" ".join(labels),
            statistic=statistic,
            points={},
            period_s=period_s,
            is_of_console=True,
            note=f"times in {self.zone.key}",
        )
        pairs = []
        for (line, fields), moment in zip(self.lines, self.moments, strict=True):
            if fields[at] or not series.is_at_once:  # no count: no calls
                try:
                    pairs.append((moment, parse_number(fields[at] or "0", self.decimal)))
                except ValueError:
                    raise _bad_row(self.file, line, fields) from None
        points = points_of(self.file, pairs, "value", mend if self.zone.key == UTC.key else "")
        return replace(series, points=points)

    def _about(self, key: str, at: int) -> str:
        values = self.about.get(key, [])
        return values[at - 1] if at <= len(values) else ""


def _head(file: Path, rows: Iterator[Row]) -> tuple[dict[str, list[str]], list[str], list[Row]]:
    """Read the rows up to the table: what they say of each metric, the columns, a first row."""
    about: dict[str, list[str]] = {}
    for row in rows:
        name = _known(row.fields[0].strip().casefold())
        if name in _TIME_NAMES and name:
            return about, header(row), []
        if _TIME.match(row.fields[0].strip()):
            labels = about.get("label") or about.get("full label") or []
            return about, ["time", *labels], [row]
        if name == "" and about:
            return about, ["time", *header(row)[1:]], []
        if name not in _METADATA:
            known = ", ".join(_METADATA)
            why = f"line {row.line} begins with {row.fields[0]!r}; before Time there may be {known}"
            raise bad_export(file, why)
        about[name] = [field.strip() for field in row.fields[1:]]
        while about[name] and not about[name][-1]:
            about[name].pop()
    raise bad_export(file, "it has no line that begins with Time")


def _known(name: str) -> str:
    return "full label" if name == "fulllabel" else name


def _in_utc(file: Path, texts: list[tuple[int, str]], zone: ZoneInfo) -> list[datetime.datetime]:
    """Return times in UTC; of an hour that clocks showed twice, the first one comes first."""
    moments, seen = [], set[datetime.datetime]()
    for line, text in texts:
        try:
            if not _TIME.match(text):
                raise ValueError
            moment = datetime.datetime.fromisoformat(text.replace("/", "-"))
        except ValueError:
            raise _bad_row(file, line, [text]) from None
        if moment.tzinfo is None:
            local = moment.replace(tzinfo=zone, fold=int(moment in seen))
            seen.add(moment)
            moment = local.astimezone(datetime.UTC)
            if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
                why = f"line {line} is {text}, when clocks in {zone.key} had been set forward"
                raise bad_export(file, f"{why}; name the --time-zone that the console showed")
        moments.append(moment)
    return moments


def _bad_row(file: Path, line: int, fields: list[str]) -> Exception:
    shown = ",".join(fields)
    return bad_export(file, f"line {line} is {shown}; give 2026/03/28 00:00:00 and a number")
