"""HTTP API of the local page's view of instances, calls and warming rounds.

None of it exists on AWS.
"""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import aiohttp
from aiohttp import web

from warmlens.errors import WarmlensError
from warmlens.local.gateway import error_answer, json_object
from warmlens.runtime.instance import InstanceInfo
from warmlens.runtime.invocation import InvokeRefusedError, InvokeResult
from warmlens.runtime.lambda_proxy import Invoker
from warmlens.warm import MAX_INSTANCES

KEPT_CALLS = 60
FLEET_PATH = "/_local/fleet"
BURST_PATH = "/_local/burst"
WARM_PATH = "/_local/warm"
MAX_CALLS = 100
_TIMEOUT_S = 60

Outcome = Literal["answered", "failed", "refused"]


@dataclass(frozen=True, kw_only=True)
class FinishedCall:
    """A finished call.

    Attributes:
        number: number of the call, from 1, in the order in which they ended.
        method: `classification` or `wakeup`; empty for a call that is neither.
        outcome: answered, failed in the function, or refused by the pool.
        instance_id: the instance that served it; None if it was refused.
        cold_start: True if an instance was started for it.
        init_ms: duration of that start; None for a warm call.
        duration_ms: time from its arrival at the pool to its end, including the init.
    """

    number: int
    method: str
    outcome: Outcome
    instance_id: str | None
    cold_start: bool
    init_ms: float | None
    duration_ms: float


class CallLog:
    """Log of the last calls: passes calls to the pool and keeps their outcomes.

    Args:
        pool: the instance pool.
    """

    def __init__(self, pool: Invoker) -> None:
        self._pool = pool
        self._methods: dict[str, str] = {}
        self._finished: deque[FinishedCall] = deque(maxlen=KEPT_CALLS)
        self._count = 0

    async def invoke(
        self,
        *,
        function: str,
        version: str,
        payload: bytes,
        request_id: str,
        function_arn: str | None = None,
    ) -> InvokeResult:
        """Pass a call to the pool. Arguments and errors are those of `InstancePool.invoke`."""
        self._methods[request_id] = method = method_of(payload)
        begun_s = time.monotonic()
        result = None
        try:
            result = await self._pool.invoke(
                function=function,
                version=version,
                payload=payload,
                request_id=request_id,
                function_arn=function_arn,
            )
        except InvokeRefusedError:
            self._finish(method, "refused", None, begun_s)
            raise
        finally:
            del self._methods[request_id]
        self._finish(method, "failed" if result.error else "answered", result, begun_s)
        return result

    def describe(self, instances: list[InstanceInfo]) -> dict[str, Any]:
        """Return the instances and the last calls, newest first, as JSON.

        An instance is `init`, `idle`, `busy` with a user's call or `held` by a wakeup.
        """
        return {
            "instances": [
                {
                    "id": instance.id,
                    "state": self._state(instance),
                    "version": instance.version,
                    "calls": instance.calls,
                    "init_ms": instance.init_ms,
                    "memory_mb": instance.rss_mb,
                }
                for instance in instances
            ],
            "calls": [asdict(call) for call in reversed(self._finished)],
        }

    def _state(self, instance: InstanceInfo) -> str:
        is_held = self._methods.get(instance.request_id or "") == "wakeup"
        return "held" if instance.state == "busy" and is_held else str(instance.state)

    def _finish(
        self, method: str, outcome: Outcome, result: InvokeResult | None, begun_s: float
    ) -> None:
        self._count += 1
        init_ms = result.init_ms if result else None
        self._finished.append(
            FinishedCall(
                number=self._count,
                method=method,
                outcome=outcome,
                instance_id=result.instance_id if result else None,
                cold_start=init_ms is not None,
                init_ms=init_ms,
                duration_ms=(time.monotonic() - begun_s) * 1000,
            )
        )


def method_of(payload: bytes) -> str:
    """Return the method of a request: of an HTTP event the end of its path, else its own key."""
    try:
        event = json.loads(payload)
        if "requestContext" in event:
            path = event.get("rawPath") or event["path"]
            method = path.rstrip("/").rpartition("/")[2]  # the body may be a photo
        else:
            method = event["method"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
    return str(method) if method in ("classification", "wakeup", "model") else ""


def fleet_routes(
    *,
    describe: Callable[[], dict[str, Any]],
    warm: Callable[[int], Awaitable[dict[str, Any]]],
    api_url: str,
    file_path: str,
) -> list[web.RouteDef]:
    """Return the routes of the view of the fleet.

    - GET `/_local/fleet`: the result of `describe`.
    - POST `/_local/burst` `{"calls": 8}`: sends that many classifications to the API at once; a
      browser itself opens at most six connections. Answers the numbers of `answered`, `cold`,
      `throttled` and `failed` calls, and `slowest_ms`.
    - POST `/_local/warm` `{"instances": 5}`: runs a warming round; answers its figures.

    Args:
        describe: returns the instances and the last calls.
        warm: runs a round; raises WarmlensError.
        api_url: the API's stage in the emulator.
        file_path: path of the photo that a burst classifies.
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
            return error_answer(503, error.code, str(error))

    return [
        web.get(FLEET_PATH, fleet),
        web.post(BURST_PATH, burst),
        web.post(WARM_PATH, warming),
    ]


async def _number(request: web.Request, name: str, most: int) -> int | web.Response:
    body = await json_object(request)
    if isinstance(body, web.Response):
        return body
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        return error_answer(
            400, "invalid_number", f'"{name}" must be a whole number from 1 to {most}.'
        )
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
