"""What the page of the local cloud asks for its view of the fleet. None of it exists in AWS."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from warmlens.errors import WarmlensError
from warmlens.warm import MAX_INSTANCES

FLEET_PATH = "/_local/fleet"
BURST_PATH = "/_local/burst"
WARM_PATH = "/_local/warm"
MAX_CALLS = 100
_TIMEOUT_S = 60


def fleet_routes(
    *,
    describe: Callable[[], dict[str, Any]],
    warm: Callable[[int], Awaitable[dict[str, Any]]],
    api_url: str,
    file_path: str,
) -> list[web.RouteDef]:
    """Return the routes.

    - GET `/_local/fleet`: what `describe` gives.
    - POST `/_local/burst` `{"calls": 8}`: as many classifications at once through the API, where a
      browser would open six connections at most. Answers how many were `answered`, `cold`,
      `throttled` and `failed`, and `slowest_ms`.
    - POST `/_local/warm` `{"instances": 5}`: a warming round; answers its figures.

    Args:
        describe: gives the instances and the last calls.
        warm: runs a round; raises WarmlensError.
        api_url: the API's stage in the emulator.
        file_path: of the photo that a burst has classified.
    """

    async def fleet(_: web.Request) -> web.StreamResponse:
        return web.json_response(describe(), headers={"Cache-Control": "no-store"})

    async def burst(request: web.Request) -> web.StreamResponse:
        calls = await _number(request, "calls", MAX_CALLS)
        if isinstance(calls, web.Response):
            return calls
        body = {"method": "classification", "file_path": file_path}
        return web.json_response(await _burst(f"{api_url}/classification", body, calls))

    async def warming(request: web.Request) -> web.StreamResponse:
        instances = await _number(request, "instances", MAX_INSTANCES)
        if isinstance(instances, web.Response):
            return instances
        try:
            return web.json_response(await warm(instances))
        except WarmlensError as error:
            return _error(503, error.code, str(error))

    return [
        web.get(FLEET_PATH, fleet),
        web.post(BURST_PATH, burst),
        web.post(WARM_PATH, warming),
    ]


async def _number(request: web.Request, name: str, most: int) -> int | web.Response:
    # Another page in this browser may send a form here, but no JSON.
    if request.content_type != "application/json":
        return _error(415, "unsupported_type", "The body must be JSON.")
    try:
        body = await request.json()
    except ValueError:
        body = None
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        return _error(400, "invalid_number", f'"{name}" must be a whole number from 1 to {most}.')
    return value


async def _burst(url: str, body: dict[str, str], calls: int) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0)
    begun_s = time.monotonic()
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        outcomes = await asyncio.gather(*(_call(session, url, body) for _ in range(calls)))
    counts = Counter(outcome for outcome, _ in outcomes)
    return {
        "calls": calls,
        "answered": counts["warm"] + counts["cold"],
        "cold": counts["cold"],
        "throttled": counts["throttled"],
        "failed": counts["failed"],
        "slowest_ms": (max(ended_s for _, ended_s in outcomes) - begun_s) * 1000,
    }


async def _call(
    session: aiohttp.ClientSession, url: str, body: dict[str, str]
) -> tuple[str, float]:
    try:
        async with session.post(url, json=body) as response:
            answer = await response.json(content_type=None)
            status = response.status
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return "failed", time.monotonic()
    if status == 429:
        return "throttled", time.monotonic()
    if status != 200 or not isinstance(answer, dict):
        return "failed", time.monotonic()
    return "cold" if answer.get("cold_start") else "warm", time.monotonic()


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
