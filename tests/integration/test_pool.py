"""The instance pool: which instance gets a call, how long it lives, and how all of it ends."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.integration import pool_harness
from tests.integration.pool_harness import FUNCTIONS, FakeClock, StartLab, eventually, is_gone
from warmlens.runtime.instance import State
from warmlens.runtime.invocation import (
    InvokeRefusedError,
    TooManyRequestsError,
)

start = pool_harness.start  # a fixture


async def test_a_second_call_after_the_first_is_on_the_same_instance(start: StartLab) -> None:
    lab = await start()
    first = await lab.call("echo", {"n": 1})
    second = await lab.call("echo", {"n": 2})
    assert [json.loads(result.payload) for result in (first, second)] == [{"n": 1}, {"n": 2}]
    assert first.instance_id == second.instance_id
    assert lab.only_instance().calls == 2


async def test_two_calls_at_once_are_on_two_instances(start: StartLab) -> None:
    lab = await start()
    results = await (await lab.hold(2)).release()
    assert results[0].instance_id != results[1].instance_id


async def test_overlapping_calls_are_on_distinct_instances_and_one_too_many_is_refused(
    start: StartLab,
) -> None:
    lab = await start(max_instances=3)
    held = await lab.hold(3)
    with pytest.raises(TooManyRequestsError, match="all 3 instances are busy"):
        await lab.call("hold")
    results = await held.release()
    assert len({result.instance_id for result in results}) == 3
    assert (await lab.call("hold", {"until": str(lab.folder)})).error is None


async def test_calls_that_wait_for_an_init_count_against_the_limit(
    start: StartLab, tmp_path: Path
) -> None:
    lab = await start(max_instances=1)
    lab.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    waiting = asyncio.create_task(lab.call("import_waits.handler"))
    await eventually(lambda: lab.states() == [State.INIT])
    with pytest.raises(TooManyRequestsError):
        await lab.call("import_waits.handler")
    (tmp_path / "go").touch()
    assert (await waiting).error is None


async def test_many_clients_each_get_the_answer_to_their_own_call(start: StartLab) -> None:
    lab = await start(max_instances=4)

    async def client(name: int) -> None:
        for number in range(50):
            assert await lab.answer("echo", [name, number]) == [name, number]

    await asyncio.gather(*(client(name) for name in range(4)))
    assert sum(instance.calls for instance in lab.pool.instances()) == 200


async def test_versions_have_instances_of_their_own(start: StartLab) -> None:
    lab = await start()
    old = await lab.call("echo", version="1")
    new = await lab.call("echo", version="2")
    assert old.instance_id != new.instance_id
    assert (await lab.call("echo", version="1")).instance_id == old.instance_id


async def test_idle_instances_of_an_old_version_make_room_for_the_new_one(start: StartLab) -> None:
    lab = await start(max_instances=2)
    await (await lab.hold(2)).release()
    new = await lab.call("echo", version="2")
    assert new.error is None
    assert [instance.version for instance in lab.pool.instances()] == ["1", "2"]


async def test_an_instance_that_becomes_idle_while_a_function_is_looked_up_is_used(
    start: StartLab,
) -> None:
    lab = await start()
    held = await lab.hold(1)
    lab.may_resolve.clear()
    call = asyncio.create_task(lab.call("hold", {"until": str(lab.folder)}))
    await asyncio.sleep(0)
    (first,) = await held.release()
    lab.may_resolve.set()
    assert (await call).instance_id == first.instance_id


async def test_the_instance_used_last_is_taken_first_so_that_extras_expire(
    start: StartLab,
) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, idle_expiry_s=600)
    await (await lab.hold(2)).release()
    for _ in range(3):
        await clock.advance(250)
        await lab.call("hold", {"until": str(lab.folder)})
    assert [instance.calls for instance in lab.pool.instances()] == [4]


async def test_an_idle_instance_expires_and_a_used_one_does_not(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, idle_expiry_s=600)
    await lab.call("echo")
    await clock.advance(599)
    await lab.call("echo")
    pid = lab.only_instance().pid
    await clock.advance(599)
    assert lab.states() == [State.IDLE]
    await clock.advance(1)
    assert lab.states() == []
    await eventually(lambda: is_gone(pid or 0))


async def test_a_busy_instance_does_not_expire(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, idle_expiry_s=60)
    held = await lab.hold(1)
    await clock.advance(300)
    assert lab.states() == [State.BUSY]
    await held.release()
    await clock.advance(59)
    assert lab.states() == [State.IDLE]
    await clock.advance(1)
    assert lab.states() == []


async def test_the_call_of_a_caller_that_went_away_goes_on(start: StartLab) -> None:
    lab = await start()
    held = await lab.hold(1)
    held.calls[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await held.release()
    await eventually(lambda: lab.states() == [State.IDLE])
    assert (await lab.call("hold", {"until": str(lab.folder)})).error is None
    assert lab.only_instance().calls == 2


async def test_the_instance_of_a_caller_that_went_away_during_init_stays(
    start: StartLab, tmp_path: Path
) -> None:
    lab = await start()
    lab.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = asyncio.create_task(lab.call("import_waits.handler"))
    await eventually(lambda: lab.states() == [State.INIT])
    call.cancel()
    (tmp_path / "go").touch()
    await eventually(lambda: lab.states() == [State.IDLE])


async def test_each_instance_has_an_idle_expiry_of_its_own(start: StartLab) -> None:
    clock = FakeClock()
    expiries_s = [300.0, 1800.0]
    lab = await start(clock=clock, idle_expiry_s=lambda: expiries_s.pop(0))
    held = await lab.hold(2)
    await held.release()
    await clock.advance(301)
    await eventually(lambda: len(lab.states()) == 1)
    await clock.advance(1400)
    assert lab.states() == [State.IDLE]
    await clock.advance(100)
    assert lab.states() == []


async def test_an_instance_in_use_all_the_time_is_recycled_all_the_same(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, idle_expiry_s=600, max_lifetime_s=7200)
    lab.timeout_s = 9000
    first = (await lab.call("echo")).instance_id
    for _ in range(13):
        await clock.advance(550)
        assert (await lab.call("echo")).instance_id == first
    await clock.advance(50)
    assert lab.states() == []
    held = await lab.hold(1)
    await clock.advance(7300)
    assert lab.states() == [State.BUSY]  # never in the middle of a call
    (result,) = await held.release()
    assert result.error is None
    assert lab.states() == []


async def test_instances_are_started_no_faster_than_lambda_does(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, scaling_per_10_s=2)
    held = await lab.hold(2)
    with pytest.raises(TooManyRequestsError, match="2 instances of hold were started within 10 s"):
        await lab.call("hold", {"until": str(lab.folder)})
    assert await lab.answer("echo", "another function") == "another function"
    await clock.advance(10)
    assert (await lab.call("hold", {"until": str(lab.folder)})).error is None
    await held.release()


async def test_a_function_has_no_more_calls_at_once_than_are_reserved_for_it(
    start: StartLab,
) -> None:
    lab = await start(max_instances=5)
    lab.reserved["hold"] = 2
    held = await lab.hold(2)
    with pytest.raises(TooManyRequestsError, match="hold has a reserved concurrency of 2"):
        await lab.call("hold", {"until": str(lab.folder)})
    assert await lab.answer("echo", "another function") == "another function"
    await held.release()
    assert (await lab.call("hold", {"until": str(lab.folder)})).error is None


@pytest.mark.parametrize(
    "limit",
    ["max_instances", "idle_expiry_s", "max_lifetime_s", "scaling_per_10_s", "init_limit_s"],
)
async def test_a_limit_that_makes_no_sense_is_refused(start: StartLab, limit: str) -> None:
    with pytest.raises(ValueError, match=f"{limit} is 0, must be above 0"):
        await start(**{limit: 0})


async def test_stop_leaves_no_process_and_answers_every_caller(
    start: StartLab, tmp_path: Path
) -> None:
    lab = await start()
    temporary = Path(await lab.answer("write_temporary_file"))
    held = await lab.hold(2)
    lab.environment = {"IMPORT_UNTIL": str(tmp_path / "never")}
    in_init = asyncio.create_task(lab.call("import_waits.handler"))
    not_started_yet = asyncio.create_task(lab.call("echo"))
    await eventually(lambda: len(lab.states()) == 5)
    await lab.pool.stop()
    assert lab.processes() == []
    assert not temporary.parent.exists()
    for call in (*held.calls, in_init, not_started_yet):
        result = await call
        assert result.error
        assert "the instance pool was stopped" in result.error.message


async def test_stop_may_be_repeated_and_a_stopped_pool_refuses_calls(start: StartLab) -> None:
    lab = await start()
    await lab.call("echo")
    await asyncio.gather(lab.pool.stop(), lab.pool.stop())
    await lab.pool.stop()
    with pytest.raises(InvokeRefusedError, match="not running"):
        await lab.call("echo")


async def test_a_call_whose_function_is_looked_up_while_the_pool_stops_is_refused(
    start: StartLab,
) -> None:
    lab = await start()
    lab.may_resolve.clear()
    call = asyncio.create_task(lab.call("echo"))
    await asyncio.sleep(0)
    await lab.pool.stop()
    lab.may_resolve.set()
    with pytest.raises(InvokeRefusedError, match="not running"):
        await call


async def test_nothing_of_an_instance_is_left_when_it_is_gone(start: StartLab) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, idle_expiry_s=60)
    before = asyncio.all_tasks()
    await (await lab.hold(2)).release()
    assert asyncio.all_tasks() > before
    await clock.advance(60)
    await eventually(lambda: asyncio.all_tasks() == before)


async def test_no_instance_outlives_a_pool_that_is_killed(
    runtime_python: str, tmp_path: Path
) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable,
        str(FUNCTIONS.parent / "orphaning_pool.py"),
        runtime_python,
        str(FUNCTIONS),
        str(tmp_path / "release"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(FUNCTIONS.parents[2])},
    )
    assert owner.stdout
    idle, busy = json.loads(await owner.stdout.readline())
    assert not is_gone(idle)
    assert not is_gone(busy)
    owner.kill()
    await owner.wait()
    await eventually(lambda: is_gone(idle))
    if sys.platform != "linux":
        # Elsewhere a busy instance notices only when its call is over.
        (tmp_path / "release").touch()
    await eventually(lambda: is_gone(busy))
