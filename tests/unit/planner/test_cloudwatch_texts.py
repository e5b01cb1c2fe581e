"""Exports of CloudWatch's console and commands: the right sum, or a sentence."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.invoke import invoke
from tests.unit.planner import traffic_file
from tests.unit.planner.traffic_file import DAY, HOURS, Write, a_day, refusal
from warmlens.cli import app
from warmlens.errors import WarmlensError
from warmlens.planner.traffic import Profile, whole_days_s
from warmlens.planner.traffic_files import read_traffic

write = traffic_file.write  # a fixture


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
        read_traffic(write("arrival_s\n0.5\n"), zone=ZoneInfo("Europe/Berlin"))
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
