"""Retries and timeouts of `warmlens_client`, with an API that is busy, slow or gone."""

import asyncio
import pickle
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from tests.integration import client_harness
from tests.integration.api_stub import ANSWER, Service
from tests.integration.client_harness import PHOTO, Run, blocking, refused
from tests.ports import closed_port
from warmlens.local.loopback import listen, serving, url_of
from warmlens_client import Retry, WarmlensApiError, WarmlensConnectionError

run = client_harness.run  # a fixture
service = client_harness.service  # a fixture
waits_s = client_harness.waits_s  # a fixture


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/classification", refused(429, "throttled")),
        ("/classification", refused(503, "unavailable")),
        ("/classification", refused(503, "storage_unavailable")),
        ("/classification", refused(503, "model_unavailable")),
        ("/classification", refused(504, "timed_out")),
        ("/classification", (429, {"message": "Too Many Requests"})),  # HTTP APIs
        ("/classification", (500, {"message": "Internal Server Error"})),
        ("/uploads", (503, {"message": "Service Unavailable"})),
        ("/uploads", (502, "<html>Bad Gateway</html>")),  # proxies
        ("/uploads", refused(429, "throttled")),
        ("/storage", (503, "<Code>SlowDown</Code>")),
    ],
)
async def test_what_may_be_repeated_is_repeated_until_it_succeeds(
    service: Service, waits_s: list[float], path: str, answer: tuple[int, Any]
) -> None:
    service.first[path] = [answer, answer]
    retries: list[Retry] = []
    options = {"on_retry": retries.append}
    result = await blocking(service.url, "classify", PHOTO, upload=True, client=options)
    assert result.best.label == "cup"
    assert service.asked.count(path) == 3
    assert [each.call for each in retries] == [path.strip("/")] * 2
    assert [each.wait_s for each in retries] == waits_s


async def test_waits_grow_within_bounds_and_differ_by_chance(
    run: Run, service: Service, waits_s: list[float]
) -> None:
    service.answers["/wakeup"] = refused(429, "throttled")
    for _ in range(2):
        with pytest.raises(WarmlensApiError, match="It is throttled"):
            await run(service.url, "wake", client={"max_retries": 6})
    assert len(service.asked) == 14
    longest = [0.5, 1, 2, 4, 8, 8]
    for wait_s, longest_s in zip(waits_s, longest * 2, strict=True):
        assert longest_s / 2 <= wait_s <= longest_s
    assert waits_s[:6] != waits_s[6:]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refused(400, "invalid_top"), "invalid_top"),
        (refused(403, "invalid_api_key"), "invalid_api_key"),
        (refused(404, "image_not_found"), "image_not_found"),
        (refused(422, "image_not_decodable"), "image_not_decodable"),
        (refused(429, "quota_exceeded"), "quota_exceeded"),
        (refused(500, "internal_error"), "internal_error"),
        ((401, {"message": "Unauthorized"}), "unauthorized"),
        ((403, {"message": "Forbidden"}), "forbidden"),
        ((404, {"message": "Not Found"}), "no_such_call"),
        ((413, {"message": "Request Entity Too Large"}), "request_too_large"),
        ((403, {"Message": "Forbidden"}), "forbidden"),
        ((418, {"message": "A teapot"}), "refused"),
        ((400, {"error": {"code": 7, "message": []}}), "refused"),
    ],
)
async def test_what_cannot_succeed_is_asked_once(
    run: Run, service: Service, waits_s: list[float], answer: tuple[int, Any], code: str
) -> None:
    service.answers["/classification"] = answer
    with pytest.raises(WarmlensApiError) as caught:
        await run(service.url, "classify", PHOTO)
    error = caught.value
    assert (error.code, error.status, service.asked, waits_s) == (
        code,
        answer[0],
        ["/classification"],
        [],
    )
    assert str(error) == error.message != ""
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, copy.message, copy.status) == (code, error.message, answer[0])


@pytest.mark.parametrize(
    ("header", "least_s", "most_s"),
    [
        ("7", 7, 7),
        (None, 0, 300),  # a date, 300 s from the call
        ("soon", 0.25, 0.5),
        ("-3", 0.25, 0.5),
    ],
)
async def test_the_time_of_retry_after_is_waited(
    run: Run,
    service: Service,
    waits_s: list[float],
    header: str | None,
    least_s: float,
    most_s: float,
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    service.headers = {"Retry-After": header or date}
    service.first["/wakeup"] = [refused(429, "throttled")]
    await run(service.url, "wake", client={"timeout_s": 600})
    (waited_s,) = waits_s
    assert least_s <= waited_s <= most_s


async def test_no_wait_goes_beyond_the_timeout(
    run: Run, service: Service, waits_s: list[float]
) -> None:
    service.headers = {"Retry-After": "3600"}
    service.answers["/wakeup"] = refused(429, "throttled")
    with pytest.raises(WarmlensApiError, match="It is throttled") as caught:
        await run(service.url, "wake")
    assert (caught.value.retry_after_s, waits_s) == (3600, [])


async def test_who_is_gone_is_asked_again_and_then_named(run: Run, waits_s: list[float]) -> None:
    with (
        closed_port() as url,
        pytest.raises(WarmlensConnectionError, match="Is the service running") as caught,
    ):
        await run(url, "wake")
    assert (caught.value.code, len(waits_s)) == ("unreachable", 2)
    assert url in caught.value.message


async def test_a_connection_that_breaks_is_made_again(run: Run, waits_s: list[float]) -> None:
    class Breaking(Service):
        async def answer(self, request: web.Request) -> web.Response:
            self.asked.append(request.path)
            if len(self.asked) == 1:
                assert request.transport is not None
                request.transport.abort()
            return web.json_response(ANSWER)

    listener = listen()
    service = Breaking(url_of(listener))
    app = web.Application()
    app.router.add_post("/{path:.*}", service.answer)
    async with serving(app, listener):
        assert (await run(service.url, "classify", PHOTO)).best.label == "cup"
    assert (len(service.asked), len(waits_s)) == (2, 1)


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """The server's side of TLS, with a certificate that nobody trusts."""
    folder = tmp_path_factory.mktemp("tls")
    files = [folder / "key.pem", folder / "certificate.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
         "-days", "1", "-keyout", str(files[0]), "-out", str(files[1])],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files[1], files[0])
    return context


async def test_a_certificate_that_is_not_trusted_is_not_asked_twice(
    run: Run, own_certificate: ssl.SSLContext, waits_s: list[float]
) -> None:
    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=own_certificate)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(WarmlensConnectionError, match="certificate"):
            await run(f"https://127.0.0.1:{port}", "wake")
    assert waits_s == []


@pytest.mark.parametrize("has_parts", [False, True], ids=["no answer", "a slow answer"])
async def test_the_timeout_is_for_the_whole_call_however_slowly_parts_come(
    run: Run, has_parts: bool
) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await request.read()
        if has_parts:
            await response.prepare(request)
        for _ in range(1000):  # 20 s, of which no single wait is long
            if has_parts:
                await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    listener = listen()
    app = web.Application()
    app.router.add_post("/{path:.*}", slow)
    async with serving(app, listener):
        with pytest.raises(WarmlensConnectionError, match=r"did not answer within 0\.3 s"):
            await run(url_of(listener), "wake", client={"timeout_s": 0.3})
