"""Lambda's report of each call, from logs as the console and the AWS command line write them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warmlens.errors import WarmlensError
from warmlens.planner.csv_tables import SHOWN, fields_of, read_rows
from warmlens.text_files import read_text

CODE = "bad_speed_logs"
_REPORT = re.compile(r"(?<!INIT_)REPORT\s+RequestId:\s*(\S+)")
_FIELD = re.compile(
    r"\s*((?:Billed |Init |Billed Restore |Restore )?Duration|Memory Size|Max Memory Used|Status"
    r"|Error Type|XRAY TraceId|SegmentId|Sampled): *([^\s\"]+)(?: +(?:ms|MB)\b)?"
)
_TIMED_OUT = re.compile(r"(\S+) Task timed out after ")
_OWN_NAMES = {  # of a REPORT line, by the names of the JSON log format
    "durationMs": "Duration",
    "memorySizeMB": "Memory Size",
    "initDurationMs": "Init Duration",
    "restoreDurationMs": "Restore Duration",
}
_DISCOVERED = {  # by the names of Logs Insights, which gives sizes in bytes
    "@duration": "Duration",
    "@memorySize": "Memory Size",
    "@initDuration": "Init Duration",
    "@restoreDuration": "Restore Duration",
}
_BYTES_PER_MB = 1e6
LONGEST_MS = 1_000_000  # a little above Lambda's longest timeout, 15 minutes
LARGEST_MB = 10_240


@dataclass(frozen=True, kw_only=True)
class Report:
    """Lambda's report of one call.

    Attributes:
        request_id: its id, the same for each try of an asynchronous call; empty where unknown.
        memory_mb: memory size of the function.
        duration_ms: time in the handler.
        init_ms: time of the init before it; None: the instance was there already.
        restore_ms: time of the restore of a snapshot before it; None: there was none.
        failed: it timed out, crashed or ran out of memory.
    """

    request_id: str
    memory_mb: int
    duration_ms: float
    init_ms: float | None = None
    restore_ms: float | None = None
    failed: bool = False

    @property
    def is_cold(self) -> bool:
        """True if an instance was started for the call."""
        return self.init_ms is not None or self.restore_ms is not None


@dataclass
class LambdaLogs:
    """What the log lines of a file say.

    Attributes:
        reports: each call's report, once.
        repeated: number of further copies of reports.
        calls: method and HTTP status of calls, by id, from the classifier's own lines.
        timed_out: ids of calls that a line of their own says timed out.
    """

    reports: dict[Report, None] = field(default_factory=dict)
    repeated: int = 0
    calls: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    timed_out: set[str] = field(default_factory=set)

    def add(self, report: Report) -> None:
        """Add a report; a copy, as of exports that overlap, is counted only."""
        self.repeated += report in self.reports
        self.reports[report] = None


def is_log_export(text: str) -> bool:
    """Return True for text that has log lines of Lambda or the classifier, or names of columns."""
    first = text.lstrip()[:400]
    return bool(
        _REPORT.search(text)
        or "platform.report" in text
        or "request_id" in text
        or re.match(r'"?@[a-zA-Z]+"?\s*[,;\t|\r\n]', first)
        or re.search(r'@duration|metrics\.durationMs|"(results|events)"\s*:', first)
    )


def read_lambda_logs(files: Sequence[Path]) -> LambdaLogs:
    """Read the reports in files of log lines, and the classifier's own lines with them.

    Text that was pasted or that `aws logs tail` printed, JSON of `aws logs get-query-results`,
    `filter-log-events` or `get-log-events`, and JSON or CSV of Logs Insights in the console; in
    Lambda's log formats text and JSON.

    Raises:
        WarmlensError: one is not readable, a report lacks a part, or there is none.
    """
    logs = LambdaLogs()
    for file in files:
        text = read_text(file, CODE)
        begin = text.lstrip()[:1]
        if begin in ("{", "[") and (document := _whole_json(text)) is not None:
            _take(document, logs, f"{file}")
        elif _has_columns(text):
            for where, row in _rows(file):
                _take(row, logs, where)
        else:
            _take_text(text, logs, f"{file}", 1)
    if not logs.reports:
        names = ", ".join(map(str, files))
        raise _bad(names, "no report of a call; ask for lines with REPORT, or platform.report")
    return logs


def _whole_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # lines of a log, each of them JSON


def _has_columns(text: str) -> bool:
    first = text.lstrip().split("\n", 1)[0].strip().lower()
    return first.startswith("sep=") or bool(
        re.match(r'"?(@[a-z]+|record\.[a-z.]+|type|requestid|request_id)"?\s*([,;\t|]|$)', first)
    )


def _rows(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    rows = read_rows(file, CODE)
    names = [name.strip() for name in next(rows).fields]
    while names and not names[-1]:
        names.pop()
    for row in rows:
        fields = fields_of(file, row, names, CODE)
        yield f"{file}, line {row.line}", dict(zip(names, fields, strict=True))


def _take(value: Any, logs: LambdaLogs, where: str) -> None:
    """Take what a value says: an answer of aws logs, a row of it, a log line, or a list of them."""
    if isinstance(value, str):
        _take_text(value, logs, where)
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            _take(each, logs, f"{where}, entry {number}" if ", " not in where else where)
    elif not isinstance(value, dict):
        return
    elif "results" in value and isinstance(value["results"], list):
        if value.get("status", "Complete") != "Complete":
            raise _bad(where, f"the query's status is {value['status']}; ask for results again")
        for number, row in enumerate(value["results"], 1):
            _take(_of_pairs(row, where), logs, f"{where}, result {number}")
    elif "events" in value and isinstance(value["events"], list):
        for number, event in enumerate(value["events"], 1):
            _take(event.get("message"), logs, f"{where}, event {number}")
    elif "@message" in value:
        _take(value["@message"], logs, where)
    elif value.get("type") == "platform.report" and isinstance(value.get("record"), dict):
        record = value["record"]
        parts = {_OWN_NAMES.get(name, name): each for name, each in _metrics(record).items()}
        logs.add(_report(str(record.get("requestId", "")), parts, where, record.get("status")))
    elif value.get("message") == "request" and isinstance(value.get("request_id"), str):
        _take_call(value, logs, where)
    else:
        _take_columns(value, logs, where)


def _metrics(record: Mapping[str, Any]) -> Mapping[str, Any]:
    metrics = record.get("metrics")
    return metrics if isinstance(metrics, dict) else {}


def _of_pairs(row: Any, where: str) -> dict[str, Any]:
    try:
        return {each["field"]: each["value"] for each in row}
    except (TypeError, KeyError):
        raise _bad(where, "a result has no field and value") from None


def _take_call(line: Mapping[str, Any], logs: LambdaLogs, where: str) -> None:
    try:
        method, status = line.get("method"), int(line["status"])
    except (KeyError, TypeError, ValueError):
        raise _bad(where, 'a line "request" of the classifier has no status') from None
    logs.calls[line["request_id"]] = (method if isinstance(method, str) else None, status)


def _take_columns(row: Mapping[str, Any], logs: LambdaLogs, where: str) -> None:
    """Take a row of a query that asked for single fields, by the names that Logs Insights has."""
    parts: dict[str, Any] = {}
    for name, value in row.items():
        if value in ("", None):
            continue
        if name in _DISCOVERED:
            parts[_DISCOVERED[name]] = value
        elif name.startswith("record.metrics."):
            parts[_OWN_NAMES.get(name.rpartition(".")[2], name)] = value
    if "Duration" not in parts:
        if row.get("message") == "request" and row.get("request_id"):
            _take_call(row, logs, where)
        return
    if "@memorySize" in row and "Memory Size" in parts:
        size = _number(parts["Memory Size"], "Memory Size", where)
        parts["Memory Size"] = size / _BYTES_PER_MB if size > LARGEST_MB else size
    request_id = row.get("@requestId") or row.get("record.requestId") or ""
    logs.add(_report(str(request_id), parts, where, row.get("record.status")))


def _take_text(text: str, logs: LambdaLogs, where: str, first_line: int | None = None) -> None:
    """Take all reports and lines of the classifier in a text, whatever stands around them."""

    decoder, at, line, counted = json.JSONDecoder(), 0, first_line or 0, 0
    for call in _TIMED_OUT.finditer(text):
        logs.timed_out.add(call[1])
    begins = re.compile(rf"\{{|{_REPORT.pattern}")
    while found := begins.search(text, at):
        at, begin = found.end(), found.start()
        line, counted = line + text.count("\n", counted, begin), begin
        place = f"{where}, line {line}" if first_line else where
        if found[0] != "{":
            at = _take_report(text, found, logs, place)
            continue
        try:
            value, at = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            rest = text[begin : text.find("\n", begin) + 1 or None]
            if rest.startswith('{"') and "platform.report" in rest:
                raise _bad(place, f"not whole: {rest[:SHOWN]}") from None
            continue
        _take(value, logs, place)


def _take_report(text: str, found: re.Match[str], logs: LambdaLogs, where: str) -> int:
    parts: dict[str, Any] = {}
    at = found.end()
    while (each := _FIELD.match(text, at)) and each[1] not in parts:
        parts[each[1]] = each[2]
        at = each.end()
    logs.add(_report(found[1], parts, where, parts.get("Status")))
    return at


def _report(request_id: str, parts: Mapping[str, Any], where: str, status: Any) -> Report:
    missing = [name for name in ("Duration", "Memory Size") if name not in parts]
    if missing:
        raise _bad(where, f"a report of Lambda has no {' and no '.join(missing)}; give it whole")
    memory_mb = _number(parts["Memory Size"], "Memory Size", where)
    if not 128 <= memory_mb <= LARGEST_MB or memory_mb != int(memory_mb):
        raise _bad(where, f"Memory Size is {memory_mb:g}; Lambda has 128 to 10240 MB")

    def ms(name: str) -> float | None:
        return _number(parts[name], name, where) if name in parts else None

    return Report(
        request_id=request_id,
        memory_mb=int(memory_mb),
        duration_ms=_number(parts["Duration"], "Duration", where),
        init_ms=ms("Init Duration"),
        restore_ms=ms("Restore Duration"),
        failed=status not in (None, "", "success"),
    )


def _number(value: Any, name: str, where: str) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError):
        number = -1.0
    highest = LONGEST_MS if name != "Memory Size" else 1e12
    if not 0 <= number <= highest:
        raise _bad(where, f"{name} is {str(value)[:SHOWN]}; AWS writes a number such as 12.34")
    return number


def _bad(where: str, why: str) -> WarmlensError:
    return WarmlensError(CODE, f"{where}, log lines of Lambda: {why}")
