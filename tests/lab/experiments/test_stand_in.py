"""The stand-in keeps instances as Lambda does."""

import asyncio

from lab.experiments.stand_in import StandIn, StandInTimes

TIMES = StandInTimes(service_ms=[20.0], cold_start_ms=[60.0])


async def test_calls_beyond_the_warm_instances_are_cold() -> None:
    stand_in = StandIn(TIMES)
    stand_in.reset(5, TIMES)
    answers = await asyncio.gather(*(stand_in.call() for _ in range(8)))
    assert sum(answer["cold_start"] for answer in answers) == 3
    assert len({answer["instance_id"] for answer in answers}) == 8
    assert stand_in.peak == 8


async def test_calls_one_after_another_take_the_instance_used_last() -> None:
    stand_in = StandIn(TIMES)
    first = await stand_in.call()
    second = await stand_in.call()
    assert (first["cold_start"], second["cold_start"]) == (True, False)
    assert first["instance_id"] == second["instance_id"]


async def test_a_call_takes_a_measured_time() -> None:
    stand_in = StandIn(StandInTimes(service_ms=[20.0, 30.0], cold_start_ms=[60.0]))
    assert (await stand_in.call())["time"] == 0.06
    assert (await stand_in.call())["time"] in (0.02, 0.03)


async def test_the_peak_is_that_since_it_was_asked_last() -> None:
    stand_in = StandIn(TIMES)
    await asyncio.gather(*(stand_in.call() for _ in range(3)))
    assert stand_in.peak == 3
    assert stand_in.peak == 0
