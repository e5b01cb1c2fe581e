"""The instance pool: choice and lifetime of instances, and shutdown."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.integration import pool_harness
from tests.integration.pool_harness import FUNCTIONS, FakeClock, StartHarness, eventually, is_gone
from warmlens.runtime.instance import State
from warmlens.runtime.invocation import (
    InvokeRefusedError,
    TooManyRequestsError,
)

start = pool_harness.start  # a fixture


async def test_a_second_call_after_the_first_is_on_the_same_instance(start: StartHarness) -> None:
    harness = await start()
    first = await harness.call("echo", {"n": 1})
    second = await harness.call("echo", {"n": 2})
    assert [json.loads(result.payload) for result in (first, second)] == [{"n": 1}, {"n": 2}]
    assert first.instance_id == second.instance_id
    assert harness.only_instance().calls == 2


async def test_two_calls_at_once_are_on_two_instances(start: StartHarness) -> None:
    harness = await start()
    results = await (await harness.hold(2)).release()
    assert results[0].instance_id != results[1].instance_id


async def test_overlapping_calls_are_on_distinct_instances_and_one_too_many_is_refused(
    start: StartHarness,
) -> None:
    harness = await start(max_instances=3)
    held = await harness.hold(3)
    with pytest.raises(TooManyRequestsError, match="all 3 instances are busy"):
        await harness.call("hold")
    results = await held.release()
    assert len({result.instance_id for result in results}) == 3
    assert (await harness.call("hold", {"until": str(harness.folder)})).error is None


async def test_calls_that_wait_for_an_init_count_against_the_limit(
    start: StartHarness, tmp_path: Path
) -> None:
    harness = await start(max_instances=1)
    harness.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    waiting = asyncio.create_task(harness.call("import_waits.handler"))
    await eventually(lambda: harness.states() == [State.INIT])
    with pytest.raises(TooManyRequestsError):
        await harness.call("import_waits.handler")
    (tmp_path / "go").touch()
    assert (await waiting).error is None


async def test_many_clients_each_get_the_answer_to_their_own_call(start: StartHarness) -> None:
    harness = await start(max_instances=4)

    async def client(name: int) -> None:
        for number in range(50):
            assert await harness.answer("echo", [name, number]) == [name, number]

    await asyncio.gather(*(client(name) for name in range(4)))
    assert sum(instance.calls for instance in harness.pool.instances()) == 200


async def test_versions_have_instances_of_their_own(start: StartHarness) -> None:
    harness = await start()
    old = await harness.call("echo", version="1")
    new = await harness.call("echo", version="2")
    assert old.instance_id != new.instance_id
    assert (await harness.call("echo", version="1")).instance_id == old.instance_id


async def test_idle_instances_of_an_old_version_make_room_for_the_new_one(
    start: StartHarness,
) -> None:
    harness = await start(max_instances=2)
    await (await harness.hold(2)).release()
    new = await harness.call("echo", version="2")
    assert new.error is None
    assert [instance.version for instance in harness.pool.instances()] == ["1", "2"]


async def test_an_instance_that_becomes_idle_while_a_function_is_looked_up_is_used(
    start: StartHarness,
) -> None:
    harness = await start()
    held = await harness.hold(1)
    harness.may_resolve.clear()
    call = asyncio.create_task(harness.call("hold", {"until": str(harness.folder)}))
    await asyncio.sleep(0)
    (first,) = await held.release()
    harness.may_resolve.set()
    assert (await call).instance_id == first.instance_id


async def test_the_instance_used_last_is_taken_first_so_that_extras_expire(
    start: StartHarness,
) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, idle_expiry_s=600)
    await (await harness.hold(2)).release()
    for _ in range(3):
        await clock.advance(250)
        await harness.call("hold", {"until": str(harness.folder)})
    assert [instance.calls for instance in harness.pool.instances()] == [4]


async def test_an_idle_instance_expires_and_a_used_one_does_not(start: StartHarness) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, idle_expiry_s=600)
    await harness.call("echo")
    await clock.advance(599)
    await harness.call("echo")
    pid = harness.only_instance().pid
    await clock.advance(599)
    assert harness.states() == [State.IDLE]
    await clock.advance(1)
    assert harness.states() == []
    await eventually(lambda: is_gone(pid or 0))


async def test_a_busy_instance_does_not_expire(start: StartHarness) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, idle_expiry_s=60)
    held = await harness.hold(1)
    await clock.advance(300)
    assert harness.states() == [State.BUSY]
    await held.release()
    await clock.advance(59)
    assert harness.states() == [State.IDLE]
    await clock.advance(1)
    assert harness.states() == []


async def test_the_call_of_a_caller_that_went_away_goes_on(start: StartHarness) -> None:
    harness = await start()
    held = await harness.hold(1)
    held.calls[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await held.release()
    await eventually(lambda: harness.states() == [State.IDLE])
    assert (await harness.call("hold", {"until": str(harness.folder)})).error is None
    assert harness.only_instance().calls == 2


async def test_the_instance_of_a_caller_that_went_away_during_init_stays(
    start: StartHarness, tmp_path: Path
) -> None:
    harness = await start()
    harness.environment = {"IMPORT_UNTIL": str(tmp_path / "go")}
    call = asyncio.create_task(harness.call("import_waits.handler"))
    await eventually(lambda: harness.states() == [State.INIT])
    call.cancel()
    (tmp_path / "go").touch()
    await eventually(lambda: harness.states() == [State.IDLE])


async def test_each_instance_has_an_idle_expiry_of_its_own(start: StartHarness) -> None:
    clock = FakeClock()
    expiries_s = [300.0, 1800.0]
    harness = await start(clock=clock, idle_expiry_s=lambda: expiries_s.pop(0))
    held = await harness.hold(2)
    await held.release()
    await clock.advance(301)
    await eventually(lambda: len(harness.states()) == 1)
    await clock.advance(1400)
    assert harness.states() == [State.IDLE]
    await clock.advance(100)
    assert harness.states() == []


async def test_an_instance_in_use_all_the_time_is_recycled_all_the_same(
    start: StartHarness,
) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, idle_expiry_s=600, max_lifetime_s=7200)
    harness.timeout_s = 9000
    first = (await harness.call("echo")).instance_id
    for _ in range(13):
        await clock.advance(550)
        assert (await harness.call("echo")).instance_id == first
    await clock.advance(50)
    assert harness.states() == []
    held = await harness.hold(1)
    await clock.advance(7300)
    assert harness.states() == [State.BUSY]  # never in the middle of a call
    (result,) = await held.release()
    assert result.error is None
    assert harness.states() == []


async def test_a_cold_start_waits_for_the_platform_before_its_process_and_a_warm_call_does_not(
    start: StartHarness,
) -> None:
    clock = FakeClock()
    platform_s = [20.0, 0.25]  # one is longer than an init may take
    harness = await start(clock=clock, platform_s=platform_s.pop, init_limit_s=10)
    cold = asyncio.create_task(harness.call("echo"))
    await eventually(lambda: len(platform_s) == 1)
    await clock.advance(0.2)
    assert (harness.states(), harness.processes()) == ([State.INIT], [])
    await clock.advance(0.05)
    result = await cold
    # No time passes on this clock while the process starts; the platform's is not part of init.
    assert (result.error, result.init_ms) == (None, 0.0)
    assert (await harness.call("echo")).init_ms is None
    other = asyncio.create_task(harness.call("hold", {"until": str(harness.folder)}))
    await eventually(lambda: not platform_s)
    await clock.advance(20)
    assert (await other).error is None


async def test_a_stopped_pool_answers_a_call_that_waits_for_the_platform(
    start: StartHarness,
) -> None:
    clock = FakeClock()
    platform_s = [1.0]
    harness = await start(clock=clock, platform_s=platform_s.pop)
    call = asyncio.create_task(harness.call("echo"))
    await eventually(lambda: not platform_s)
    await clock.advance(0.5)
    await harness.pool.stop()
    error = (await call).error
    assert error is not None
    assert error.message.endswith("the instance pool was stopped")
    assert (harness.states(), harness.logged("INIT_REPORT")) == ([], [])


@pytest.mark.parametrize(("reserved", "at_once"), [(None, 20), (1, 10)])
async def test_requests_beyond_ten_a_second_for_each_unit_of_concurrency_are_refused(
    start: StartHarness, reserved: int | None, at_once: int
) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, max_instances=2, per_environment_limit="account")
    harness.reserved = {} if reserved is None else {"echo": reserved}
    for _ in range(at_once):
        assert (await harness.call("echo")).error is None
    with pytest.raises(TooManyRequestsError, match=f"more than {at_once} requests in a second"):
        await harness.call("echo")
    await clock.advance(1 / at_once)
    assert (await harness.call("echo")).error is None
    with pytest.raises(TooManyRequestsError):
        await harness.call("echo")
    assert harness.only_instance().calls == at_once + 1


async def test_functions_share_the_accounts_requests_and_a_reserved_one_has_its_own(
    start: StartHarness,
) -> None:
    harness = await start(clock=FakeClock(), max_instances=3, per_environment_limit="account")
    harness.reserved = {"fail": 1}
    for _ in range(29):
        await harness.call("echo")
    await harness.call("hold", {"until": str(harness.folder)})
    for function in ("echo", "hold"):
        with pytest.raises(TooManyRequestsError):
            await harness.call(function)
    assert (await harness.error("fail", {"depth": 0})).error_type == "ValueError"


async def test_read_strictly_an_instance_serves_ten_requests_a_second_and_the_next_starts_cold(
    start: StartHarness,
) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, max_instances=3, per_environment_limit="environment")
    other = await harness.hold(1)
    results = [await harness.call("echo") for _ in range(11)]
    assert [result.init_ms is None for result in results] == [False, *[True] * 9, False]
    for _ in range(9):
        assert (await harness.call("echo")).instance_id == results[-1].instance_id
    # There is no room for a further one: idle ones that have served their ten do not make it.
    with pytest.raises(TooManyRequestsError, match="all 3 instances are busy"):
        await harness.call("echo")
    await clock.advance(1)
    assert (await harness.call("echo")).init_ms is None
    await other.release()


async def test_instances_are_started_no_faster_than_lambda_does(start: StartHarness) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, scaling_per_10_s=2)
    held = await harness.hold(2)
    with pytest.raises(TooManyRequestsError, match="2 instances of hold were started within 10 s"):
        await harness.call("hold", {"until": str(harness.folder)})
    assert await harness.answer("echo", "another function") == "another function"
    await clock.advance(10)
    assert (await harness.call("hold", {"until": str(harness.folder)})).error is None
    await held.release()


async def test_a_call_that_is_refused_ends_no_idle_instance(start: StartHarness) -> None:
    harness = await start(clock=FakeClock(), max_instances=3, scaling_per_10_s=2)
    held = await harness.hold(2)
    assert await harness.answer("echo", "another function") == "another function"
    await eventually(lambda: State.IDLE in harness.states())
    with pytest.raises(TooManyRequestsError, match="2 instances of hold were started within 10 s"):
        await harness.call("hold", {"until": str(harness.folder)})
    assert State.IDLE in harness.states()
    await held.release()


async def test_a_function_has_no_more_calls_at_once_than_are_reserved_for_it(
    start: StartHarness,
) -> None:
    harness = await start(max_instances=5)
    harness.reserved["hold"] = 2
    held = await harness.hold(2)
    with pytest.raises(TooManyRequestsError, match="hold has a reserved concurrency of 2"):
        await harness.call("hold", {"until": str(harness.folder)})
    assert await harness.answer("echo", "another function") == "another function"
    await held.release()
    assert (await harness.call("hold", {"until": str(harness.folder)})).error is None


@pytest.mark.parametrize(
    "limit",
    ["max_instances", "idle_expiry_s", "max_lifetime_s", "scaling_per_10_s", "init_limit_s"],
)
async def test_a_limit_that_makes_no_sense_is_refused(start: StartHarness, limit: str) -> None:
    with pytest.raises(ValueError, match=f"{limit} is 0, must be above 0"):
        await start(**{limit: 0})


async def test_stop_leaves_no_process_and_answers_every_caller(
    start: StartHarness, tmp_path: Path
) -> None:
    harness = await start()
    temporary = Path(await harness.answer("write_temporary_file"))
    held = await harness.hold(2)
    harness.environment = {"IMPORT_UNTIL": str(tmp_path / "never")}
    in_init = asyncio.create_task(harness.call("import_waits.handler"))
    not_started_yet = asyncio.create_task(harness.call("echo"))
    await eventually(lambda: len(harness.states()) == 5)
    await harness.pool.stop()
    assert harness.processes() == []
    assert not temporary.parent.exists()
    for call in (*held.calls, in_init, not_started_yet):
        result = await call
        assert result.error
        assert "the instance pool was stopped" in result.error.message


async def test_stop_may_be_repeated_and_a_stopped_pool_refuses_calls(start: StartHarness) -> None:
    harness = await start()
    await harness.call("echo")
    await asyncio.gather(harness.pool.stop(), harness.pool.stop())
    await harness.pool.stop()
    with pytest.raises(InvokeRefusedError, match="not running"):
        await harness.call("echo")


async def test_a_call_whose_function_is_looked_up_while_the_pool_stops_is_refused(
    start: StartHarness,
) -> None:
    harness = await start()
    harness.may_resolve.clear()
    call = asyncio.create_task(harness.call("echo"))
    await asyncio.sleep(0)
    await harness.pool.stop()
    harness.may_resolve.set()
    with pytest.raises(InvokeRefusedError, match="not running"):
        await call


async def test_nothing_of_an_instance_is_left_when_it_is_gone(start: StartHarness) -> None:
    clock = FakeClock()
    harness = await start(clock=clock, idle_expiry_s=60)
    before = asyncio.all_tasks()
    await (await harness.hold(2)).release()
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
