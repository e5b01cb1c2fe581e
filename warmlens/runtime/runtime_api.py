"""Server of Lambda's Runtime API (2018-06-01), one address for each instance."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from warmlens.runtime.delivery import Delivery
from warmlens.runtime.gate import own_callers_only
from warmlens.runtime.invocation import (
    RESPONSE_LIMIT_BYTES,
    Answer,
    FunctionError,
    error_json,
    parse_error,
)

_HOST = "127.0.0.1"
_PREFIX = "/2018-06-01/runtime"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
# awslambdaric sends the stack trace of an error a second time, as a header of up to 1 MiB.
_HEADER_LIMIT_BYTES = 2 * 1024 * 1024
# An ended instance releases its requests at once; this only bounds a shutdown.
_SHUTDOWN_S = 1.0


class RuntimeApiError(Exception):
    """A request that the Runtime API answers with an error."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


@dataclass(frozen=True, kw_only=True)
class Event:
    """A call as the runtime gets it; `deadline_ms` is Unix time."""

    request_id: str
    payload: bytes
    function_arn: str
    deadline_ms: int


class Runtime(Protocol):
    """Methods that serve a runtime's requests; each may raise RuntimeApiError."""

    async def next_event(self, delivery: Delivery) -> Event:
        """Wait for the next call, which then goes out over `delivery`."""
        ...

    def answer(self, request_id: str, answer: Answer) -> None:
        """Accept the answer of the current call."""
        ...

    def fail_init(self, error: FunctionError) -> None:
        """Accept the error that ended the init phase."""
        ...


class RuntimeApi:
    """HTTP server for all instances, with one port for each.

    The runtime client takes an address without a path (`http.client.HTTPConnection(address)` in
    awslambdaric 4's lambda_runtime_client.py), so nothing but the port can name an instance, and no
    secret can be part of the address. The kernel names the caller's user instead, on Linux.
    """

    def __init__(self) -> None:
        self._runtimes: dict[int, Runtime] = {}
        application = web.Application(middlewares=[own_callers_only(_refused), _answer_errors])
        application.add_routes(
            [
                web.get(f"{_PREFIX}/invocation/next", self._next),
                web.post(f"{_PREFIX}/invocation/{{request_id}}/response", self._response),
                web.post(f"{_PREFIX}/invocation/{{request_id}}/error", self._error),
                web.post(f"{_PREFIX}/init/error", self._init_error),
            ]
        )
        self._runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=_SHUTDOWN_S,
            max_field_size=_HEADER_LIMIT_BYTES,
            auto_decompress=False,
        )

    async def start(self) -> None:
        """Prepare; no port is open yet."""
        await self._runner.setup()

    async def stop(self) -> None:
        """Close every port and connection."""
        await self._runner.cleanup()

    @asynccontextmanager
    async def listening(self, runtime: Runtime) -> AsyncIterator[str]:
        """Serve `runtime` on a free loopback port and yield its `host:port`.

        Raises:
            OSError: no port can be opened.
        """
        site = web.TCPSite(self._runner, _HOST, 0)
        await site.start()
        self._runtimes[site.port] = runtime
        try:
            yield f"{_HOST}:{site.port}"
        finally:
            del self._runtimes[site.port]
            await site.stop()

    def _runtime(self, request: web.Request) -> Runtime:
        transport = request.transport
        runtime = transport and self._runtimes.get(transport.get_extra_info("sockname")[1])
        if not runtime:
            raise RuntimeApiError(410, "InstanceGone", "this instance has ended")
        return runtime

    async def _next(self, request: web.Request) -> web.Response:
        runtime = self._runtime(request)
        assert request.transport is not None  # else there was no runtime
        delivery = Delivery(request.transport)
        try:
            event = await runtime.next_event(delivery)
        except BaseException:
            delivery.close()
            raise
        return web.Response(
            body=event.payload,
            content_type="application/json",
            headers={
                "Lambda-Runtime-Aws-Request-Id": event.request_id,
                "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            },
        )

    async def _response(self, request: web.Request) -> web.Response:
        return await self._take_answer(request, Answer)

    async def _error(self, request: web.Request) -> web.Response:
        error_type = request.headers.get(_ERROR_TYPE, "")
        return await self._take_answer(
            request, lambda body: Answer(body, parse_error(body, error_type))
        )

    async def _take_answer(
        self, request: web.Request, answer: Callable[[bytes], Answer]
    ) -> web.Response:
        runtime, request_id = self._runtime(request), request.match_info["request_id"]
        body = await read_body(request, RESPONSE_LIMIT_BYTES)
        if body is None:
            error = FunctionError(
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size "
                f"({RESPONSE_LIMIT_BYTES} bytes).",
            )
            runtime.answer(request_id, Answer(error.to_json(), error))
            raise RuntimeApiError(413, "RequestEntityTooLarge", error.message)
        runtime.answer(request_id, answer(body))
        return _accepted()

    async def _init_error(self, request: web.Request) -> web.Response:
        runtime = self._runtime(request)
        body = await read_body(request, RESPONSE_LIMIT_BYTES) or b""
        runtime.fail_init(parse_error(body, request.headers.get(_ERROR_TYPE, "")))
        return _accepted()


def _refused(message: str) -> web.Response:
    return web.Response(
        status=403,
        body=error_json("AccessDeniedException", message),
        content_type="application/json",
    )


def _accepted() -> web.Response:
    return web.Response(status=202, body=b'{"status":"OK"}', content_type="application/json")


@web.middleware
async def _answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except RuntimeApiError as error:
        return web.Response(
            status=error.status,
            body=error_json(error.error_type, str(error)),
            content_type="application/json",
        )


async def read_body(request: web.Request, limit_bytes: int) -> bytes | None:
    """Read a body of a limited size, regardless of the application's `client_max_size`.

    Args:
        request: the request.
        limit_bytes: the largest body accepted.

    Returns:
        The body, or None when it is longer than `limit_bytes`. It is read to its end all the same,
        because a client may not look at the answer before it has sent everything.

    Raises:
        web.HTTPBadRequest: the client hung up half-way.
    """
    body = bytearray()
    size_bytes = 0
    try:
        async for chunk in request.content.iter_any():
            size_bytes += len(chunk)
            if size_bytes <= limit_bytes:
                body += chunk
    except ConnectionError as error:
        raise web.HTTPBadRequest(text="The body is broken off.") from error
    return bytes(body) if size_bytes <= limit_bytes else None
