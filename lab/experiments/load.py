"""Clients that call the API at once: closed (as JMeter's threads) or open (at a rate)."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp

TIMEOUT_S = 60
RETRIES = 8
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0
_CONNECTING = 50


class LoadError(Exception):
    """The API does not do what a measurement needs; the message says what it did."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """Calls to make.

    Attributes:
        calls: how many.
        arrivals: `closed`: all are sent at once, by one client each, as a test plan with as many
            threads does; `open`: they come independently of each other within `open_s` seconds,
            as users do.
        open_s: for `open`, the seconds within which all come.
        retry: wait and send again on 429, as AWS's SDKs do.
        seed: draws the arrivals and the waits.
    """

    calls: int
    arrivals: str
    open_s: float = 1.0
    retry: bool = False
    seed: int = 0


async def call_at_once(
    url: str, body: Mapping[str, Any], load: Load, headers: Mapping[str, str]
) -> dict[str, list[float]]:
    """Make the calls and return latencies in milliseconds by outcome.

    Each call has a client of its own, whose connection is open before. A latency counts from the
    moment at which the call was to be sent, waits between retries included. Outcomes: `warm_ms`,
    `cold_ms`, `throttled_ms` (429 to the last), `failed_ms` (any other status), `unanswered_ms`
    (no answer); `refusals` has the number of 429 of each call that met some, `span_ms` the
    time from the first call to the last answer.

    Args:
        url: the call's address.
        body: its JSON.
        load: how many, and when.
        headers: what the API asks for.
    """
    chance = random.Random(load.seed)
    outcomes: dict[str, list[float]] = {
        "warm_ms": [],
        "cold_ms": [],
        "throttled_ms": [],
        "failed_ms": [],
        "unanswered_ms": [],
        "refusals": [],
    }
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(_client(headers)) for _ in range(load.calls)]
        await _connect(clients, url)
        begin_s = time.perf_counter() + 0.05
        moments = sorted(
            begin_s + (chance.random() * load.open_s if load.arrivals == "open" else 0.0)
            for _ in range(load.calls)
        )

        async def one(client: aiohttp.ClientSession, moment_s: float) -> None:
            await asyncio.sleep(max(0.0, moment_s - time.perf_counter()))
            attempts, refusals = 0, 0
            while True:
                attempts += 1
                outcome = await _send(client, url, body)
                refusals += outcome == "throttled_ms"
                if outcome != "throttled_ms" or not load.retry or attempts > RETRIES:
                    break
                # Full jitter: any wait up to the doubled one, so that clients do not meet again.
                longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (attempts - 1))
                await asyncio.sleep(chance.random() * longest_s)
            outcomes[outcome].append((time.perf_counter() - moment_s) * 1000)
            if refusals:
                outcomes["refusals"].append(refusals)

        await asyncio.gather(*map(one, clients, moments))
        outcomes["span_ms"] = [(time.perf_counter() - begin_s) * 1000]
    return outcomes


def _client(headers: Mapping[str, str]) -> aiohttp.ClientSession:
    """Return a client with one connection of its own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        headers=dict(headers),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def _connect(clients: Sequence[aiohttp.ClientSession], url: str) -> None:
    """Open the clients' connections, a few at a time, by requests that call nothing.

    A thousand at once overflow the queue of a server that accepts a hundred, as the emulator's
    does; the kernel's repeated attempts, a second apart, would be measured instead of the API.
    """

    async def one(client: aiohttp.ClientSession) -> None:
        try:
            async with client.get(url) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return  # the call will tell

    for begin in range(0, len(clients), _CONNECTING):
        await asyncio.gather(*map(one, clients[begin : begin + _CONNECTING]))


async def _send(session: aiohttp.ClientSession, url: str, body: Mapping[str, Any]) -> str:
    try:
        async with session.post(url, json=body) as response:
            if response.status == 429:
                await response.read()
                return "throttled_ms"
            if response.status != 200:
                await response.read()
                return "failed_ms"
            answer = await response.json()
            return "cold_ms" if answer.get("cold_start") else "warm_ms"
    except (aiohttp.ClientError, TimeoutError):
        return "unanswered_ms"
    except ValueError:
        return "failed_ms"


async def wake_at_once(
    url: str, instances: int, hold_ms: int, headers: Mapping[str, str]
) -> set[str]:
    """Wake so many instances by calls that overlap, as the paper's `wakeup` does.

    Args:
        url: root of the API.
        instances: how many calls.
        hold_ms: how long each call keeps its instance.
        headers: what the API asks for.

    Returns:
        The ids of the instances that answered.

    Raises:
        LoadError: a wakeup was not answered with 200.
    """
    body = {"method": "wakeup", "sleep_time": str(hold_ms)}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)

    async def one(session: aiohttp.ClientSession) -> str:
        async with session.post(f"{url}/wakeup", json=body) as response:
            answer = await response.json(content_type=None)
            if response.status != 200:
                raise LoadError(f"a wakeup was answered with {response.status}: {answer}")
            return str(answer["instance_id"])

    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=timeout, headers=dict(headers)
        ) as session:
            return set(await asyncio.gather(*(one(session) for _ in range(instances))))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise LoadError(f"{url} does not answer a wakeup: {error}") from error
