"""Traffic files as spreadsheets and people write them: the right sum, or a sentence."""

import bz2
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.planner import traffic_file
from tests.unit.planner.traffic_file import HOURS, Write, a_day, refusal
from warmlens.planner.traffic import Trace
from warmlens.planner.traffic_files import read_traffic

write = traffic_file.write  # a fixture


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
    "an open quote": (
        WHOLE.replace("5,1005", '5,"1005'),
        ["line 7: not CSV", "write a quote in it twice"],
    ),
    "a quote in a quoted field": (
        'arrival_s,screen\n0.5,"a\nb"\n1.5,"5" wide"\n',
        ["unreadable_traffic", "line 4: not CSV", "write a quote in it twice"],
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
