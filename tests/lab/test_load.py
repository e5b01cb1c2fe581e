"""The load generator, with latency from the intended send time."""

import asyncio
import random
import time

import pytest

from lab.bench.replay.run import SkippingClock
from lab.load import poisson_moments, send_at, send_in_loop


async def test_a_late_call_counts_from_its_intended_send_time() -> None:
    async def call(number: int) -> int:
        if number == 0:
            time.sleep(0.2)  # noqa: ASYNC251 - the generator itself falls behind
        return number

    first, second = await send_at([0.0, 0.05], call)
    assert (first.result, second.result) == (0, 1)
    assert second.sent_s == 0.05
    assert second.latency_ms >= 140


async def test_open_load_does_not_wait_for_answers() -> None:
    begun: list[int] = []
    all_begun = asyncio.Event()

    async def call(number: int) -> None:
        begun.append(number)
        if len(begun) == 3:
            all_begun.set()
        await all_begun.wait()

    await send_at([0.0, 0.01, 0.02], call)
    assert begun == [0, 1, 2]


async def test_closed_load_keeps_as_many_calls_in_flight_as_clients() -> None:
    in_flight = peak = 0

    async def call() -> None:
        nonlocal in_flight, peak
        in_flight += 1
        peak = max(peak, in_flight)
        await asyncio.sleep(0.01)
        in_flight -= 1

    calls = await send_in_loop(call, clients=3, more=lambda finished, _: finished < 12)
    assert peak == 3
    assert 12 <= len(calls) < 15
    assert all(each.latency_ms >= 9 for each in calls)


def test_poisson_moments_are_ascending_at_their_rate() -> None:
    moments_s = poisson_moments(100, 50, random.Random(1))
    assert moments_s == sorted(moments_s)
    assert moments_s[-1] < 50
    assert len(moments_s) == pytest.approx(5_000, rel=0.05)


async def test_idle_time_is_skipped_and_a_call_in_flight_is_not() -> None:
    clock = SkippingClock()
    begun_s = time.monotonic()

    async def call(_: int) -> float:
        await asyncio.sleep(0.2)
        return time.monotonic() - begun_s

    first, second = await send_at([0.1, 86_400.0], call, clock=clock)
    an_hour_ms = 3_600_000  # much of a day, and more than a slow machine takes for both calls
    assert 190 <= first.latency_ms < an_hour_ms
    assert 0.2 < second.result * 1000 < an_hour_ms
    assert 190 <= second.latency_ms < an_hour_ms
