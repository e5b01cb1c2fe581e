"""Service times from Lambda's reports, in every form in which AWS gives log lines."""

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.unit.planner.plan_requests import run
from warmlens.errors import WarmlensError
from warmlens.planner.reported_times import Deployed
from warmlens.planner.service_times import Measured
from warmlens.planner.speed_files import read_speed

Lines = list[str]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "logs.txt") -> Path:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def read(*files: Path, deployed: Deployed | None = None) -> list[Measured]:
    return read_speed(files, deployed or Deployed(), input_px=128, megapixels=2.0)


def refusal(*files: Path) -> str:
    with pytest.raises(WarmlensError) as error:
        read(*files)
    assert error.value.code in ("bad_speed_logs", "bad_speed_records")
    return str(error.value)


def plain(
    number: int, ms: float, init_ms: float | None = None, more: str = "", mb: int = 1769
) -> str:
    """A REPORT line as Lambda writes it in the log format text, with its tabs."""
    init = "" if init_ms is None else f"Init Duration: {init_ms:.2f} ms\t"
    return (
        f"REPORT RequestId: {number:08x}-59b3-4e6d-9596-53d527fd1096\tDuration: {ms:.2f} ms\t"
        f"Billed Duration: {int(ms) + 1} ms\tMemory Size: {mb} MB\tMax Memory Used: 120 MB\t"
        f"{init}{more}\n"
    )


def of_json_format(
    number: int, ms: float, init_ms: float | None = None, status: str = "success"
) -> str:
    """The same in the log format JSON, which the classifier has."""
    metrics = {"durationMs": ms, "billedDurationMs": 1, "memorySizeMB": 1769, "maxMemoryUsedMB": 99}
    if init_ms is not None:
        metrics["initDurationMs"] = init_ms
    record = {"requestId": f"id-{number}", "metrics": metrics, "status": status}
    return json.dumps(
        {"time": "2026-11-24T10:00:00.123Z", "type": "platform.report", "record": record}
    )


def own(number: int, method: str | None = "classification", status: int = 200) -> str:
    """The classifier's line of the same call (lambda_src/classifier/handler.py)."""
    line = {"level": "INFO", "message": "request", "request_id": f"id-{number}", "status": status}
    return json.dumps({**line, "method": method, "cold_start": False, "stages_ms": {"fetch": 1.5}})


# 190 warm calls of 10.5 to 105 ms, and ten cold ones: 300 to 309 ms of init, 40 ms longer.
WARM = [10.0 + each / 2 for each in range(1, 191)]
MEDIAN = 57.75


def calls(line: Callable[[int, float, float | None], str] = plain) -> Lines:
    lines = [line(number, ms, None) for number, ms in enumerate(WARM)]
    lines += [line(1000 + each, MEDIAN + 40, 300.0 + each) for each in range(10)]
    random.Random(7).shuffle(lines)
    return lines


def as_csv(header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([header, *rows])
    return text.getvalue()


def query_results(rows: Sequence[dict[str, str]], status: str = "Complete") -> str:
    pairs = [[{"field": name, "value": value} for name, value in row.items()] for row in rows]
    return json.dumps({"queryLanguage": "CWLI", "results": pairs, "status": status}, indent=4)


def columns(lines: Lines) -> list[dict[str, str]]:
    """Rows of a query that asks for the fields that Logs Insights discovers; sizes in bytes."""
    rows = []
    for line in lines:
        parts = dict(part.split(": ", 1) for part in line.strip().split("\t")[1:] if ": " in part)
        row = {
            "@requestId": line.split()[2],
            "@duration": parts["Duration"].split()[0],
            "@memorySize": "1.769E9",
        }
        if "Init Duration" in parts:
            row["@initDuration"] = parts["Init Duration"].split()[0]
        rows.append(row)
    return rows


def json_columns(lines: Lines) -> list[dict[str, str]]:
    rows = []
    for line in lines:
        record = json.loads(line)["record"]
        row = {f"record.metrics.{name}": str(each) for name, each in record["metrics"].items()}
        rows.append({"record.requestId": record["requestId"], **row})
    return rows


STREAM = "2026/11/24/[12]5f1c"
TAIL = "2026-11-24T10:00:00.123000+00:00 2026/11/24/[12]5f1c "
EVENTS = [{"logStreamName": STREAM, "timestamp": 1, "message": each} for each in calls()]
WRAPPED = [each.replace("\tMemory", "\n   Memory") for each in calls()]
NAMES = ["@requestId", "@duration", "@memorySize", "@initDuration"]
FORMS: dict[str, str | bytes] = {
    "pasted": "".join(calls()),
    "pasted, tabs as blanks": "".join(calls()).replace("\t", "  "),
    "pasted, wrapped": "".join(WRAPPED),
    "with a byte order mark and Windows' line ends": (
        b"\xef\xbb\xbf" + "".join(calls()).replace("\n", "\r\n").encode()
    ),
    "UTF-16": "".join(calls()).encode("utf-16"),
    "aws logs tail": "".join(TAIL + each for each in calls()),
    "aws logs tail --format short": "".join(f"2026-11-24T10:00:00 {each}" for each in calls()),
    "among other lines": "".join(
        f"START RequestId: {at}\n[INFO] {{'a': 1}} {{broken\n{each}END RequestId: {at}\n"
        for at, each in enumerate(calls())
    ),
    "with X-Ray": "".join(
        f"{each.rstrip()}\nXRAY TraceId: 1-6ac7d556\tSegmentId: 90cb\tSampled: true\t\n"
        for each in calls()
    ),
    "aws logs filter-log-events": json.dumps({"events": EVENTS, "searchedLogStreams": []}),
    "aws logs filter-log-events --output text": "".join(
        f"EVENTS\t3689\t1\t{STREAM}\t{each.rstrip()}\t1764\n" for each in calls()
    ),
    "aws logs get-query-results": query_results(
        [{"@message": each, "@ptr": "Cn0K"} for each in calls()]
    ),
    "pages of aws logs": "\n".join(
        query_results([{"@message": each} for each in part])
        for part in (calls()[:90], calls()[90:])
    ),
    "the console's CSV": as_csv(
        ["@timestamp", "@message"], [["2026-11-24 10:00:00.123", each] for each in calls()]
    ),
    "the console's CSV from a German Excel": "sep=;\n"
    + as_csv(["@timestamp", "@message"], [["2026-11-24", each] for each in calls()], ";"),
    "the console's CSV in UTF-16 with tabs": as_csv(
        ["@message", "@timestamp"], [[each, "2026-11-24"] for each in calls()], "\t"
    ).encode("utf-16"),
    "the console's JSON": json.dumps([{"@timestamp": "x", "@message": each} for each in calls()]),
    "fields that Logs Insights discovers, CSV": as_csv(
        NAMES, [[row.get(name, "") for name in NAMES] for row in columns(calls())]
    ),
    "fields that Logs Insights discovers, JSON": query_results(columns(calls())),
    "format JSON, pasted": "\n".join(calls(of_json_format)),
    "format JSON, aws logs tail": "\n".join(TAIL + each for each in calls(of_json_format)),
    "format JSON, aws logs tail --format json": "\n".join(
        TAIL + json.dumps(json.loads(each), indent=4) for each in calls(of_json_format)
    ),
    "format JSON, get-query-results": query_results(
        [{"@message": each} for each in calls(of_json_format)]
    ),
    "format JSON, the console's CSV": as_csv(
        ["@timestamp", "@message"], [["2026-11-24", each] for each in calls(of_json_format)]
    ),
    "format JSON, the console's JSON": json.dumps(
        [{"@timestamp": "x", "@message": json.loads(each)} for each in calls(of_json_format)]
    ),
    "format JSON, filter-log-events": json.dumps(
        {"events": [{"message": each} for each in calls(of_json_format)]}
    ),
    "format JSON, single fields": query_results(json_columns(calls(of_json_format))),
    "the telemetry API": json.dumps([json.loads(each) for each in calls(of_json_format)]),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_the_same_calls_gives_the_same_times(write: Write, name: str) -> None:
    (measured,) = read(write(FORMS[name]))
    assert (measured.memory_mb, measured.vcpu, measured.model_store) == (1769, 1.0, "s3")
    assert measured.warm_ms == pytest.approx(MEDIAN)
    assert measured.service.values_s[0] == pytest.approx(0.0105)
    assert measured.service.values_s[-1] == pytest.approx(0.105)
    assert measured.service.mean_s == pytest.approx(MEDIAN / 1000, rel=0.01)
    # An init, and what a first call takes longer than a warm one.
    assert measured.init.values_s[0] == pytest.approx(0.340)
    assert measured.init.values_s[-1] == pytest.approx(0.349)
    assert "1769 MB: 190 warm calls, 10 inits" in measured.source
    assert "wakeups among them are not known" in measured.source


def test_the_classifiers_own_lines_tell_wakeups_and_failed_calls_apart(write: Write) -> None:
    lines = calls(of_json_format)
    lines += [own(number) for number in range(len(WARM))]
    lines += [own(1000 + each) for each in range(10)]
    lines += [of_json_format(5000 + each, 400.0) for each in range(500)]
    lines += [own(5000 + each, "wakeup") for each in range(500)]
    lines += [of_json_format(5600 + each, 1.0) for each in range(100)]
    lines += [own(5600 + each, "model") for each in range(100)]
    lines += [of_json_format(6000, 2.0), own(6000, None, 404)]
    lines += [of_json_format(6001, 9000.0, status="timeout")]
    lines += [of_json_format(7000, 8000.0, 305.0), own(7000, "wakeup")]  # its init counts
    lines += [of_json_format(8000, 900.0)]
    (measured,) = read(write("\n".join(lines)))
    assert measured.warm_ms == pytest.approx(MEDIAN)
    assert measured.service.values_s[-1] == pytest.approx(0.105)
    assert "190 warm calls, 11 inits" in measured.source
    assert "501 wakeups" in measured.source
    assert "100 calls of /model" in measured.source
    assert "2 failed calls" in measured.source
    assert "1 calls without a line of the classifier" in measured.source
    assert "not known" not in measured.source
    # In two files, as of two queries, it is the same.
    reports = [line for line in lines if "platform.report" in line]
    calls_only = [line for line in lines if "platform.report" not in line]
    files = [write("\n".join(part), f"{at}.txt") for at, part in enumerate((reports, calls_only))]
    (again,) = read(*files)
    assert (again.service, again.init) == (measured.service, measured.init)


@pytest.mark.parametrize(
    "more",
    [
        "Status: timeout",
        "Status: error\tError Type: Runtime.OutOfMemory",
        "Status: error\tError Type: Runtime.ExitError\nXRAY TraceId: 1-6a\tSegmentId: 90",
    ],
)
def test_failed_calls_are_left_out_and_counted(write: Write, more: str) -> None:
    lines = [*calls(), plain(9000, 30_000.0, more=more), plain(9001, 29_000.0, 310.0, more=more)]
    (measured,) = read(write("".join(lines)))
    assert measured.service.values_s[-1] == pytest.approx(0.105)
    assert "10 inits" in measured.source
    assert "left out: 2 failed calls" in measured.source


def test_a_timeout_of_older_logs_is_a_failed_call(write: Write) -> None:
    late = plain(9000, 3000.0)
    said = f"2026-11-24T10:00:03.001Z {late.split()[2]} Task timed out after 3.00 seconds\n"
    (measured,) = read(write("".join([*calls(), said, late])))
    assert "1 failed calls" in measured.source
    assert measured.service.values_s[-1] == pytest.approx(0.105)


def test_restores_and_failed_inits_are_no_inits(write: Write) -> None:
    restored = "Restore Duration: 398.97 ms\tBilled Restore Duration: 182 ms\t"
    failed = "INIT_REPORT Init Duration: 9999.99 ms\tPhase: init\tStatus: timeout\n"
    (measured,) = read(write("".join([*calls(), plain(9000, 90.0, more=restored), failed])))
    assert "10 inits" in measured.source
    assert "left out: 1 calls after a restore of SnapStart" in measured.source


def test_exports_that_overlap_count_each_call_once(write: Write) -> None:
    first, second = write("".join(calls()[:150]), "a.txt"), write("".join(calls()[50:]), "b.txt")
    (measured,) = read(first, second)
    assert measured.source.startswith("a.txt, b.txt (1769 MB: 190 warm calls, 10 inits")
    assert "100 copies" in measured.source


def test_each_memory_size_is_planned_if_it_has_enough_calls(write: Write) -> None:
    larger = [plain(number, ms / 2, init, mb=3008) for number, ms, init in _numbered(5000)]
    few = [plain(number, ms, init, mb=512) for number, ms, init in _numbered(9000)[:40]]
    file = write("".join([*calls(), *larger, *few]))
    deployed = Deployed(model_store="image", architecture="arm64")
    measured = read(file, deployed=deployed)
    assert [each.key for each in measured] == [("arm64", 1769, "image"), ("arm64", 3008, "image")]
    assert measured[1].warm_ms == pytest.approx(MEDIAN / 2)
    for each in measured:
        assert "too few to plan with: 512 MB: 40 warm calls, 0 inits" in each.source
        assert "on arm64, model from image" in each.source


def _numbered(first: int) -> list[tuple[int, float, float | None]]:
    warm: list[tuple[int, float, float | None]] = [
        (first + at, ms, None) for at, ms in enumerate(WARM)
    ]
    return warm + [(first + 1000 + at, MEDIAN + 40, 300.0) for at in range(10)]


CUT = plain(1, 12.0).partition("\tMemory")[0]
REFUSED: dict[str, tuple[str, list[str]]] = {
    "few calls": (
        "".join(calls()[:20]),
        ["too few calls: 1769 MB: ", "100 warm calls and 10 inits", "ask for a longer time"],
    ),
    "only warm ones": (
        "".join(plain(number, ms) for number, ms in enumerate(WARM)),
        ["190 warm calls, 0 inits; 100 warm calls and 10 inits of one memory size are needed"],
    ),
    "a cut line": (
        "".join([*calls(), CUT, "\n"]),
        ["line 201", "a report of Lambda has no Memory Size; give it whole"],
    ),
    "a line without its duration": (
        "REPORT RequestId: 1\tBilled Duration: 5 ms\tMemory Size: 512 MB\n",
        ["line 1", "has no Duration; give it whole"],
    ),
    "a number of another country": (
        "".join(calls()) + plain(1, 12.0).replace("12.00", "1.234,56"),
        ["line 201", "Duration is 1.234", "AWS writes a number such as 12.34"],
    ),
    "a memory size that Lambda has not": (
        "".join(calls()) + plain(1, 1.0, mb=64),
        ["line 201", "Memory Size is 64; Lambda has 128 to 10240 MB"],
    ),
    "cut JSON": (
        "\n".join([*calls(of_json_format), of_json_format(1, 2.0)[:90]]),
        ["line 201", 'not whole: {"time"'],
    ),
    "a report without metrics": (
        '{"type": "platform.report", "record": {"requestId": "1"}}',
        ["a report of Lambda has no Duration and no Memory Size"],
    ),
    "a query that goes on": (query_results([], "Running"), ["status is Running; ask for results"]),
    "no results": (query_results([]), ["no report of a call; ask for lines with REPORT"]),
    "START lines only": (
        '{"events": [{"message": "START RequestId: 1"}]}',
        ["no report of a call"],
    ),
    "averages": (as_csv(["avg(@duration)", "bin(1h)"], [["12", "x"]]), ["no report of a call"]),
    "only a header": ("@timestamp,@message\n", ["no report of a call"]),
    "a row with a field too many": (
        "@timestamp,@duration,@memorySize\n1,12,5,1769000000\n",
        ["line 2: 1,12,5", "fields: 4, columns: 3"],
    ),
    "nothing": (" \n", ["is empty; give records of python -m lab bench", "log lines"]),
    "other text": ("speed\n", ["neither records of python -m lab bench", "line 1"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_planned_with_is_refused_in_one_sentence(write: Write, name: str) -> None:
    content, words = REFUSED[name]
    message = refusal(write(content))
    for each in words:
        assert each in message
    assert "\n" not in message


def test_the_answer_says_what_its_times_are_from(write: Write) -> None:
    file = write("".join(calls()), "reports.csv")
    options = ("--speed", str(file), "--model-store", "s3", "--backend", "python")
    arguments = ("cost", "--rps", "0.01", *options)
    exit_code, output = run(*arguments)
    assert exit_code == 0
    assert "Times: reports.csv (1769 MB: 190 warm calls, 10 inits; wakeups" in output
    exit_code, output = run(*arguments, "--report-store", "disk")
    assert (exit_code, "--report-store disk: give image or s3" in output) == (1, True)


def code_of(file: Path) -> str:
    try:
        read(file)
    except WarmlensError as error:
        return error.code
    return "read"


def test_any_cut_of_a_file_gives_times_or_a_sentence(write: Write) -> None:
    chance, text = random.Random(1), "\n".join(calls(of_json_format) + calls())
    for _ in range(60):
        begin, end = sorted(chance.sample(range(len(text)), 2))
        file = write(text[:begin] + text[end:])
        assert code_of(file) in ("read", "bad_speed_logs", "bad_speed_records")
