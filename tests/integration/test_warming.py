"""Warming as a whole: the warmer against a pool of real instances, and users beside it."""

import asyncio
import dataclasses
import datetime
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.pool_lab import FUNCTIONS, FakeClock, eventually
from warmlens.bench.small_cloud import SmallCloud, small_cloud
from warmlens.local.instances.function import FunctionSpec
from warmlens.local.instances.instance import State

StartCloud = Callable[..., Awaitable[SmallCloud]]

PERIOD_S = 300  # the paper's
FIVE = 5


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartCloud]:
    """Starts an emulator with the warmer, and a pool with a cheap function."""
    async with AsyncExitStack() as stack:

        async def start_cloud(**settings: Any) -> SmallCloud:
            return await stack.enter_async_context(small_cloud(tmp_path, **settings))

        yield start_cloud


def busy(cloud: SmallCloud) -> list[str]:
    return [each.id for each in cloud.pool.instances() if each.state is State.BUSY]


async def report_of(cloud: SmallCloud, **event: Any) -> dict[str, Any]:
    answer = await cloud.warm(**event)
    assert answer.report is not None, answer.error
    return answer.report


async def user_calls(cloud: SmallCloud, count: int, sleep_ms: int = 0) -> list[dict[str, Any]]:
    event = {"method": "wakeup", "sleep_time": sleep_ms}
    return await asyncio.gather(*(cloud.call(event) for _ in range(count)))


# How many are warm


@pytest.mark.parametrize("instances", [1, 5, 20, 50])
async def test_as_many_instances_are_warm_as_were_asked_for(
    start: StartCloud, instances: int
) -> None:
    cloud = await start()
    cold = await report_of(cloud, instances=instances)
    again = await report_of(cloud, instances=instances)
    for report in (cold, again):
        assert (report["requested"], report["distinct"]) == (instances, instances)
        assert (report["coverage"], report["errors"], report["limited_by"]) == (1.0, [], None)
    assert (cold["cold"], again["cold"]) == (instances, 0)
    assert len(cloud.pool.instances()) == instances


async def test_a_limit_that_makes_the_number_impossible_is_told(start: StartCloud) -> None:
    cloud = await start(concurrency=8)
    report = await report_of(cloud, instances=20)
    assert (report["requested"], report["allowed"], report["distinct"]) == (20, 6, 6)
    assert report["coverage"] == 0.3
    assert report["limited_by"] == (
        "the account's concurrency of 8 less 1 for the warmer and 1 for users"
    )
    assert report["throttled"] == 0


async def test_the_functions_own_concurrency_goes_before_the_accounts(start: StartCloud) -> None:
    cloud = await start(concurrency=20)
    cloud.aws.lambda_.put_function_concurrency(
        FunctionName="answering", ReservedConcurrentExecutions=4
    )
    await cloud.configure(USER_RESERVE="2")
    report = await report_of(cloud, instances=10)
    assert (report["allowed"], report["distinct"]) == (2, 2)
    assert report["limited_by"] == "the function's concurrency of 4 less 2 for users"


async def test_a_limit_that_leaves_nothing_is_a_failure(start: StartCloud) -> None:
    cloud = await start(concurrency=4)
    await cloud.configure(USER_RESERVE="3")
    answer = await cloud.warm(instances=2)
    assert answer.error == (
        "none of 2 wakeups was answered: the account's concurrency of 4 less 1 for the warmer "
        "and 3 for users"
    )
    assert cloud.pool.instances() == []
    (metrics,) = answer.metrics
    assert (metrics["WarmInstances"], metrics["WarmCoverage"]) == (0, 0.0)


def with_handler(spec: FunctionSpec, handler: str) -> FunctionSpec:
    """The function with another handler, one of the tests' own."""
    command = (*spec.command[:-1], handler)
    return dataclasses.replace(spec, command=command, handler=handler, task_root=FUNCTIONS)


async def test_a_round_that_is_too_short_is_repeated_with_a_longer_hold(start: StartCloud) -> None:
    cloud = await start()
    cloud.spec = with_handler(cloud.spec, "handlers.one_instance_unless_held")
    report = await report_of(cloud, instances=3)
    assert (report["distinct"], report["rounds"], report["errors"]) == (3, 2, [])


async def test_no_round_is_begun_that_the_budget_has_no_time_for(start: StartCloud) -> None:
    cloud = await start()
    cloud.spec = with_handler(cloud.spec, "handlers.one_instance_unless_held")
    await cloud.configure(BUDGET_S="1")
    report = await report_of(cloud, instances=3)
    assert (report["distinct"], report["rounds"]) == (1, 1)
    assert report["coverage"] == pytest.approx(1 / 3)


# Users


@pytest.mark.parametrize("warming", ["off", "ours"])
async def test_five_users_at_once_meet_no_cold_start_with_the_papers_setting(
    start: StartCloud, warming: str
) -> None:
    clock = FakeClock()
    cloud = await start(clock=clock, idle_expiry_s=600)
    await user_calls(cloud, FIVE)  # somebody was here before
    for _ in range(12):
        if warming == "ours":
            assert (await report_of(cloud))["distinct"] == FIVE
        await clock.advance(PERIOD_S)
        await asyncio.sleep(0)
    answers = await user_calls(cloud, FIVE, sleep_ms=200)
    assert len({answer["instance_id"] for answer in answers}) == FIVE
    met_cold = [answer["cold_start"] for answer in answers]
    assert met_cold == [warming == "off"] * FIVE


async def test_users_who_come_during_a_round_are_served_by_other_instances(
    start: StartCloud,
) -> None:
    cloud = await start(concurrency=16)
    await cloud.configure(HOLD_MS="3000")
    await report_of(cloud, instances=FIVE)
    run = asyncio.create_task(cloud.warm(instances=FIVE))
    await eventually(lambda: len(busy(cloud)) == FIVE)
    held = set(busy(cloud))
    users = await user_calls(cloud, 4)
    assert set(busy(cloud)) >= held  # the round was still under way
    assert held.isdisjoint(user["instance_id"] for user in users)
    answer = await run
    assert answer.report is not None
    assert (answer.report["distinct"], answer.report["throttled"]) == (FIVE, 0)


# Deliveries and profile


async def test_a_run_that_is_delivered_twice_runs_once(start: StartCloud) -> None:
    cloud = await start()
    time = "2026-11-24T08:00:00Z"
    answers = await asyncio.gather(*(cloud.warm(scheduled_time=time) for _ in range(3)))
    reports = [answer.report or {} for answer in answers]
    assert sorted(report.get("distinct", 0) for report in reports) == [0, 0, FIVE]
    assert reports.count({"duplicate_of": time}) == 2
    assert sum(len(answer.metrics) for answer in answers) == 1
    assert len(cloud.pool.instances()) == FIVE
    assert (await report_of(cloud, scheduled_time="2026-11-24T08:05:00Z"))["distinct"] == FIVE


async def test_without_a_claim_the_run_goes_on_and_says_so(start: StartCloud) -> None:
    cloud = await start()
    await cloud.configure(CLAIM_PARAMETER="/warmlens/nothing/here")
    report = await report_of(cloud, scheduled_time="2026-11-24T08:00:00Z")
    assert report["distinct"] == FIVE
    (problem,) = report["errors"]
    assert "is not known to be the first" in problem


async def test_an_hour_without_warming_wakes_nobody(start: StartCloud) -> None:
    cloud = await start()
    await cloud.configure(WARM_BY_HOUR=",".join(["0"] * 24))
    report = await report_of(cloud)
    assert (report["requested"], report["rounds"], report["coverage"]) == (0, 0, 1.0)
    assert cloud.pool.instances() == []


async def test_the_last_round_before_a_busy_hour_warms_for_it(start: StartCloud) -> None:
    cloud = await start()
    busy_hour = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).hour
    profile = ["3" if hour == busy_hour else "0" for hour in range(24)]
    await cloud.configure(WARM_BY_HOUR=",".join(profile), PERIOD_MIN="60")
    report = await report_of(cloud)
    assert (report["requested"], report["distinct"]) == (3, 3)


# What it tells


async def test_metrics_are_in_the_embedded_metric_format(start: StartCloud) -> None:
    cloud = await start()
    (line,) = (await cloud.warm(instances=2)).metrics
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Warmlens", [["Environment"]])
    assert line["Environment"] == "bench"
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {
        "WarmInstances": "Count",
        "WarmCoverage": "None",
        "ColdStartsAbsorbed": "Count",
        "HeldInstanceSeconds": "Seconds",
        "WarmerThrottled": "Count",
    }
    assert (line["WarmInstances"], line["WarmCoverage"], line["ColdStartsAbsorbed"]) == (2, 1.0, 2)
    assert 0 < line["HeldInstanceSeconds"] < 1
    assert line["WarmerThrottled"] == 0


# Chaos


async def test_instances_killed_during_a_round_are_replaced_within_the_run(
    start: StartCloud,
) -> None:
    cloud = await start()
    await cloud.configure(HOLD_MS="1500")
    await report_of(cloud, instances=FIVE)
    run = asyncio.create_task(cloud.warm(instances=FIVE))
    await eventually(lambda: len(busy(cloud)) == FIVE)
    for instance in cloud.pool.instances()[:2]:
        os.kill(instance.pid or 0, signal.SIGKILL)
    report = (await run).report
    assert report is not None
    assert (report["distinct"], report["rounds"], report["cold"]) == (FIVE, 2, 2)
    assert len(report["errors"]) == 2
    assert all("signal: killed" in error for error in report["errors"])
    assert len(cloud.pool.instances()) == FIVE


async def test_a_round_that_users_leave_no_room_reports_it_and_the_next_one_recovers(
    start: StartCloud,
) -> None:
    cloud = await start(concurrency=7)
    users = asyncio.create_task(user_calls(cloud, 4, sleep_ms=4000))
    await eventually(lambda: len(busy(cloud)) == 4)
    answer = await cloud.warm(instances=FIVE)
    assert not users.done()
    assert answer.report is not None
    assert (answer.report["allowed"], answer.report["distinct"]) == (5, 2)
    assert (answer.report["throttled"], answer.report["rounds"]) == (3, 1)
    assert answer.metrics[0]["WarmerThrottled"] == 3
    assert len(await users) == 4
    assert (await report_of(cloud, instances=FIVE))["distinct"] == FIVE


async def test_users_who_take_the_room_between_two_rounds_end_the_run(start: StartCloud) -> None:
    cloud = await start(concurrency=6)
    await cloud.configure(HOLD_MS="3000", MAX_HOLD_MS="3000")
    run = asyncio.create_task(cloud.warm(instances=4))
    await eventually(lambda: len(busy(cloud)) == 4)
    for instance in cloud.pool.instances()[:2]:
        os.kill(instance.pid or 0, signal.SIGKILL)

    async def user() -> None:
        while True:
            try:
                await cloud.call({"method": "wakeup", "sleep_time": 8000})
                return
            except ClientError:  # the room of those that were killed is not free yet
                await asyncio.sleep(0.02)

    users = asyncio.gather(*(user() for _ in range(3)))
    answer = await run
    assert not users.done()
    assert answer.report is not None
    # Two of the four were throttled in the second round, and a third one would have no more room.
    assert (answer.report["throttled"], answer.report["rounds"]) == (2, 2)
    assert (answer.report["distinct"], len(answer.report["errors"])) == (2, 2)
    assert answer.metrics[0]["WarmerThrottled"] == 2
    await users


async def test_a_function_that_fails_at_init_fails_the_run_and_the_next_one_recovers(
    start: StartCloud,
) -> None:
    cloud = await start()
    sound = cloud.spec
    cloud.spec = with_handler(sound, "import_raises.handler")
    answer = await cloud.warm(instances=2)
    assert answer.error is not None
    assert "none of 2 wakeups was answered" in answer.error
    assert "no model in the store" in answer.error
    assert (answer.metrics[0]["WarmInstances"], answer.metrics[0]["WarmCoverage"]) == (0, 0.0)
    cloud.spec = sound
    assert (await report_of(cloud, instances=2))["distinct"] == 2


async def test_a_function_that_never_answers_does_not_keep_the_run_beyond_its_budget(
    start: StartCloud,
) -> None:
    cloud = await start()
    sound = cloud.spec
    cloud.spec = with_handler(sound, "handlers.never_answer")
    await cloud.configure(BUDGET_S="2")
    answer = await cloud.warm(instances=2)
    assert answer.error is not None
    assert "within the budget" in answer.error or "Read timeout" in answer.error
    assert len(busy(cloud)) == 2
    for instance in cloud.pool.instances():
        os.kill(instance.pid or 0, signal.SIGKILL)
    cloud.spec = sound
    await cloud.configure(BUDGET_S="60")
    await eventually(lambda: not cloud.pool.instances())
    assert (await report_of(cloud, instances=2))["distinct"] == 2


async def test_users_are_refused_only_when_all_concurrency_is_taken(start: StartCloud) -> None:
    cloud = await start(concurrency=2)
    users = asyncio.create_task(user_calls(cloud, 2, sleep_ms=2000))
    await eventually(lambda: len(busy(cloud)) == 2)
    with pytest.raises(ClientError, match="TooManyRequests"):
        await user_calls(cloud, 1)
    await users
