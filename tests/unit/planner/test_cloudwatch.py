"""CloudWatch exports of any length as profiles by time of day."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from warmlens.errors import WarmlensError
from warmlens.planner.cloudwatch import read_json
from warmlens.planner.counted_profile import counted_profile
from warmlens.planner.traffic import Profile, whole_days_s

NOON = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)
Export = Callable[..., Path]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    def write(hours: list[int], count: object = 3600, **changed: object) -> Path:
        points = [
            {"Timestamp": (NOON + datetime.timedelta(hours=hour)).isoformat(), "Sum": count}
            for hour in hours
        ]
        if changed:
            points[0].update(changed)
        file = tmp_path / "export.json"
        file.write_text(json.dumps({"Label": "Invocations", "Datapoints": points}))
        return file

    return write


def read_cloudwatch(file: Path) -> Profile:
    return counted_profile(file, read_json)


def a_day(profile: Profile) -> float:
    horizon_s = whole_days_s(profile)
    return profile.expected(horizon_s) / (horizon_s / 86_400)


@pytest.mark.parametrize("hours", [24, 25, 36, 47, 48, 72])
def test_one_call_a_second_is_that_however_many_hours_are_exported(
    export: Export, hours: int
) -> None:
    profile = read_cloudwatch(export(list(range(hours))))
    assert set(profile.rates_per_s) == {1.0}
    assert a_day(profile) == pytest.approx(86_400)


@pytest.mark.parametrize(
    ("hours", "words"), [(24, "in 1 day"), (36, "in 1.5 days"), (72, "in 3 days"), (25, "1.04")]
)
def test_the_description_has_the_covered_time(export: Export, hours: int, words: str) -> None:
    assert words in read_cloudwatch(export(list(range(hours)))).description


def test_less_than_a_day_is_taken_as_a_day(export: Export) -> None:
    profile = read_cloudwatch(export([0, 1]))
    assert profile.description.endswith("in 2 h, taken as a whole day without calls in the rest")
    assert a_day(profile) == 7200
    assert profile.rates_per_s[12:14] == (1.0, 1.0)


def test_hours_that_cloudwatch_leaves_out_are_without_calls(export: Export) -> None:
    profile = read_cloudwatch(export([hour for hour in range(48) if hour % 24 < 10]))
    assert len(profile.rates_per_s) == 48
    assert sum(profile.rates_per_s) == 20
    sparse = read_cloudwatch(export([0, 7, 21]))
    assert sparse.segment_s == 3600
    assert sum(sparse.rates_per_s) == 3


def test_the_rest_of_the_last_day_is_the_mean_of_the_other_days(export: Export) -> None:
    profile = read_cloudwatch(export([0, *range(24, 60)]))
    # Calls at noon of the first day, none until noon of the second, then every hour.
    assert len(profile.rates_per_s) == 72
    assert profile.rates_per_s[12:36] == (1.0, *(0.0,) * 23)
    # Midnight to noon of the first day, and of what follows the last point: half of two days.
    assert profile.rates_per_s[:12] == (0.5,) * 12


def test_a_timestamp_without_a_zone_is_utc(export: Export) -> None:
    aware = read_cloudwatch(export([0, 1]))
    naive = read_cloudwatch(export([0, 1], Timestamp="2026-11-02T12:00:00"))
    assert naive == aware


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"Sum": 10**400}, "is above"),
        ({"Sum": "many"}, "'many', not a number"),
        ({"Sum": None}, "None, not a number"),
        ({"Timestamp": "1970-01-01T00:00:00Z"}, "a year is the most"),
        ({"Timestamp": "noon"}, "a Timestamp is 'noon'; give 2026-03-28T00:00:00Z"),
        ({"Timestamp": 1774656000000}, "a Timestamp is 1774656000000; give"),
        ({"Timestamp": "1774656000"}, "a Timestamp is '1774656000'; give"),
        ({"Timestamp": None}, "a Timestamp is None; give"),
        ({"Timestamp": "2026-11-02T13:00:00Z"}, "is there twice"),
    ],
)
def test_an_invalid_data_point_is_an_error_in_words(
    export: Export, changed: dict[str, object], words: str
) -> None:
    with pytest.raises(WarmlensError, match=words) as error:
        read_cloudwatch(export([0, 1], **changed))
    assert error.value.code == "bad_cloudwatch_export"
    assert "Error" not in str(error.value)


def test_points_on_the_half_hour_are_an_error(tmp_path: Path) -> None:
    moments = ["2026-11-02T12:30:00Z", "2026-11-02T13:30:00Z"]
    file = tmp_path / "export.json"
    file.write_text(json.dumps({"Datapoints": [{"Timestamp": at, "Sum": 1} for at in moments]}))
    with pytest.raises(WarmlensError, match="begin at 12:30 UTC; ask for them from a full hour on"):
        read_cloudwatch(file)
