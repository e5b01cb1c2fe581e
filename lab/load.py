"""Load generator for the API, with open and closed load.

Open load sends at moments that do not depend on the answers, as users do; closed load keeps a
number of calls in flight, as a load client's threads do. A latency counts from the moment at which
the call was to be sent, so a generator that falls behind does not hide it.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import aiohttp

from warmlens.errors import WarmlensError

TIMEOUT_S = 60
UNREACHED = 0
"""The status of a call that was not answered."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Timed(Generic[Result]):
    """A finished call.

    Attributes:
        sent_s: its intended send time, in seconds from the start of the load.
        latency_ms: from that moment to its end.
        result: its answer.
    """

    sent_s: float
    latency_ms: float
    result: Result


@dataclass(frozen=True)
class Response:
    """The API's answer to one call.

    Attributes:
        status: its HTTP status, or UNREACHED.
        body: its JSON document; empty when it had none.
    """

    status: int
    body: Mapping[str, Any]


class Clock(Protocol):
    """A clock that calls are scheduled by."""

    def monotonic(self) -> float:
        """Return the time in seconds, from any origin."""
        ...

    async def wait_until(self, moment_s: float, pending: set[asyncio.Task[Any]]) -> None:
        """Wait for a moment.

        Args:
            moment_s: the moment.
            pending: the calls in flight.
        """
        ...


class RealClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return the time in seconds, from any origin."""
        return time.monotonic()

    async def wait_until(self, moment_s: float, pending: set[asyncio.Task[Any]]) -> None:
        """Sleep until a moment."""
        await asyncio.sleep(max(0.0, moment_s - time.monotonic()))


def poisson_moments(rate_rps: float, duration_s: float, rng: random.Random) -> list[float]:
    """Return the moments of Poisson arrivals.

    Args:
        rate_rps: calls per second on average.
        duration_s: time over which they come.
        rng: draws the moments.
    """
    moments_s = []
    moment_s = rng.expovariate(rate_rps)
    while moment_s < duration_s:
        moments_s.append(moment_s)
        moment_s += rng.expovariate(rate_rps)
    return moments_s


async def send_at(
    moments_s: Sequence[float],
    call: Callable[[int], Awaitable[Result]],
    *,
    clock: Clock | None = None,
) -> list[Timed[Result]]:
    """Send calls at given moments, whether or not others are answered (open load).

    Args:
        moments_s: seconds from the start of the load, ascending.
        call: makes the call with this number and returns its result.
        clock: the machine's unless given.

    Returns:
        The calls in the order of their moments.
    """
    clock = clock or RealClock()
    begun_s = clock.monotonic()
    pending: set[asyncio.Task[Any]] = set()
    calls = []

    async def timed(number: int, moment_s: float) -> Timed[Result]:
        result = await call(number)
        return Timed(moment_s, (clock.monotonic() - begun_s - moment_s) * 1000, result)

    for number, moment_s in enumerate(moments_s):
        due_s = begun_s + moment_s
        if clock.monotonic() < due_s:
            await clock.wait_until(due_s, pending)
        task = asyncio.create_task(timed(number, moment_s))
        calls.append(task)
        pending.add(task)
        task.add_done_callback(pending.discard)
    return list(await asyncio.gather(*calls))


async def send_in_loop(
    call: Callable[[], Awaitable[Result]], *, clients: int, more: Callable[[int, float], bool]
) -> list[Timed[Result]]:
    """Keep a constant number of calls in flight (closed load).

    Args:
        call: makes one call and returns its result.
        clients: number of calls in flight.
        more: returns whether a client begins another call, given the number of finished calls and
            the seconds since the start.

    Returns:
        The calls in the order in which they ended.
    """
    begun_s = time.monotonic()
    finished: list[Timed[Result]] = []

    async def client() -> None:
        while more(len(finished), sent_s := time.monotonic() - begun_s):
            result = await call()
            latency_ms = (time.monotonic() - begun_s - sent_s) * 1000
            finished.append(Timed(sent_s, latency_ms, result))

    await asyncio.gather(*(client() for _ in range(clients)))
    return finished


def api_client(
    headers: Mapping[str, str] | None = None, *, connections: int = 0
) -> aiohttp.ClientSession:
    """Return an HTTP client for calls to the API.

    Args:
        headers: sent with each call.
        connections: the most connections; 0 for as many as there are calls in flight.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        headers=dict(headers or {}),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def post(client: aiohttp.ClientSession, url: str, body: Mapping[str, Any]) -> Response:
    """Call the API once; failures are returned as a status, not raised."""
    return await answer_of(client.post(url, json=body))


async def answer_of(call: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> Response:
    """Return the answer to a call; failures are returned as a status, not raised.

    Args:
        call: what a method of the HTTP client returned.
    """
    try:
        async with call as answer:
            document = await answer.json(content_type=None)
            return Response(answer.status, document if isinstance(document, dict) else {})
    except (aiohttp.ClientError, TimeoutError):
        return Response(UNREACHED, {})
    except ValueError:  # no JSON
        return Response(answer.status, {})


async def wake_at_once(
    url: str, instances: int, hold_ms: int, headers: Mapping[str, str]
) -> dict[str, bool]:
    """Wake instances with overlapping calls, as the paper's `wakeup` does.

    Args:
        url: root of the API.
        instances: number of calls.
        hold_ms: the time for which each call keeps its instance busy.
        headers: sent with each call.

    Returns:
        The ids of the instances that answered, and whether each was new.

    Raises:
        WarmlensError: ``wakeup_failed``: a wakeup was not answered with 200.
    """
    body = {"method": "wakeup", "sleep_time": str(hold_ms)}
    async with api_client(headers) as client:
        answers = await asyncio.gather(
            *(post(client, f"{url}/wakeup", body) for _ in range(instances))
        )
    for answer in answers:
        if answer.status == UNREACHED:
            raise WarmlensError("wakeup_failed", f"{url} did not answer a wakeup.")
        if answer.status != 200:
            message = f"{url} answered a wakeup with {answer.status}: {dict(answer.body)}"
            raise WarmlensError("wakeup_failed", message)
    return {
        str(answer.body["instance_id"]): bool(answer.body.get("cold_start")) for answer in answers
    }
