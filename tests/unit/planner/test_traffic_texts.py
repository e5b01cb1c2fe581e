"""Traffic files as spreadsheets, consoles and people write them: the right sum, or a sentence."""

import bz2
import json
import lzma
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.invoke import invoke
from warmlens.cli import app
from warmlens.errors import WarmlensError
from warmlens.planner.traffic import Profile, Trace, whole_days_s
from warmlens.planner.traffic_files import read_traffic

Write = Callable[[str | bytes], Path]
Counts = list[float]
HOURS = range(24)
DAY = datetime(2026, 3, 28)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> Path:
        file = tmp_path / "traffic.txt"  # the kind follows from the content
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def a_day(file: Path) -> float:
    profile = read_traffic(file)
    assert isinstance(profile, Profile)
    return profile.expected(86_400)


def refusal(file: Path) -> str:
    with pytest.raises(WarmlensError) as error:
        read_traffic(file)
    return f"{error.value.code}: {error.value}"


def profile(number: Callable[[int], str], delimiter: str = ",", end: str = "\n") -> str:
    rows = (f"{hour}{delimiter}{number(hour)}" for hour in HOURS)
    return end.join([f"hour{delimiter}requests", *rows, ""])


WHOLE = profile(lambda hour: f"{1000 + hour}")
SUM = 24_276
HALVES = SUM + 12

READ: dict[str, tuple[str | bytes, float]] = {
    "plain": (WHOLE, SUM),
    "UTF-8 with a byte order mark": (WHOLE.encode("utf-8-sig"), SUM),
    "UTF-16 as of Windows": (WHOLE.encode("utf-16"), SUM),
    "UTF-16, the other order": (b"\xfe\xff" + WHOLE.encode("utf-16-be"), SUM),
    "UTF-32": (WHOLE.encode("utf-32"), SUM),
    "line ends of Windows": (profile(str, end="\r\n"), sum(HOURS)),
    "line ends of old Macs": (profile(str, end="\r"), sum(HOURS)),
    "semicolons": (profile(lambda hour: f"{1000 + hour}", ";"), SUM),
    "bars": (profile(lambda hour: f"{1000 + hour}", "|"), SUM),
    "tabs": (profile(lambda hour: f"{1000 + hour}", "\t"), SUM),
    "Excel's first line": ("sep=;\n" + profile(lambda hour: f"{1000 + hour},5", ";"), HALVES),
    "quoted thousands": (profile(lambda hour: f'"{1000 + hour:,}"'), SUM),
    "quoted thousands after blanks": (profile(lambda hour: f'"{1000 + hour:,}"', ", "), SUM),
    "quoted decimal commas": (profile(lambda hour: f'"{1000 + hour},5"'), HALVES),
    "decimal commas between semicolons": (profile(lambda hour: f"{1000 + hour},5", ";"), HALVES),
    "decimal commas between tabs": (profile(lambda hour: f"{1000 + hour},5", "\t"), HALVES),
    "German groups": (profile(lambda hour: f"1.{hour:03},5", ";"), HALVES),
    "Swiss groups": (profile(lambda hour: f"1'{hour:03}", ";"), SUM),
    "French groups": (profile(lambda hour: f"1\u202f{hour:03},5", ";"), HALVES),
    "groups clear by one number": (
        profile(lambda hour: f"1.{hour:03}" if hour else "1.000.000", ";"),
        1_000_000 + SUM - 1000,
    ),
    "German powers of ten": (profile(lambda hour: f"1,5{hour:02}E+03", ";"), 36_276),
    "English powers of ten": (profile(lambda hour: f"1.5{hour:02}E+03"), 36_276),
    "figure spaces": (profile(lambda hour: f"1\u2007{hour:03}", ";"), SUM),
    "Indian groups": (profile(lambda hour: f'"1,00,{hour:03}"'), 24 * 100_000 + sum(HOURS)),
    "upper case and blanks": (WHOLE.replace("hour,requests", " Hour , Requests "), SUM),
    "columns the other way round": (
        "requests,hour\n" + "".join(f"{1000 + hour},{hour}\n" for hour in HOURS),
        SUM,
    ),
    "an empty column at the end": (WHOLE.replace("\n", ",\n"), SUM),
    "blank rows": (WHOLE.replace("\n5,", "\n\n,\n5,"), SUM),
    "times as hours": (profile(lambda hour: f"{1000 + hour}").replace("\n5,", "\n05:00,"), SUM),
}


@pytest.mark.parametrize("name", READ)
def test_a_profile_is_read_with_every_digit(write: Write, name: str) -> None:
    content, expected = READ[name]
    assert a_day(write(content)) == pytest.approx(expected)


REFUSED: dict[str, tuple[str | bytes, list[str]]] = {
    "unquoted thousands": (
        profile(lambda hour: f"{1000 + hour:,}"),
        ["bad_profile", "line 2: 0,1,000", "fields: 3, columns: 2", "needs quotes"],
    ),
    "unquoted decimal commas": (
        profile(lambda hour: f"{1000 + hour},5"),
        ["bad_profile", "line 2: 0,1000,5", "1000,5, needs quotes, or semicolons"],
    ),
    "thousands in one row": (
        WHOLE.replace("\n7,1007\n", "\n7,1,007\n"),
        ["bad_profile", "line 9: 7,1,007"],
    ),
    "a row without a number": (WHOLE.replace("\n7,1007\n", "\n7\n"), ["line 9: 7", "a value"]),
    "thousands or decimals": (
        profile(lambda hour: f"1.{hour:03}", ";"),
        ["bad_profile", "1.000 may be 1000 or 1.0000"],
    ),
    "decimals or thousands": (
        profile(lambda hour: f"1,{hour:03}", ";"),
        ["bad_profile", "1,000 may be 1000 or 1.0000"],
    ),
    "three decimals": (profile(lambda hour: f"1.{hour:03}"), ["1.000 may be 1000 or 1.0000"]),
    "two countries": (
        profile(lambda hour: "1000,5" if hour else "1000.5", ";"),
        ["bad_profile", "1000.5 and 1000,5 do not agree"],
    ),
    "a comma in a single column": (
        "arrival_s\n0,5\n1,5\n",
        ["bad_trace", "line 2: 0,5", "columns: 1 (arrival_s)"],
    ),
    "another encoding": (
        "hour,requests\n0,1\n1,caf\xe9\n".encode("latin-1"),
        ["unreadable_traffic", "line 3", "the byte 0xe9", "save it as UTF-8"],
    ),
    "UTF-16 without a mark": (WHOLE.encode("utf-16-le"), ["unreadable_traffic", "zero bytes"]),
    "half of UTF-16": (WHOLE.encode("utf-16")[:-1], ["unreadable_traffic", "byte order mark"]),
    "bytes": (b"\xff\xfe" + bytes(range(256)), ["unreadable_traffic", "is not text"]),
    "a workbook": (b"PK\x03\x04" + bytes(30), ["unreadable_traffic", "save it as CSV"]),
    "compressed": (b"\x1f\x8b" + bytes(30), ["unreadable_traffic", "unpack it"]),
    "compressed by bzip2": (bz2.compress(WHOLE.encode()), ["unreadable_traffic", "unpack it"]),
    "compressed by xz": (lzma.compress(WHOLE.encode()), ["unreadable_traffic", "unpack it"]),
    "a pointer": ("version https://git-lfs.github.com/spec/v1\n", ["git lfs pull"]),
    "rich text": ("{\\rtf1\\ansi hour,requests}", ["rich text; save it as plain text"]),
    "Parquet": (b"PAR1\x15\x04" + bytes(30), ["unreadable_traffic", "export it as CSV"]),
    "an open quote": (WHOLE.replace("5,1005", '5,"1005'), ["line 7: not CSV", "written twice"]),
    "a quote in a quoted field": (
        'arrival_s,screen\n0.5,"a\nb"\n1.5,"5" wide"\n',
        ["unreadable_traffic", "line 4: not CSV", "quotes are written twice"],
    ),
    "hours from 1 to 24": (WHOLE.replace("\n0,", "\n24,"), ["line 2: hour 24: hours are 0 to 23"]),
    "an hour twice": (WHOLE.replace("\n5,", "\n4,"), ["line 7: hour 4 is there twice"]),
    "a negative number": (WHOLE.replace("5,1005", "5,-5"), ["line 7", "hour 5 is -5: give 0 or"]),
    "pairs of digits between points": (
        profile(lambda hour: f"1.23.{456 + hour}", ";"),
        ["bad_profile", "line 2: 0,1.23.456"],
    ),
    "Excel's first line and other columns": (
        "sep=;\nTime;Calls\n0;1\n",
        ["begins with time;calls", "give CSV that begins with the columns hour,requests"],
    ),
    "JSON of no CloudWatch": ('[{"hour": 0, "requests": 1}]', ["neither", "without --query"]),
    "a total": (WHOLE + "total,24276\n", ["bad_profile", "total,24276"]),
    "an error of the CLI": (
        "\nAn error occurred (AccessDenied) when calling the GetMetricData operation\n",
        ["bad_traffic", "begins with An error occurred (AccessDenied)"],
    ),
    "YAML of the CLI": ("Datapoints:\n- Sum: 1\n", ["begins with Datapoints:", "--output json"]),
    "a further column": ("hour,requests,errors\n0,1,2\n", ["bad_traffic", "hour,requests,errors"]),
    "the same column twice": ("arrival_s,arrival_s\n0,0\n", ["bad_trace", "columns arrival_s: 2"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_dropped_is_refused_by_name(write: Write, name: str) -> None:
    content, words = REFUSED[name]
    message = refusal(write(content))
    for each in words:
        assert each in message


def test_what_is_no_file_is_refused_by_name(tmp_path: Path) -> None:
    assert refusal(tmp_path).endswith("is a folder.")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "no file but a pipe or device; save what comes from it" in refusal(pipe)
    assert "no file but a pipe or device" in refusal(Path(os.devnull))
    assert "unreadable_traffic" in refusal(tmp_path / "missing.csv")


# Traces


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("arrival_s\n0.5\n12.345\n", [0.5, 12.345]),
        ("arrival_s,user\n0.5,\n1.5,b\n", [0.5, 1.5]),
        ("user;arrival_s\na;0,5\nb;12,345\n", [0.5, 12.345]),
        ('arrival_s\n"0,5"\n"1,5"\n', [0.5, 1.5]),
        ('arrival_s\n999\n"1,000"\n', [999, 1000]),
        ("arrival_s\n12.345\n", [12.345]),
        ("\ufeffARRIVAL_S\r\n1e-3\r\n2\r\n", [0.001, 2]),
    ],
)
def test_a_trace_is_read_with_its_decimals(write: Write, text: str, seconds: list[float]) -> None:
    trace = read_traffic(write(text))
    assert isinstance(trace, Trace)
    assert list(trace.arrivals(1, 86_400)) == pytest.approx(seconds)


def test_a_trace_with_a_field_too_many_is_refused(write: Write) -> None:
    message = refusal(write("arrival_s,user\n0.5,a\n1,5,b\n"))
    assert "bad_trace" in message
    assert "line 3: 1,5,b" in message


# CloudWatch's console


def console(*names: str, delimiter: str = ",", **changed: str) -> str:
    names = names or ("Count",)
    about = {"Account": "", "Region": "eu-west-1", "Period": "3600", "Statistic": "Sum"}
    about |= {"Unit": "Count"} | changed
    lines = [delimiter.join([title, *names]) for title in ("Full label", "Label")]
    lines += [delimiter.join([title, *[value] * len(names)]) for title, value in about.items()]
    lines += ["", delimiter.join(["Time", *names])]
    for hour in range(48):
        time = (DAY + timedelta(hours=hour)).strftime("%Y/%m/%d %H:%M:%S")
        lines.append(delimiter.join([time, *[f"{hour * 10}" if hour != 3 else ""] * len(names)]))
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_consoles_csv_is_read(write: Write, delimiter: str) -> None:
    file = write(console(delimiter=delimiter))
    traffic = read_traffic(file)
    assert isinstance(traffic, Profile)
    assert traffic.segment_s == 3600
    assert whole_days_s(traffic) == 2 * 86_400
    assert traffic.expected(2 * 86_400) == pytest.approx(sum(range(48)) * 10 - 30)
    assert traffic.rates_per_s[3:5] == pytest.approx((0, 40 / 3600))
    assert "11,250 requests in 2 days" in traffic.description


def test_the_consoles_period_is_kept_where_points_are_missing(write: Write) -> None:
    file = write(console(Period="900"))
    traffic = read_traffic(file)
    assert isinstance(traffic, Profile)
    assert traffic.segment_s == 900
    assert traffic.expected(2 * 86_400) == pytest.approx(11_250)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (console("Count", "Errors"), ["metrics: 2 (Count; Errors)", "export one, or their sum"]),
        (console(Statistic="Average"), ["Statistic is Average", "with Statistic Sum"]),
        (console(Unit="Milliseconds"), ["Unit is Milliseconds"]),
        (console(Period="1 hour"), ["Period is 1 hour; give it in seconds"]),
        (console(Namespace="AWS/Lambda"), ["begins with 'Namespace'", "before Time there may be"]),
        (
            console().replace("2026/03/28 05", "2026/03/28 04"),
            ["2026-03-28T04:00:00 is there twice", "set the console to UTC"],
        ),
        ("Full label,Count\nTime,Count\n", ["data points: 0; check metric"]),
        (console(Period="7000"), ["the period is 7000 s", "give a period of"]),
        (console().replace("2026/03/28 05", "28.03.2026 05"), ["28.03.2026 05:00:00"]),
        (console().replace("01:00:00,10", "01:00:00,1,010"), ["fields: 3, columns: 2"]),
        ("Full label,Count\nLabel,Count\n", ["no line that begins with Time"]),
    ],
)
def test_what_the_consoles_csv_cannot_mean_is_refused(
    write: Write, text: str, words: list[str]
) -> None:
    message = refusal(write(text))
    for each in words:
        assert each in message
    assert message.startswith(("bad_cloudwatch_export: ", "empty_trace: "))


@pytest.mark.parametrize("about", [{"Statistic": "sum"}, {"Unit": "No unit"}, {"Unit": "count"}])
def test_the_consoles_words_are_read_in_any_case(write: Write, about: dict[str, str]) -> None:
    traffic = read_traffic(write(console(**about)))
    assert isinstance(traffic, Profile)
    assert traffic.expected(2 * 86_400) == pytest.approx(11_250)


@pytest.mark.parametrize(
    "changed",
    [
        {"Statistic": "Sample count", "Unit": "Milliseconds"},
        {"Statistic": "SampleCount", "Unit": "None"},
        {"Statistic": "sample count", "Unit": ""},
    ],
)
def test_the_number_of_samples_is_a_count_of_calls(write: Write, changed: dict[str, str]) -> None:
    traffic = read_traffic(write(console("LatencyMs", **changed)))
    assert isinstance(traffic, Profile)
    assert traffic.expected(2 * 86_400) == pytest.approx(11_250)


HEADS: dict[str, str | bytes] = {
    "as of today": console(),
    "one word": console().replace("Full label", "FullLabel"),
    "timestamps": console().replace("Time,", "Timestamp,"),
    "a column without a name": console().replace("Time,", ","),
    "no name of the columns": console().replace("\nTime,Count", ""),
    "quotes": "\n".join(
        ",".join(f'"{field}"' for field in line.split(",")) for line in console().split("\n")
    ),
    "dates with dashes": console().replace("2026/03/", "2026-03-"),
    "ISO 8601": console()
    .replace("2026/03/28 ", "2026-03-28T")
    .replace("2026/03/29 ", "2026-03-29T"),
    "UTF-16": console(delimiter="\t").encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + console(delimiter=";").encode(),
}


@pytest.mark.parametrize("name", HEADS)
def test_the_consoles_csv_is_read_with_any_head(write: Write, name: str) -> None:
    assert read_traffic(write(HEADS[name])).expected(2 * 86_400) == pytest.approx(11_250)


def in_zone(zone: str, begin: datetime, count: int) -> str:
    """Hourly points of 0, 1, 2, ... calls, as a console in this time zone shows them."""
    lines = ["Full label,Calls", "Label,Calls", "Period,3600", "Time,Calls"]
    for hour in range(count):
        local = (begin + timedelta(hours=hour)).astimezone(ZoneInfo(zone))
        lines.append(f"{local:%Y/%m/%d %H:%M:%S},{hour}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("zone", "begin"),
    [
        ("Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC)),  # clocks are set back
        ("Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC)),  # and forward
        ("America/New_York", datetime(2026, 10, 31, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 10, 24, tzinfo=UTC)),  # half an hour off
    ],
)
def test_times_of_the_consoles_zone_are_read_in_utc(
    write: Write, zone: str, begin: datetime
) -> None:
    traffic = read_traffic(write(in_zone(zone, begin, 48)), zone=ZoneInfo(zone))
    assert isinstance(traffic, Profile)
    assert [round(rate * 3600) for rate in traffic.rates_per_s] == list(range(48))
    assert f"times in {zone}" in traffic.description


def test_a_time_that_clocks_skipped_is_refused(write: Write) -> None:
    file = write(in_zone("UTC", datetime(2026, 3, 29, tzinfo=UTC), 6))
    with pytest.raises(WarmlensError, match="line 7 is 2026/03/29 02:00:00, when clocks in"):
        read_traffic(file, zone=ZoneInfo("Europe/Berlin"))


def test_a_time_zone_without_effect_is_refused(write: Write) -> None:
    with pytest.raises(WarmlensError, match="no CSV of CloudWatch's console") as error:
        read_traffic(write(WHOLE), zone=ZoneInfo("Europe/Berlin"))
    assert error.value.code == "bad_time_zone"
    result = invoke(
        app, "plan", "cost", "--traffic", str(write(console())), "--time-zone", "Mars/A"
    )
    assert result.exit_code == 1
    assert "bad_time_zone: --time-zone Mars/A: give a name such as UTC" in result.stderr


def test_lambdas_invocations_are_read_with_a_note(write: Write) -> None:
    for text in (console("Invocations"), json.dumps(statistics(points(DAY, 24)))):
        assert "Invocations has wakeups in it; LatencyMs" in read_traffic(write(text)).description
    assert "wakeups" not in read_traffic(write(console("Count"))).description


def two_periods(first: int, second: int) -> list[str]:
    middle = DAY + timedelta(seconds=first * 24)
    moments = [DAY + timedelta(seconds=first * each) for each in range(24)]
    moments += [middle + timedelta(seconds=second * each) for each in range(48)]
    return [f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in moments]


@pytest.mark.parametrize(("first", "second"), [(3600, 300), (300, 3600), (300, 60), (86_400, 3600)])
def test_joined_exports_of_two_periods_are_refused(write: Write, first: int, second: int) -> None:
    message = refusal(write(json.dumps(statistics(two_periods(first, second)))))
    assert f"periods of {first} s and, from 2026-" in message
    assert f"of {second} s; ask for all hours with one period" in message


def test_hours_without_calls_are_no_other_period(write: Write) -> None:
    moments = [each for each in two_periods(300, 300) if each[14:16] != "10"]
    traffic = read_traffic(write(json.dumps(statistics(moments))))
    assert isinstance(traffic, Profile)
    assert traffic.segment_s == 300


# CloudWatch's answers


def points(begin: datetime, count: int, hours: int = 1) -> list[str]:
    return [f"{begin + timedelta(hours=hours * each):%Y-%m-%dT%H:%M:%SZ}" for each in range(count)]


def series(begin: int, count: int, state: str | None = "Complete", **more: Any) -> dict[str, Any]:
    status = {} if state is None else {"StatusCode": state}
    times = points(DAY + timedelta(hours=begin), count)
    return {"Id": "calls", "Timestamps": times, "Values": [10.0] * count} | status | more


def data(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"MetricDataResults": list(results), "Messages": [], **more}


PAGES = [data(series(0, 12, "PartialData"), NextToken="abc"), data(series(12, 12))]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(data(series(0, 24))),
        json.dumps(data(series(0, 24, None))),
        json.dumps(PAGES),
        json.dumps(data(series(0, 24, Timestamps=[1774656000 + 3600 * each for each in HOURS]))),
        "\n".join(json.dumps(page, indent=4) for page in PAGES),
        json.dumps(data(series(12, 12, "PartialData"), series(0, 12))),  # as the CLI joins pages
        json.dumps(data(series(0, 24))).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(data(series(0, 24))).encode(),
    ],
)
def test_pages_of_an_answer_are_joined(write: Write, text: str | bytes) -> None:
    assert a_day(write(text)) == pytest.approx(240)


def statistics(times: list[str], **changed: Any) -> dict[str, Any]:
    each = {"Sum": 9000.0, "Unit": "Count"} | changed
    return {"Label": "Invocations", "Datapoints": [{"Timestamp": time} | each for time in times]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (PAGES[0], ["NextToken", "--no-paginate", "all pages"]),
        ([PAGES[0], PAGES[0]], ["NextToken"]),
        (data(series(0, 24, "PartialData")), ["incomplete (StatusCode PartialData)"]),
        (data(series(0, 24, "InternalError")), ["incomplete (StatusCode InternalError)"]),
        (data(series(0, 24), series(24, 2, "Forbidden")), ["incomplete (StatusCode Forbidden)"]),
        (
            data(series(0, 24), Messages=[{"Code": "MaxMetricsExceeded", "Value": "too many"}]),
            ["CloudWatch says MaxMetricsExceeded: too many"],
        ),
        (
            data(series(0, 24, Messages=[{"Code": "ArithmeticError", "Value": "by zero"}])),
            ["CloudWatch says ArithmeticError: by zero"],
        ),
        (data(series(0, 24), series(0, 24, Id="errors")), ["series: 2 (calls, errors)"]),
        (data(), ["it has no series"]),
        (data(series(0, 24), series(0, 24)), ["is there twice"]),
        (data(series(0, 24, Values=[1.0] * 23)), ["Timestamps: 24, Values: 23; ask again"]),
        (statistics(points(DAY + timedelta(seconds=5), 24)), ["begin at 00:00:05 UTC"]),
        (statistics(points(DAY, 24))["Datapoints"], ["neither", "without --query"]),
        (
            statistics(points(DAY + timedelta(hours=12), 14, 24)),
            [
                "1 day apart begin at 12:00 UTC",
                "midnight UTC on, such as 2026-03-28T00:00:00Z",
            ],
        ),
        (
            statistics(points(DAY + timedelta(hours=3), 8, 6)),
            ["6 h apart begin at 03:00 UTC", "from midnight UTC on"],
        ),
        (statistics(points(DAY, 24), Unit="Milliseconds"), ["Unit is Milliseconds"]),
        (
            {"Datapoints": [{"Timestamp": "2026-03-28T00:00:00Z", "Average": 1.0}]},
            ["data points have Average", "--statistics Sum"],
        ),
        (
            [statistics(points(DAY, 24)), {**statistics(points(DAY, 2)), "Label": "Errors"}],
            ["series: 2 (Errors, Invocations)"],
        ),
        ([statistics(points(DAY, 2)), data(series(0, 2))], ["neither"]),
        (["hour", "requests"], ["not a JSON object"]),
        ({"rows": []}, ["neither Datapoints nor MetricDataResults"]),
        (
            statistics(points(DAY, 24)) | {"Label": "ColdStart"},
            ["the Sum of ColdStart counts cold starts; export its SampleCount"],
        ),
        (
            data(series(0, 24, Label="LatencyMs", Values=[12.5] * 24)),
            ["calls at 2026-03-28 00:00 is 12.5, which is a time and no number of calls"],
        ),
    ],
)
def test_an_answer_that_lacks_something_is_refused_by_name(
    write: Write, document: Any, words: list[str]
) -> None:
    message = refusal(write(json.dumps(document)))
    for each in ("bad_cloudwatch_export", *words):
        assert each in message


def test_answers_for_two_days_are_joined(write: Write) -> None:
    days = [statistics(points(DAY + timedelta(days=day), 24)) for day in (0, 1)]
    traffic = read_traffic(write("\n".join(map(json.dumps, days))))
    assert isinstance(traffic, Profile)
    assert traffic.expected(2 * 86_400) == pytest.approx(48 * 9000)


def test_broken_json_is_named_with_its_place(write: Write) -> None:
    assert "not JSON: Expecting value: line 1 column 16" in refusal(write('{"Datapoints": ,}'))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--burst-size 5", "--burst-size needs --bursts-per-hour"),
        ("--warm 2 --warming provisioned --hold-ms 100", "--hold-ms holds pinged instances"),
        ("--hold-ms 100", "--hold-ms holds pinged instances"),
    ],
)
def test_an_option_without_effect_is_refused(options: str, words: str) -> None:
    result = invoke(app, *f"plan cost --rps 1 {options}".split())
    assert result.exit_code == 1
    assert words in result.stderr
