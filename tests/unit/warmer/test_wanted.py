"""The number of instances that the warmer wakes: profiles, and what users needed at once."""

import dataclasses
import datetime
import random
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_src.warmer.config import WarmerConfig
from lambda_src.warmer.state import Peak, State
from lambda_src.warmer.users import users_peak
from lambda_src.warmer.wanted import Wanted, wanted_instances

DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN
PERIOD_MIN = 5
MONDAY_S = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC).timestamp()
CONFIG = WarmerConfig(
    env_name="prod",
    function_arn="arn:aws:lambda:eu-west-1:123456789012:function:classifier:live",
    warm_by_hour=(10,) * 24,
    auto=True,
    period_s=PERIOD_MIN * 60,
    hold_ms=1000,
    max_hold_ms=10_000,
    budget_s=30,
    user_reserve=1,
    claim_parameter="claim",
    state_parameter="state",
)


class History:
    """Concurrency of an alias and wakeups of a warmer by minute, as CloudWatch keeps them."""

    def __init__(self) -> None:
        self.concurrency: dict[int, float] = {}
        self.wakeups: dict[int, float] = {}

    def minute(self, minute: int, users: int, woken: int) -> None:
        """Users' calls overlap with the round of that minute, which is the worst case."""
        if users + woken:
            self.concurrency[minute] = users + woken
        if woken:
            self.wakeups[minute] = woken

    def peak(self, minute: int) -> int:
        since = minute - WEEK_MIN
        return users_peak(
            {each: count for each, count in self.concurrency.items() if since <= each < minute},
            self.wakeups,
        )


def weeks(users: Iterator[int], count: int) -> Iterator[int]:
    """N by hour when the warmer follows its own choice, and all rounds overlap with users."""
    history, chosen = History(), 1
    for minute in range(count * WEEK_MIN):
        if minute % 60 == 0:
            chosen = max(1, history.peak(minute))
            yield chosen
        history.minute(minute, next(users), chosen if minute % PERIOD_MIN == 0 else 0)


def at_most(most: int, chance: random.Random) -> Iterator[int]:
    while True:
        yield chance.randint(0, most) if chance.random() < 0.3 else 0


def test_users_who_never_exceed_three_never_get_more_than_three() -> None:
    chosen = list(weeks(at_most(3, random.Random(1)), count=3))
    assert set(chosen[24:]) == {3}
    assert max(chosen) == 3


def test_when_users_become_fewer_the_number_falls_within_seven_days() -> None:
    def users() -> Iterator[int]:
        chance = random.Random(2)
        for _, count in zip(range(WEEK_MIN), at_most(8, chance), strict=False):
            yield count
        yield from at_most(2, chance)

    chosen = list(weeks(users(), count=3))
    assert chosen[7 * 24] == 8
    assert set(chosen[14 * 24 + 1 :]) == {2}


def test_without_users_one_instance_is_kept() -> None:
    assert set(weeks(iter(lambda: 0, 1), count=1)) == {1}


def test_rounds_by_hand_do_not_count_as_users() -> None:
    history = History()
    for minute in range(DAY_MIN):
        history.minute(minute, 1, 50 if minute == 77 else 0)
    assert history.peak(DAY_MIN) == 1


def test_users_who_come_only_in_the_minutes_of_rounds_count_for_at_least_the_rest() -> None:
    assert users_peak({5: 20.0, 10: 20.0}, {5: 3.0, 10: 3.0}) == 17


class CloudWatch:
    """Answers as CloudWatch does, in pages."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> "CloudWatch":
        assert operation == "get_metric_data"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(request)
        for results in self.pages:
            yield {"MetricDataResults": results}


class Refusing(CloudWatch):
    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetMetricData")


def values(query: str, by_minute: dict[int, float], status: str = "Complete") -> dict[str, Any]:
    times = [
        datetime.datetime.fromtimestamp(MONDAY_S + 60 * minute, datetime.UTC)
        for minute in by_minute
    ]
    return {
        "Id": query,
        "StatusCode": status,
        "Timestamps": times,
        "Values": list(by_minute.values()),
    }


def choose(
    cloudwatch: CloudWatch, state: State | None = None, *, now_s: float = MONDAY_S, **config: Any
) -> tuple[Wanted, list[str]]:
    problems: list[str] = []
    wanted = wanted_instances(
        dataclasses.replace(CONFIG, **config),
        State() if state is None else state,
        now_s,
        problems,
        cloudwatch=lambda: cloudwatch,
    )
    return wanted, problems


def test_it_chooses_what_users_reached_and_says_so() -> None:
    """An answer in two pages; the second completes the first."""
    cloudwatch = CloudWatch(
        [values("concurrency", {1: 4.0, 2: 9.0}, "PartialData"), values("wakeups", {2: 5.0})],
        [values("concurrency", {3: 7.0})],
    )
    wanted, problems = choose(cloudwatch)
    assert wanted == Wanted(7, "users needed 7 at once in the 7 days before 2026-11-30 00:00 UTC")
    assert problems == []
    (request,) = cloudwatch.asked
    assert request["EndTime"] - request["StartTime"] == datetime.timedelta(days=7)
    users, wakeups = (query["MetricStat"] for query in request["MetricDataQueries"])
    assert users["Metric"]["Dimensions"] == [
        {"Name": "FunctionName", "Value": "classifier"},
        {"Name": "Resource", "Value": "classifier:live"},
    ]
    assert (users["Stat"], users["Period"]) == ("Maximum", 60)
    assert (wakeups["Stat"], wakeups["Period"]) == ("SampleCount", 60)


def test_more_than_the_settings_allow_is_cut_and_it_says_so() -> None:
    cloudwatch = CloudWatch([values("concurrency", {1: 14.0}), values("wakeups", {})])
    wanted, _ = choose(cloudwatch)
    assert wanted.instances == 10
    assert wanted.because.endswith("of which the settings allow 10")


def test_cloudwatch_is_asked_once_an_hour() -> None:
    cloudwatch = CloudWatch([values("concurrency", {1: 4.0}), values("wakeups", {1: 1.0})])
    state = State()
    for minutes in (0, 5, 55):
        assert choose(cloudwatch, state, now_s=MONDAY_S + 60 * minutes)[0].instances == 3
    assert len(cloudwatch.asked) == 1
    choose(cloudwatch, state, now_s=MONDAY_S + 3600)
    assert len(cloudwatch.asked) == 2


@pytest.mark.parametrize("after_s", [0.1, 0.4, -0.3, -30], ids=lambda after_s: f"{after_s} s")
def test_a_run_at_once_or_on_a_clock_that_is_behind_does_not_ask_again(after_s: float) -> None:
    cloudwatch = CloudWatch([values("concurrency", {1: 4.0}), values("wakeups", {1: 1.0})])
    state, now_s = State(), MONDAY_S + 0.7
    choose(cloudwatch, state, now_s=now_s)
    choose(cloudwatch, State.from_json(state.to_json()), now_s=now_s + after_s)
    assert len(cloudwatch.asked) == 1


def test_an_answer_far_in_the_future_is_asked_for_again() -> None:
    cloudwatch = CloudWatch([values("concurrency", {1: 4.0}), values("wakeups", {1: 1.0})])
    choose(cloudwatch, State(peak=Peak(9, MONDAY_S + 86_400)))
    assert len(cloudwatch.asked) == 1


def test_a_new_function_has_one_instance_until_users_call_it() -> None:
    wanted, problems = choose(CloudWatch([values("concurrency", {}), values("wakeups", {})]))
    assert wanted.instances == 1
    assert wanted.because.startswith("CloudWatch has no call of a user")
    assert problems == []


INCOMPLETE = CloudWatch([values("concurrency", {1: 9.0}, "InternalError"), values("wakeups", {})])
NO_WAKEUPS = CloudWatch([values("concurrency", {1: 9.0}), values("wakeups", {})])


@pytest.mark.parametrize(
    ("cloudwatch", "problem"),
    [
        (Refusing(), "AccessDenied"),
        (INCOMPLETE, "InternalError"),
        (CloudWatch(), "not complete"),
        (NO_WAKEUPS, "cannot be told from wakeups"),
    ],
)
def test_without_an_answer_the_last_number_is_kept_and_the_reason_reported(
    cloudwatch: CloudWatch, problem: str
) -> None:
    state = State(peak=Peak(4, MONDAY_S - 3600))
    wanted, (reported,) = choose(cloudwatch, state)
    assert wanted.instances == 4
    assert "2026-11-29 23:00" in wanted.because  # how old it is
    assert problem in reported
    if cloudwatch is not NO_WAKEUPS:  # which is right in the first run
        wanted, (reported,) = choose(cloudwatch)
        assert wanted == Wanted(1, "users' concurrency is not known")
        assert problem in reported


WEEKDAYS = (0,) * 8 + (4,) * 10 + (1,) * 6
WEEK = WEEKDAYS * 5 + (0,) * 48


@pytest.mark.parametrize(
    ("profile", "day", "time", "instances"),
    [
        (WEEKDAYS, 5, "12:00", 4),
        (WEEK, 0, "12:00", 4),
        (WEEK, 5, "12:00", 0),
        (WEEK, 0, "07:54", 0),
        (WEEK, 0, "07:56", 4),  # the last round before a busy hour
        (WEEK, 4, "23:59", 1),  # an hour that needs more goes on until its end
        (WEEK, 5, "00:00", 0),
        (WEEK, 6, "23:58", 0),
        ((3, *WEEK[1:]), 6, "23:58", 3),  # from Sunday's end to Monday's beginning
    ],
)
def test_a_profile_names_hours_of_the_day_or_of_the_week(
    profile: tuple[int, ...], day: int, time: str, instances: int
) -> None:
    hours, minutes = map(int, time.split(":"))
    now_s = MONDAY_S + day * 86_400 + hours * 3600 + minutes * 60
    wanted, _ = choose(CloudWatch(), now_s=now_s, auto=False, warm_by_hour=profile)
    assert wanted == Wanted(instances, "the settings say so for this hour")


def test_with_auto_the_profile_is_the_limit() -> None:
    state = State(peak=Peak(3, MONDAY_S))
    for hour, instances in ((3, 0), (12, 3), (20, 1)):
        now_s = MONDAY_S + hour * 3600
        state.peak = Peak(3, now_s)
        wanted, _ = choose(CloudWatch(), state, now_s=now_s, warm_by_hour=WEEKDAYS)
        assert wanted.instances == instances
