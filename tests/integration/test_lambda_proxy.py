"""Calls that the emulator posts to the pool."""

import contextlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, web

from tests.integration import pool_harness
from tests.integration.pool_harness import StartHarness
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.invocation import (
    REQUEST_LIMIT_BYTES,
    FunctionNotFoundError,
)
from warmlens.runtime.lambda_proxy import proxy_path, proxy_routes
from warmlens.runtime.pool import InstancePool

start = pool_harness.start  # a fixture


PostEvent = Callable[..., Awaitable[tuple[int, Any]]]


@contextlib.asynccontextmanager
async def proxy(pool: InstancePool, *, called_with: str = "secret") -> AsyncIterator[PostEvent]:
    """Serve a pool as the local cloud does; yields a client of it, which knows the secret."""
    application = web.Application()
    application.add_routes(proxy_routes(pool, "secret"))
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]

    async with ClientSession() as session:

        async def post(function: str, body: bytes = b"{}", **headers: str) -> tuple[int, Any]:
            sent = {"Function-Name": function, "Function-Version": "1", "Request-Id": "r-1"}
            sent |= {name.replace("_", "-"): value for name, value in headers.items()}
            named = {f"X-Amzn-Lambda-{name}": value for name, value in sent.items() if value}
            url = f"http://{host}:{port}{proxy_path(called_with)}"
            async with session.post(url, data=io.BytesIO(body), headers=named) as response:
                return response.status, json.loads(await response.read())

        yield post
    await runner.cleanup()


async def test_the_proxy_passes_event_and_answer_on(start: StartHarness) -> None:
    harness = await start()
    async with proxy(harness.pool) as post:
        assert await post("echo", b'{"method": "wakeup"}') == (200, {"method": "wakeup"})
        status, seen = await post("about_the_call", Function_Arn="arn:of:alias")
        assert (status, seen["request_id"], seen["arn"]) == (200, "r-1", "arn:of:alias")
        large = b'"' + b"x" * (REQUEST_LIMIT_BYTES - 2) + b'"'
        assert (await post("echo", large))[0] == 200


@pytest.mark.parametrize("called_with", ["", "Secret", "secre", "secret0", "s%00cret", "*"])
async def test_who_does_not_know_the_secret_calls_no_function(
    start: StartHarness, called_with: str
) -> None:
    harness = await start()
    async with proxy(harness.pool, called_with=called_with) as post:
        with contextlib.suppress(ValueError):  # the answer to another path is no JSON
            status, _ = await post("echo")
            assert status == 403
    assert harness.pool.instances() == []


async def test_the_proxy_answers_a_function_error_with_502_and_no_stack_trace(
    start: StartHarness,
) -> None:
    harness = await start()
    async with proxy(harness.pool) as post:
        assert await post("fail", b'{"depth": 0}') == (
            502,
            {"errorType": "ValueError", "errorMessage": "no such colour"},
        )


async def test_the_proxy_answers_429_when_every_instance_is_busy(start: StartHarness) -> None:
    harness = await start(max_instances=1)
    held = await harness.hold(1)
    async with proxy(harness.pool) as post:
        status, body = await post("hold")
        assert (status, body["errorType"]) == (429, "TooManyRequestsException")
    await held.release()


async def test_the_proxy_answers_413_to_an_event_that_is_too_large(start: StartHarness) -> None:
    harness = await start()
    async with proxy(harness.pool) as post:
        status, body = await post("echo", b"x" * (REQUEST_LIMIT_BYTES + 1))
        assert (status, body["errorType"]) == (413, "RequestEntityTooLargeException")


async def test_the_proxy_answers_404_to_an_unknown_function(start: StartHarness) -> None:
    harness = await start()

    async def resolve(name: str, version: str) -> FunctionSpec:
        raise FunctionNotFoundError(f"no function {name} version {version}")

    async with InstancePool(resolve=resolve, log=harness.lines.append) as pool, proxy(pool) as post:
        assert await post("nobody") == (
            404,
            {
                "errorType": "ResourceNotFoundException",
                "errorMessage": "no function nobody version 1",
            },
        )


async def test_the_proxy_says_what_is_wrong_with_a_request(start: StartHarness) -> None:
    harness = await start()
    async with proxy(harness.pool) as post:
        status, body = await post("")
        assert (status, "Function-Name is missing" in body["errorMessage"]) == (400, True)
        status, body = await post("echo", Request_Id="../next")
        assert (status, "'../next'" in body["errorMessage"]) == (400, True)
