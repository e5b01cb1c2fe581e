"""Asynchronous calls: taken at once, retried as AWS documents, discarded in the end."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.integration import pool_lab
from tests.integration.pool_lab import FakeClock, Lab, StartLab, eventually
from warmlens.runtime.event_queue import EventQueue, QueuedEvent
from warmlens.runtime.instance import State

start = pool_lab.start  # a fixture


class Queue:
    """A queue before a pool, and what it gave up."""

    def __init__(self, lab: Lab, clock: FakeClock) -> None:
        self.discarded: list[tuple[QueuedEvent, str]] = []
        self.events = EventQueue(lab.pool, on_discarded=self._discard, clock=clock)

    def _discard(self, event: QueuedEvent, reason: str) -> None:
        self.discarded.append((event, reason))

    def put(self, function: str, event: object = None) -> None:
        self.events.put(
            function=function, version="1", payload=json.dumps(event).encode(), request_id="event-1"
        )


@pytest.fixture
async def queues() -> AsyncIterator[list[Queue]]:
    """Queues that are stopped after the test."""
    made: list[Queue] = []
    yield made
    for queue in made:
        await queue.events.stop()


async def reports(lab: Lab, count: int) -> None:
    await eventually(lambda: len(lab.logged("REPORT")) == count)


async def test_a_call_is_taken_before_it_is_run(start: StartLab, queues: list[Queue]) -> None:
    clock = FakeClock()
    lab = await start(clock=clock)
    queues.append(queue := Queue(lab, clock))
    queue.put("echo", 1)
    assert lab.states() == []
    await eventually(lambda: bool(lab.logged("REPORT RequestId: event-1")))
    assert queue.discarded == []


async def test_a_call_that_fails_is_run_again_after_one_and_after_two_minutes(
    start: StartLab, queues: list[Queue]
) -> None:
    clock = FakeClock()
    lab = await start(clock=clock)
    queues.append(queue := Queue(lab, clock))
    queue.put("fail", {"depth": 0})
    for attempts, wait_s in ((1, 60), (2, 120)):
        await reports(lab, attempts)
        await clock.advance(wait_s - 1)
        assert len(lab.logged("START")) == attempts
        await clock.advance(1)
    await eventually(lambda: bool(queue.discarded))
    assert len(lab.logged("START RequestId: event-1")) == 3
    ((event, reason),) = queue.discarded
    assert (event.function, reason) == ("fail", "no such colour")


async def test_a_throttled_call_waits_longer_each_time_and_runs_in_the_end(
    start: StartLab, queues: list[Queue]
) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, max_instances=1)
    lab.timeout_s = 10**6
    queues.append(queue := Queue(lab, clock))
    held = await lab.hold(1)
    queue.put("echo", 1)
    await clock.advance(3600)
    assert lab.states() == [State.BUSY]
    await held.release()
    await clock.advance(300)
    await eventually(lambda: bool(lab.logged("REPORT RequestId: event-1")))
    assert queue.discarded == []


async def test_a_call_that_is_throttled_for_six_hours_is_discarded(
    start: StartLab, queues: list[Queue]
) -> None:
    clock = FakeClock()
    lab = await start(clock=clock, max_instances=1)
    lab.timeout_s = 10**6
    queues.append(queue := Queue(lab, clock))
    held = await lab.hold(1)
    queue.put("echo", 1)
    await clock.advance(5 * 3600)
    assert queue.discarded == []
    await clock.advance(3600)
    await asyncio.sleep(0)
    ((_, reason),) = queue.discarded
    assert "Rate Exceeded" in reason
    await held.release()


async def test_a_call_that_can_never_run_is_discarded_at_once(
    start: StartLab, queues: list[Queue]
) -> None:
    clock = FakeClock()
    lab = await start(clock=clock)
    queues.append(queue := Queue(lab, clock))
    await lab.pool.stop()
    queue.put("echo", 1)
    await eventually(lambda: bool(queue.discarded))
    assert "not running" in queue.discarded[0][1]
