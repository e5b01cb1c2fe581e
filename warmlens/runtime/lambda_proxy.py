"""HTTP endpoint of the pool, for an emulator that forwards a function's calls."""

import hmac
import uuid
from typing import Protocol

from aiohttp import web

from warmlens.runtime.invocation import (
    REQUEST_LIMIT_BYTES,
    InvokeRefusedError,
    InvokeResult,
    RequestTooLargeError,
    error_json,
)
from warmlens.runtime.runtime_api import read_body

_PATH = "/invoke/"

_HEADER = "X-Amzn-Lambda-"


class Invoker(Protocol):
    """Takes calls: the instance pool, or an object that passes them to it."""

    async def invoke(
        self,
        *,
        function: str,
        version: str,
        payload: bytes,
        request_id: str,
        function_arn: str | None = None,
    ) -> InvokeResult:
        """Call a function and wait for its outcome, as `InstancePool.invoke` does."""


def proxy_path(secret: str) -> str:
    """Return the path of the calls; only who knows the secret may call."""
    return _PATH + secret


def proxy_routes(pool: Invoker, secret: str) -> list[web.RouteDef]:
    """Return the route that serves MiniStack's "Lambda proxy" protocol at `proxy_path(secret)`.

    A request is a POST of the event with `X-Amzn-Lambda-` headers `Function-Name`,
    `Function-Version`, `Function-Arn` and `Request-Id`. The answer, and what MiniStack 1.5.33
    makes of it:

    - 200 with the function's own answer: becomes the function's answer.
    - 502 `{"errorType", "errorMessage"}` when the function failed, 429 when every instance is busy,
      413 when the event is too large, 404 when there is no such function, 500 when the pool has
      stopped: each becomes a function error of type `Runtime.HandlerError` whose message quotes the
      first 512 bytes of the body, and a 502 of its REST API. A 429 of the pool therefore does not
      reach a REST client as 429; reserved concurrency, which MiniStack counts itself, does.

    MiniStack waits no longer than the function's timeout for all of it, init included, and then
    answers "Task timed out" itself; the call goes on here. Its `Deadline-Ms` header says the same
    and is not used: on Lambda the timeout starts after init.
    """

    async def invoke(request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.match_info["secret"].encode(), secret.encode()):
            return refused("The secret in the path is wrong.")
        try:
            result = await _invoke(pool, request)
        except InvokeRefusedError as error:
            return _json(error.status, error_json(error.error_type, str(error)))
        except ValueError as error:
            return _json(400, error_json("InvalidRequestContentException", str(error)))
        if result.error:
            return _json(502, result.error.to_json())
        return _json(200, result.payload)

    return [web.post(_PATH + "{secret}", invoke)]


def refused(message: str) -> web.Response:
    """Return the answer to a caller that is not MiniStack."""
    return _json(403, error_json("AccessDeniedException", message))


async def _invoke(pool: Invoker, request: web.Request) -> InvokeResult:
    function = request.headers.get(f"{_HEADER}Function-Name")
    if not function:
        raise ValueError(f"header {_HEADER}Function-Name is missing, it names the function to call")
    payload = await read_body(request, REQUEST_LIMIT_BYTES)
    if payload is None:
        raise RequestTooLargeError
    return await pool.invoke(
        function=function,
        version=request.headers.get(f"{_HEADER}Function-Version", "$LATEST"),
        payload=payload,
        request_id=request.headers.get(f"{_HEADER}Request-Id") or str(uuid.uuid4()),
        function_arn=request.headers.get(f"{_HEADER}Function-Arn"),
    )


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")
