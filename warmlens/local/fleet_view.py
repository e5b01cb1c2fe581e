"""HTTP API of the local page's view of instances, calls and warming rounds.

None of it exists on AWS.
"""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import aiohttp
from aiohttp import web

from warmlens.errors import WarmlensError
from warmlens.local.gateway import error_answer, json_object
from warmlens.local.state import FLEET_PATH
from warmlens.runtime.instance import InstanceInfo
from warmlens.runtime.invocation import InvokeRefusedError, InvokeResult
from warmlens.runtime.lambda_proxy import Invoker
from warmlens.warm import MAX_INSTANCES, WarmReport

KEPT_CALLS = 60
BURST_PATH = "/_local/burst"
WARM_PATH = "/_local/warm"
FRESH_PATH = "/_local/fresh"
MAX_CALLS = 100
_TIMEOUT_S = 60

Outcome = Literal["answered", "rejected", "failed", "refused"]


@dataclass(frozen=True, kw_only=True)
class FinishedCall:
    """A finished call.

    Attributes:
        number: number of the call, from 1, in the order in which they ended.
        method: `classification` or `wakeup`; empty for a call that is neither.
        outcome: answered; rejected by the function, as a file that is no photo; failed in the
            function; or refused by the pool.
        instance_id: the instance that served it; None if it was refused.
        cold_start: True if an instance was started for it.
        init_ms: duration of that start; None for a warm call.
        duration_ms: time from its arrival at the pool to its end, including the init.
        ended_at_s: time of its end, in seconds since 1970.
    """

    number: int
    method: str
    outcome: Outcome
    instance_id: str | None
    cold_start: bool
    init_ms: float | None
    duration_ms: float
    ended_at_s: float


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
        self._since = datetime.now(UTC)
        self._totals = {"photos": 0, "cold_starts_met": 0, "cold_starts_absorbed": 0}

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
        self._finish(method, _outcome(result), result, begun_s)
        return result

    def describe(self, instances: list[InstanceInfo]) -> dict[str, Any]:
        """Return the instances, the last calls, newest first, and totals since the start, as JSON.

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
            "kept_calls": KEPT_CALLS,
            "totals": {"since": self._since.isoformat(), **self._totals},
        }

    def _state(self, instance: InstanceInfo) -> str:
        is_held = self._methods.get(instance.request_id or "") == "wakeup"
        return "held" if instance.state == "busy" and is_held else str(instance.state)

    def _finish(
        self, method: str, outcome: Outcome, result: InvokeResult | None, begun_s: float
    ) -> None:
        self._count += 1
        init_ms = result.init_ms if result else None
        is_photo = method == "classification"
        self._totals["photos"] += is_photo and result is not None
        self._totals["cold_starts_met"] += is_photo and init_ms is not None
        self._totals["cold_starts_absorbed"] += not is_photo and init_ms is not None
        self._finished.append(
            FinishedCall(
                number=self._count,
                method=method,
                outcome=outcome,
                instance_id=result.instance_id if result else None,
                cold_start=init_ms is not None,
                init_ms=init_ms,
                duration_ms=(time.monotonic() - begun_s) * 1000,
                ended_at_s=time.time(),
            )
        )


def _outcome(result: InvokeResult) -> Outcome:
    if result.error:
        return "failed"
    try:
        answer = json.loads(result.payload)
        status = answer.get("statusCode", answer.get("status", 200))
    except (ValueError, AttributeError):
        return "answered"
    if not isinstance(status, int) or status < 400:
        return "answered"
    return "rejected" if status < 500 else "failed"


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
    warm: Callable[[int], Awaitable[WarmReport]],
    start_fresh: Callable[[], None],
    api_url: str,
    file_path: str,
) -> list[web.RouteDef]:
    """Return the routes of the view of the fleet.

    - GET `/_local/fleet`: the result of `describe`.
    - POST `/_local/burst` `{"calls": 8}`: sends that many classifications to the API at once; a
      browser itself opens at most six connections. Answers the numbers of `answered`, `cold`,
      `throttled` and `failed` calls, `slowest_ms`, and the `reasons` of those without an answer.
    - POST `/_local/warm` `{"instances": 5}`: runs a warming round; answers its figures, and the
      `reasons` why there are no more.
    - POST `/_local/fresh` `{}`: has the next call start an instance although others are idle.

    Args:
        describe: returns the instances and the last calls.
        warm: runs a round; raises WarmlensError.
        start_fresh: has the next call start an instance.
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
            report = await warm(instances)
        except WarmlensError as error:
            return error_answer(503, error.code, str(error))
        limit = [f"No more are possible: {report.limited_by}."] if report.limited_by else []
        throttled = [f"Throttled calls: {report.throttled}."] if report.throttled else []
        reasons = [*limit, *throttled, *report.errors]
        return web.json_response({**report.figures, "reasons": reasons})

    async def fresh(request: web.Request) -> web.StreamResponse:
        body = await json_object(request)
        if isinstance(body, web.Response):
            return body
        start_fresh()
        return web.json_response({})

    return [
        web.get(FLEET_PATH, fleet),
        web.post(BURST_PATH, burst),
        web.post(WARM_PATH, warming),
        web.post(FRESH_PATH, fresh),
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
    counts = Counter(call.outcome for call in outcomes)
    return {
        "calls": calls,
        "answered": counts["warm"] + counts["cold"],
        "cold": counts["cold"],
        "throttled": counts["throttled"],
        "failed": counts["failed"],
        "slowest_ms": (max(call.ended_s for call in outcomes) - begun_s) * 1000,
        "reasons": sorted({call.reason for call in outcomes if call.reason}),
    }


class _Ended(NamedTuple):
    outcome: str
    ended_s: float
    reason: str = ""


async def _call(session: aiohttp.ClientSession, url: str, body: dict[str, str]) -> _Ended:
    try:
        async with session.post(url, json=body) as response:
            answer = await response.json(content_type=None)
            status = response.status
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return _Ended("failed", time.monotonic(), "The API did not answer.")
    fields = answer if isinstance(answer, dict) else {}
    if status == 200 and fields:
        return _Ended("cold" if fields.get("cold_start") else "warm", time.monotonic())
    error = fields.get("error")
    said = error.get("message") if isinstance(error, dict) else fields.get("message")
    reason = said if isinstance(said, str) else f"The API answered {status}."
    return _Ended("throttled" if status == 429 else "failed", time.monotonic(), reason)
