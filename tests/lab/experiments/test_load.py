"""The load clients: outcomes, retries, and latency from the intended send time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from lab.experiments.load import Load, call_at_once
from lab.load import wake_at_once
from tests.ports import closed_port
from warmlens.errors import WarmlensError
from warmlens.local.loopback import serving


class Api:
    """Answers each call by the next of some statuses, once so many are under way together."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.together = 1
        self.calls = self.busy = self.peak = 0
        self._all_here = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.calls += 1
        number = self.calls
        self.busy += 1
        self.peak = max(self.peak, self.busy)
        body = await request.json()
        if self.busy >= self.together:
            self._all_here.set()
        await self._all_here.wait()
        self.busy -= 1
        status = self.statuses.pop(0) if self.statuses else 200
        answer = {"cold_start": number == 1, "instance_id": str(number % 2), **body}
        return web.json_response(answer if status == 200 else {}, status=status)


@pytest.fixture
async def served() -> AsyncIterator[tuple[Api, str]]:
    api = Api()
    app = web.Application()
    app.router.add_post("/{call}", api.answer)
    async with serving(app) as url:
        yield api, url


async def load(url: str, **settings: Any) -> dict[str, list[float]]:
    plan = Load(**{"calls": 5, "arrivals": "closed", **settings})
    return await call_at_once(f"{url}/classification", {"a": 1}, plan, {})


def counts(outcomes: dict[str, list[float]]) -> dict[str, int]:
    return {name: len(values) for name, values in outcomes.items() if values}


async def test_outcomes_are_counted_separately(served: tuple[Api, str]) -> None:
    api, url = served
    api.statuses = [200, 429, 500, 200, 200]
    assert counts(await load(url)) == {
        "cold_ms": 1,
        "throttled_ms": 1,
        "refusals": 1,
        "failed_ms": 1,
        "warm_ms": 2,
        "span_ms": 1,
    }


async def test_clients_that_try_again_are_served_and_their_waits_count(
    served: tuple[Api, str],
) -> None:
    api, url = served
    api.statuses = [429, 429]
    outcomes = await load(url, calls=1, retry=True)
    assert api.calls == 3
    assert outcomes["refusals"] == [2]
    assert len(outcomes["warm_ms"]) == 1
    assert outcomes["throttled_ms"] == []


async def test_closed_calls_are_all_sent_at_once(served: tuple[Api, str]) -> None:
    api, url = served
    api.together = 20  # none is answered before all of them came
    answered = await load(url, calls=20)
    assert len(answered["cold_ms"]) + len(answered["warm_ms"]) == 20


async def test_open_calls_come_one_after_another(served: tuple[Api, str]) -> None:
    api, url = served
    await load(url, calls=10, arrivals="open", open_s=3)
    assert api.calls == 10
    assert api.peak < 10


async def test_an_api_that_is_not_there_is_a_failure_and_no_exception() -> None:
    with closed_port() as url:
        outcomes = await load(url, calls=2)
    assert counts(outcomes) == {"unanswered_ms": 2, "span_ms": 1}


async def test_waking_returns_the_instances_that_answered(served: tuple[Api, str]) -> None:
    _, url = served
    assert await wake_at_once(url, 4, 10, {}) == {"0": False, "1": False}


async def test_a_wakeup_that_is_refused_stops_the_measurement(served: tuple[Api, str]) -> None:
    api, url = served
    api.statuses = [429]
    with pytest.raises(WarmlensError, match="429"):
        await wake_at_once(url, 1, 10, {})
