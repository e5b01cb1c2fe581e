"""Both clients of `warmlens_client`, blocking and async, run against a stand-in for the API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.integration.api_stub import Service, running_service
from warmlens_client import AsyncClient, Client

PHOTO = b"\xff\xd8\xffa photo"
Run = Callable[..., Awaitable[Any]]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as service:
        yield service


async def blocking(url: str, method: str, *arguments: Any, **options: Any) -> Any:
    def call() -> Any:
        client_options = options.pop("client", {})
        with Client(url, **client_options) as client:
            return getattr(client, method)(*arguments, **options)

    return await asyncio.to_thread(call)


async def in_a_loop(url: str, method: str, *arguments: Any, **options: Any) -> Any:
    client_options = options.pop("client", {})
    async with AsyncClient(url, **client_options) as client:
        return await getattr(client, method)(*arguments, **options)


@pytest.fixture(params=[blocking, in_a_loop], ids=["blocking", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a method of one of the two clients."""
    runner: Run = request.param
    return runner


@pytest.fixture
def waits_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times that were waited, while no time passes."""
    waits_s: list[float] = []

    def wait(wait_s: float) -> None:
        if wait_s:
            waits_s.append(wait_s)

    async def async_wait(wait_s: float) -> None:
        wait(wait_s)

    monkeypatch.setattr("time.sleep", wait)
    monkeypatch.setattr("anyio.sleep", async_wait)
    return waits_s


def refused(status: int, code: str) -> tuple[int, Any]:
    return status, {"error": {"code": code, "message": f"It is {code}."}}
