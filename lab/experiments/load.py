"""Load of Fig. 12: many calls at once, and records of their latencies by outcome."""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp

from lab.experiments.measurements import Measurement, blocks, record_of, share_of
from lab.load import UNREACHED, Response, api_client, post, send_at
from warmlens.records import Record

ANSWERED = ("warm_ms", "cold_ms")
OUTCOMES = (*ANSWERED, "throttled_ms", "failed_ms", "unanswered_ms")
RETRIES = 8
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0
_CONNECTING = 50


@dataclass(frozen=True, kw_only=True)
class Load:
    """The number, order and retries of calls.

    Attributes:
        calls: number of calls.
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
    """Send the calls and return latencies in milliseconds by outcome.

    Each call has a client of its own, whose connection is open before. A latency counts from the
    moment at which the call was to be sent, waits between retries included. Outcomes: `warm_ms`,
    `cold_ms`, `throttled_ms` (429 to the last), `failed_ms` (any other status), `unanswered_ms`
    (no answer); `refusals` has the number of 429 of each call that met some, `span_ms` the
    time from the first call to the last answer.

    Args:
        url: the call's address.
        body: its JSON.
        load: number and moments of the calls.
        headers: sent with each call.
    """
    rng = random.Random(load.seed)
    outcomes: dict[str, list[float]] = {name: [] for name in (*OUTCOMES, "refusals")}
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(api_client(headers, connections=1))
            for _ in range(load.calls)
        ]
        await _connect(clients, url)
        moments_s = sorted(
            rng.random() * load.open_s if load.arrivals == "open" else 0.0
            for _ in range(load.calls)
        )

        async def one(number: int) -> tuple[str, int]:
            attempts, refusals = 0, 0
            while True:
                attempts += 1
                outcome = _outcome(await post(clients[number], url, body))
                refusals += outcome == "throttled_ms"
                if outcome != "throttled_ms" or not load.retry or attempts > RETRIES:
                    return outcome, refusals
                # Full jitter: a random wait, so that clients do not collide again.
                longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (attempts - 1))
                await asyncio.sleep(rng.random() * longest_s)

        calls = await send_at(moments_s, one)
    # In the order of their answers.
    for call in sorted(calls, key=lambda each: each.sent_s + each.latency_ms / 1000):
        outcome, refusals = call.result
        outcomes[outcome].append(call.latency_ms)
        if refusals:
            outcomes["refusals"].append(refusals)
    outcomes["span_ms"] = [max(call.sent_s * 1000 + call.latency_ms for call in calls)]
    return outcomes


def response_times(group: Sequence[Measurement], about: Mapping[str, Any]) -> Iterator[Record]:
    """Yield records of the answered calls' latencies: of all of them, and of warm ones."""
    for metric, outcomes in (("response_ms", ANSWERED), ("warm_response_ms", ("warm_ms",))):
        values = blocks(group, *outcomes)
        if values:
            yield record_of(group, values, metric=metric, unit="ms", conditions=about)


def shares(group: Sequence[Measurement], about: Mapping[str, Any], *names: str) -> Iterator[Record]:
    """Yield records of the shares of calls with these outcomes, such as `cold`."""
    calls = list(map(calls_in, group))
    for name in names:
        counts = [len(each.values.get(f"{name}_ms", ())) for each in group]
        yield share_of(group, counts, calls, metric=f"{name}_share", conditions=about)


def calls_in(measurement: Measurement) -> int:
    """Return the number of all calls of a measurement."""
    return sum(len(measurement.values.get(outcome, ())) for outcome in OUTCOMES)


async def _connect(clients: Sequence[aiohttp.ClientSession], url: str) -> None:
    """Open the clients' connections, a few at a time, with requests that call no function.

    A thousand at once overflow the queue of a server that accepts a hundred, as the emulator's
    does; the kernel's repeated attempts, a second apart, would be measured instead of the API.
    """

    async def one(client: aiohttp.ClientSession) -> None:
        try:
            async with client.get(url) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return  # the call itself fails, too

    for begin in range(0, len(clients), _CONNECTING):
        await asyncio.gather(*map(one, clients[begin : begin + _CONNECTING]))


def _outcome(response: Response) -> str:
    if response.status == UNREACHED:
        return "unanswered_ms"
    if response.status == 429:
        return "throttled_ms"
    if response.status != 200 or not response.body:
        return "failed_ms"
    return "cold_ms" if response.body.get("cold_start") else "warm_ms"
