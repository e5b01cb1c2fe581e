"""The fake Lambda: management of instances, and calls held until they overlap."""

import asyncio

from lab.experiments.fake_lambda import FakeLambda, FakeLambdaTimes

TIMES = FakeLambdaTimes(service_ms=[20.0], cold_start_ms=[60.0])


async def test_calls_beyond_the_warm_instances_are_cold() -> None:
    fake_lambda = FakeLambda(TIMES)
    fake_lambda.reset(5, TIMES)
    answers = await asyncio.gather(*(fake_lambda.call() for _ in range(8)))
    assert sum(answer["cold_start"] for answer in answers) == 3
    assert len({answer["instance_id"] for answer in answers}) == 8
    assert fake_lambda.peak == 8


async def test_calls_one_after_another_take_the_instance_used_last() -> None:
    fake_lambda = FakeLambda(TIMES)
    first = await fake_lambda.call()
    second = await fake_lambda.call()
    assert (first["cold_start"], second["cold_start"]) == (True, False)
    assert first["instance_id"] == second["instance_id"]


async def test_a_call_takes_a_measured_time() -> None:
    fake_lambda = FakeLambda(FakeLambdaTimes(service_ms=[20.0, 30.0], cold_start_ms=[60.0]))
    assert (await fake_lambda.call())["time"] == 0.06
    assert (await fake_lambda.call())["time"] in (0.02, 0.03)


async def test_the_peak_is_that_since_it_was_asked_last() -> None:
    fake_lambda = FakeLambda(TIMES)
    await asyncio.gather(*(fake_lambda.call() for _ in range(3)))
    assert fake_lambda.peak == 3
    assert fake_lambda.peak == 0


async def test_calls_are_held_until_enough_of_them_wait() -> None:
    fake_lambda = FakeLambda(FakeLambdaTimes(service_ms=[0.0], cold_start_ms=[0.0]))
    fake_lambda.hold(until_busy=3)
    calls = [asyncio.create_task(fake_lambda.call()) for _ in range(2)]
    _, waiting = await asyncio.wait(calls, timeout=0.05)
    assert len(waiting) == 2
    await asyncio.gather(fake_lambda.call(), *calls)
    assert fake_lambda.peak == 3


async def test_held_calls_can_be_released() -> None:
    fake_lambda = FakeLambda(FakeLambdaTimes(service_ms=[0.0], cold_start_ms=[0.0]))
    fake_lambda.hold(until_busy=2)
    call = asyncio.create_task(fake_lambda.call())
    await asyncio.sleep(0)
    fake_lambda.release()
    assert (await call)["cold_start"]
