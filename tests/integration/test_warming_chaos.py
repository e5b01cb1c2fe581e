"""Warming when parts of it fail or users take all instances."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.bench.small_cloud import HOLD_MS, SmallCloud
from tests.integration import warming_harness
from tests.integration.pool_harness import eventually
from tests.integration.warming_harness import (
    FIVE,
    Gate,
    StartCloud,
    Wakeups,
    busy,
    chosen_by_users,
    report_in,
    report_of,
    throttled_calls,
    with_handler,
)

start = warming_harness.start  # a fixture


def kill(cloud: SmallCloud, count: int) -> None:
    for instance in cloud.pool.instances()[:count]:
        assert instance.pid is not None
        os.kill(instance.pid, signal.SIGKILL)


def throttled_by_round(metrics: list[dict[str, Any]]) -> list[int]:
    """Throttled wakeups of each round, whose times are those of the rounds and not of their end."""
    *rounds, whole_run = metrics
    times = [each["_aws"]["Timestamp"] for each in metrics]
    assert times == sorted(times)
    assert whole_run["_aws"]["Timestamp"] > times[0]
    throttled: dict[int, int] = {}
    for each in rounds:
        time = each["_aws"]["Timestamp"]
        if time % 60_000 == 0:
            continue  # wakeups that were still running in another minute
        throttled[time] = throttled.get(time, 0) + sum(each["WarmerThrottled"])
    return list(throttled.values())


async def test_instances_killed_during_a_round_are_replaced_within_the_run(
    start: StartCloud, tmp_path: Path
) -> None:
    cloud = await start()
    await chosen_by_users(cloud, FIVE)
    wakeups = Wakeups(cloud, tmp_path)
    await wakeups.warm(FIVE, scheduled=True)
    run = asyncio.create_task(cloud.warm())
    await wakeups.reached_by(FIVE, run)
    kill(cloud, 2)
    wakeups.open()
    await wakeups.reached_by(FIVE, run)
    wakeups.open()
    report = report_in(await run)
    assert (report["distinct"], report["rounds"], report["cold"]) == (FIVE, 2, 2)
    assert "users needed 5 at once" in report["chosen_because"]
    assert len(report["errors"]) == 2
    assert all("signal: killed" in error for error in report["errors"])
    assert len(cloud.pool.instances()) == FIVE
    # What was measured is the hold that they report, and not how long the dead ones took.
    again = report_in(await wakeups.warm(FIVE, scheduled=True))
    assert (again["distinct"], again["rounds"], again["cold"]) == (FIVE, 1, 0)
    assert again["hold_ms"] <= HOLD_MS


async def test_a_round_that_users_leave_no_room_reports_it_and_the_next_one_recovers(
    start: StartCloud, tmp_path: Path
) -> None:
    """And the number that the warmer chooses neither falls with them nor rises with its pings."""
    cloud = await start(concurrency=7)
    await chosen_by_users(cloud, FIVE)
    wakeups, users = Wakeups(cloud, tmp_path), Gate(tmp_path / "users")
    calls = [asyncio.create_task(cloud.call({"gate": str(users.folder)})) for _ in range(4)]
    await users.reached_by(4)
    async with throttled_calls(cloud) as throttled:
        run = asyncio.create_task(cloud.warm())
        await wakeups.reached_by(2, run)
        await eventually(lambda: len(throttled) == 3)
        wakeups.open()
        answer = await run
        report = report_in(answer)
        assert (report["allowed"], report["distinct"]) == (5, 2)
        assert (report["throttled"], report["rounds"]) == (3, 1)
        assert throttled_by_round(answer.metrics) == [3]
        users.open()
        assert len(await asyncio.gather(*calls)) == 4
        again = report_in(await wakeups.warm(FIVE, scheduled=True))
        assert (again["requested"], again["distinct"]) == (FIVE, FIVE)


async def test_users_who_take_the_room_between_two_rounds_end_the_run(
    start: StartCloud, tmp_path: Path
) -> None:
    cloud = await start(concurrency=6)
    wakeups, users = Wakeups(cloud, tmp_path), Gate(tmp_path / "users")

    async def user() -> None:
        while True:
            try:
                await cloud.call({"gate": str(users.folder)})
                return
            except ClientError:  # the room of those that were killed is not free yet
                await asyncio.sleep(0.02)

    async with throttled_calls(cloud) as throttled:
        run = asyncio.create_task(cloud.warm(instances=4))
        await wakeups.reached_by(4, run)
        kill(cloud, 2)
        calls = [asyncio.create_task(user()) for _ in range(3)]
        await users.reached_by(3)
        wakeups.open()
        await wakeups.reached_by(2, run)
        await eventually(lambda: len(throttled) == 2)
        wakeups.open()
        answer = await run
    report = report_in(answer)
    # Two of the four were throttled in the second round, and a third one would have no more room.
    assert (report["throttled"], report["rounds"]) == (2, 2)
    assert (report["distinct"], len(report["errors"])) == (2, 2)
    # Each round's have their own time, that of the calls, as in Lambda's own metric.
    assert throttled_by_round(answer.metrics) == [0, 2]
    users.open()
    await asyncio.gather(*calls)


async def test_a_function_that_fails_at_init_fails_the_run_and_the_next_one_recovers(
    start: StartCloud,
) -> None:
    cloud = await start()
    await chosen_by_users(cloud, 2)
    sound = cloud.spec
    cloud.spec = with_handler(sound, "import_raises.handler")
    answer = await cloud.warm()
    assert answer.error is not None
    assert "none of 2 wakeups was answered" in answer.error
    assert "no model in the store" in answer.error
    assert (answer.metrics[-1]["WarmInstances"], answer.metrics[-1]["WarmCoverage"]) == (0, 0.0)
    cloud.spec = sound
    assert (await report_of(cloud))["distinct"] == 2


@pytest.mark.slow
async def test_a_function_that_never_answers_does_not_keep_the_run_beyond_its_budget(
    start: StartCloud,
) -> None:
    cloud = await start()
    sound = cloud.spec
    cloud.spec = with_handler(sound, "handlers.never_answer")
    await cloud.configure(BUDGET_S="6")
    answer = await cloud.warm(instances=2)
    assert answer.error is not None
    assert "within the budget" in answer.error or "Read timeout" in answer.error
    await eventually(lambda: len(busy(cloud)) == 2)
    kill(cloud, 2)
    cloud.spec = sound
    await cloud.configure(BUDGET_S="60")
    await eventually(lambda: not cloud.pool.instances())
    assert (await report_of(cloud, instances=2))["distinct"] == 2
