"""Warming as a whole: the warmer against a pool of real instances, with users at the same time."""

import asyncio
import datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.integration import warming_harness
from tests.integration.pool_harness import FakeClock
from tests.integration.warming_harness import (
    FIVE,
    Gate,
    StartCloud,
    Wakeups,
    busy,
    report_in,
    report_of,
    user_calls,
    with_handler,
)

start = warming_harness.start  # a fixture

PERIOD_S = 300  # the paper's
# How long a round holds at most: until all wakeups are sent, of which a slow machine takes long.
HOLD_MS = {1: 400, 5: 800, 20: 1500, 50: 3000}


# How many are warm


@pytest.mark.parametrize("instances", HOLD_MS)
async def test_as_many_instances_are_warm_as_were_asked_for(
    start: StartCloud, instances: int
) -> None:
    cloud = await start()
    await cloud.configure(HOLD_MS=str(HOLD_MS[instances]), BUDGET_S="110")
    cold = await report_of(cloud, instances=instances)
    again = [await report_of(cloud, instances=instances) for _ in range(2)]
    for report in (cold, *again):
        assert (report["requested"], report["distinct"]) == (instances, instances)
        assert (report["coverage"], report["errors"], report["limited_by"]) == (1.0, [], None)
    assert [report["cold"] for report in (cold, *again)] == [instances, 0, 0]
    # The last one holds as long as the one before measured, however long that was.
    measured_ms, held_ms = again[0]["spread_ms"], again[1]["hold_ms"]
    if instances == 1:
        assert (measured_ms, held_ms) == (None, 0)
    elif cold["rounds"] == 1:
        needed_ms = max(50, 3 * measured_ms + 25)
        assert held_ms == pytest.approx(min(needed_ms, HOLD_MS[instances]), abs=1)
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


async def test_a_round_that_is_too_short_is_repeated_with_a_longer_hold(start: StartCloud) -> None:
    cloud = await start()
    cloud.spec = with_handler(cloud.spec, "handlers.one_instance_unless_held")
    # The function tells of the hold and does not wait, so that these take no time.
    await cloud.configure(HOLD_MS="30000", MAX_HOLD_MS="100000", BUDGET_S="110")
    report = await report_of(cloud, instances=3)
    assert (report["distinct"], report["rounds"], report["errors"]) == (3, 2, [])


async def test_no_round_is_begun_that_the_budget_has_no_time_for(start: StartCloud) -> None:
    cloud = await start()
    cloud.spec = with_handler(cloud.spec, "handlers.one_instance_unless_held")
    await cloud.configure(HOLD_MS="30000", MAX_HOLD_MS="100000", BUDGET_S="60")
    report = await report_of(cloud, instances=3)
    assert (report["distinct"], report["rounds"]) == (1, 1)
    assert report["coverage"] == pytest.approx(1 / 3)


# Users


@pytest.mark.parametrize("warming", ["off", "ours"])
async def test_five_users_at_once_meet_no_cold_start_with_the_papers_setting(
    start: StartCloud, tmp_path: Path, warming: str
) -> None:
    clock = FakeClock()
    cloud = await start(clock=clock, idle_expiry_s=600)
    wakeups, users = Wakeups(cloud, tmp_path), Gate(tmp_path / "users")
    await user_calls(cloud, FIVE)  # somebody was here before
    for _ in range(12):
        if warming == "ours":
            assert report_in(await wakeups.warm(FIVE))["distinct"] == FIVE
        await clock.advance(PERIOD_S)
        await asyncio.sleep(0)
    calls = [asyncio.create_task(cloud.call({"gate": str(users.folder)})) for _ in range(FIVE)]
    await users.reached_by(FIVE)
    users.open()
    answers = await asyncio.gather(*calls)
    assert len({answer["instance_id"] for answer in answers}) == FIVE
    met_cold = [answer["cold_start"] for answer in answers]
    assert met_cold == [warming == "off"] * FIVE


async def test_users_who_come_during_a_round_are_served_by_other_instances(
    start: StartCloud, tmp_path: Path
) -> None:
    cloud = await start(concurrency=16)
    wakeups = Wakeups(cloud, tmp_path)
    await wakeups.warm(FIVE)
    run = asyncio.create_task(cloud.warm(instances=FIVE))
    await wakeups.reached_by(FIVE, run)
    held = set(busy(cloud))
    assert len(held) == FIVE
    users = await user_calls(cloud, 4)
    assert set(busy(cloud)) >= held  # the round was still under way
    assert held.isdisjoint(user["instance_id"] for user in users)
    wakeups.open()
    report = report_in(await run)
    assert (report["distinct"], report["throttled"]) == (FIVE, 0)


async def test_users_are_refused_only_when_all_concurrency_is_taken(
    start: StartCloud, tmp_path: Path
) -> None:
    cloud = await start(concurrency=2)
    Wakeups(cloud, tmp_path)
    users = Gate(tmp_path / "users")
    calls = [asyncio.create_task(cloud.call({"gate": str(users.folder)})) for _ in range(2)]
    await users.reached_by(2)
    with pytest.raises(ClientError, match="TooManyRequests"):
        await user_calls(cloud, 1)
    users.open()
    await asyncio.gather(*calls)
    await user_calls(cloud, 1)


# Deliveries and profile


async def test_a_run_that_is_delivered_twice_runs_once(start: StartCloud) -> None:
    cloud = await start()
    time = "2026-11-24T08:00:00Z"
    answers = await asyncio.gather(*(cloud.warm(scheduled_time=time) for _ in range(3)))
    reports = [answer.report or {} for answer in answers]
    assert sorted(report.get("distinct", 0) for report in reports) == [0, 0, FIVE]
    assert reports.count({"duplicate_of": time}) == 2
    assert sum(bool(answer.metrics) for answer in answers) == 1
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


async def test_metrics_are_in_the_embedded_metric_format(start: StartCloud, tmp_path: Path) -> None:
    cloud = await start()
    sent, *_, line = (await Wakeups(cloud, tmp_path).warm(2)).metrics
    units = {}
    for each in (line, sent):
        (directive,) = each["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"]) == ("Warmlens", [["Environment"]])
        assert each["Environment"] == "bench"
        units.update({metric["Name"]: metric["Unit"] for metric in directive["Metrics"]})
    assert units == {
        "WarmInstances": "Count",
        "WarmCoverage": "None",
        "ColdStartsAbsorbed": "Count",
        "HeldInstanceSeconds": "Seconds",
        "WarmerThrottled": "Count",
    }
    assert (line["WarmInstances"], line["WarmCoverage"], line["ColdStartsAbsorbed"]) == (2, 1.0, 2)
    assert line["HeldInstanceSeconds"] == 2 * 0.25  # as each of them says of itself
    assert sent["WarmerThrottled"] == [0, 0]  # one for each wakeup, so that they can be counted
