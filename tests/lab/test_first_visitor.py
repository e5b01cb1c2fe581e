"""The benchmark of the first visitor's wait: the phone's link, the visits, and their table."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from lab.bench.first_visitor.cloud import visited_cloud
from lab.bench.first_visitor.comparison import table
from lab.bench.first_visitor.link import PhoneLink
from lab.bench.first_visitor.visits import (
    API_ONLY,
    BEFORE,
    LATER,
    WOKEN,
    WOKEN_DIRECT,
    Visit,
    Visitor,
    visit,
)
from lab.bench.speed.photos import photo
from warmlens.local.loopback import serving
from warmlens.records import Record

PHOTO = b"photo" * 20_000


@asynccontextmanager
async def echo_over(link: PhoneLink) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A call over the link that sends the photo and must get it back."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    server = web.Application()
    server.router.add_post("/", echo)
    async with serving(server) as url, link.to(url) as phone, aiohttp.ClientSession() as session:

        async def call() -> None:
            async with session.post(phone, data=PHOTO) as answer:
                assert await answer.read() == PHOTO

        yield call


async def test_a_link_delivers_everything_and_nothing_earlier_than_it_can() -> None:
    link = PhoneLink(round_trip_s=0.02, up_mbit_per_s=20)
    async with echo_over(link) as call:
        begun_s = time.monotonic()
        await call()
        first_s = time.monotonic() - begun_s
        await call()  # on the same connection: no handshakes
        await asyncio.gather(call(), call())
        all_s = time.monotonic() - begun_s
    up_s = len(PHOTO) * 8 / 20e6
    assert first_s >= 3 * 0.02 + up_s
    assert all_s >= 3 * 0.02 + 4 * up_s  # calls at once share the uplink


async def test_a_link_ends_with_the_server_that_hangs_up() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.abort()
        return web.Response()

    server = web.Application()
    server.router.add_get("/", hang_up)
    link = PhoneLink(round_trip_s=0.001)
    async with serving(server) as url, link.to(url) as phone, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(phone)


async def test_only_a_visitor_for_whom_nothing_was_woken_meets_a_cold_start(tmp_path: Path) -> None:
    link, picture = PhoneLink(round_trip_s=0.001, up_mbit_per_s=1000), photo(0.3)
    async with (
        visited_cloud(tmp_path) as cloud,
        link.to(cloud.url) as api_url,
        link.to(cloud.storage_url) as storage_url,
    ):
        cloud.platform_s = 0.2

        async def one(visitor: Visitor) -> Visit:
            return await visit(
                cloud, visitor, 600, picture, api_url=api_url, storage_url=storage_url
            )

        before, after, later = await one(BEFORE), await one(WOKEN), await one(LATER)
        direct = await one(WOKEN_DIRECT)
        starts = len([line for line in cloud.log if "Init Duration" in line])
    assert [each.cold_start for each in (before, after, later, direct)] == [
        True,
        False,
        False,
        False,
    ]
    # Both functions of the first visitor wait for the platform.
    assert min(before.parts_ms["uploads"], before.parts_ms["classification"]) >= 200
    assert starts == 6  # two for each who finds nothing


def test_a_target_is_reached_or_not_only_where_the_whole_interval_is_on_one_side() -> None:
    def ratio(value: float, low: float, high: float) -> dict[str, Any]:
        kept = {"value": value, "of": "medians", "interval": [low, high]}
        return {"ratio": value, "ratios": {LATER.name: kept}}

    later = Record(
        name=LATER.name, metric="wait_ms", value=500, unit="ms", kind="measured",
        conditions={"platform_ms": 250, "pause_s": 0.0},
        command="python -m lab bench first-visitor", machine="a machine", date="2026-11-30",
        samples=30, ratio_to=LATER.name, **ratio(1, 1, 1),
    )  # fmt: skip
    before = dataclasses.replace(later, name=BEFORE.name, value=2000, **ratio(4, 3.5, 4.5))
    fast = dataclasses.replace(later, name=WOKEN.name, value=600, **ratio(1.15, 1.1, 1.2))
    unsure = dataclasses.replace(later, name=API_ONLY.name, value=610, **ratio(1.19, 1.1, 1.3))
    text = table([later, before, fast, unsure])
    assert "on 2026-11-30, a machine; medians of 30 visits" in text
    assert "| later visitor | 0 | 500 ms |  |" in text
    assert "| before | 0 | 2,000 ms, 4.00 (3.50 to 4.50) | no |" in text
    assert "| page wakes both functions | 0 | 600 ms, 1.15 (1.10 to 1.20) | yes |" in text
    assert "| without the page | 0 | 610 ms, 1.19 (1.10 to 1.30) | open |" in text


def test_four_visits_have_no_interval() -> None:
    kept = {"ratio_interval": (5.21, 7.27), "platform_ms": 0, "pause_s": 0.0}
    few = Record(
        name=BEFORE.name, metric="wait_ms", value=3547, unit="ms", kind="measured",
        conditions=kept, command="python -m lab bench first-visitor", machine="a machine",
        date="2026-11-30", samples=4, ratio=6.5, ratio_to=LATER.name,
    )  # fmt: skip
    text = table([few])
    assert "| before | 0 | 3,547 ms, 6.50 | no |" in text
    assert "5.21" not in text
