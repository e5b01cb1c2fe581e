"""The local gateway when the API behind it fails: an answer in the API's error form."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.ports import closed_port
from warmlens.local import gateway
from warmlens.local.gateway import gateway_app
from warmlens.local.loopback import serving
from warmlens.paths import WEB

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
UPLOADS = "http://uploads.example"
NO_DOCUMENTS: Mapping[str, Path] = {}


async def served_model() -> tuple[str, str]:
    return "a-model", "1.2.3"


@asynccontextmanager
async def gateway_of(
    api: Handler | None, documents: Mapping[str, Path] = NO_DOCUMENTS
) -> AsyncIterator[str]:
    """The gateway's address, before an API that answers as `api` says; None for no API at all."""

    def gateway_before(api_url: str) -> web.Application:
        return gateway_app(
            api_url=f"{api_url}/",
            upload_origin=UPLOADS,
            page=WEB,
            served_model=served_model,
            page_configuration={},
            documents=documents,
            status=dict,
        )

    if api is None:
        with closed_port() as nowhere:
            async with serving(gateway_before(nowhere)) as url:
                yield url
        return
    server = web.Application()
    server.router.add_post("/{call}", api)
    async with serving(server) as api_url, serving(gateway_before(api_url)) as url:
        yield url


async def post(url: str) -> tuple[int, object]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/wakeup", json={"method": "wakeup"}) as answer,
    ):
        return answer.status, await answer.json()


def code(answer: object) -> object:
    assert isinstance(answer, dict)
    assert set(answer["error"]) == {"code", "message"}
    return answer["error"]["code"]


@pytest.mark.parametrize("text", ["Internal server error", "", '{"errorMessage": "m"}', "[]"])
async def test_a_function_that_fails_is_an_error_in_the_apis_form(text: str) -> None:
    async def fail(_: web.Request) -> web.StreamResponse:
        return web.Response(status=502, text=text)

    async with gateway_of(fail) as url:
        status, answer = await post(url)
    assert (status, code(answer)) == (502, "unavailable")


async def test_a_refusal_of_the_pool_is_the_apis_429() -> None:
    refusal = json.dumps({"errorType": "TooManyRequestsException", "errorMessage": "Rate Exceeded"})

    async def fail(_: web.Request) -> web.StreamResponse:  # what MiniStack 1.5.33 makes of it
        error = {"errorMessage": f"Proxy target returned HTTP 429: {refusal}"}
        return web.json_response({"message": json.dumps(error)}, status=502)

    async with gateway_of(fail) as url:
        status, answer = await post(url)
    assert (status, code(answer)) == (429, "throttled")


async def test_what_the_api_answers_is_passed_on_as_it_is() -> None:
    error = {"error": {"code": "model_unavailable", "message": "There is no model."}}

    async def answer_503(request: web.Request) -> web.StreamResponse:
        assert await request.json() == {"method": "wakeup"}
        return web.json_response(error, status=503)

    async with gateway_of(answer_503) as url:
        assert await post(url) == (503, error)


async def test_an_api_that_is_gone_is_unavailable() -> None:
    async with gateway_of(None) as url:
        status, answer = await post(url)
    assert (status, code(answer)) == (503, "unavailable")


async def test_an_api_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gateway.GATEWAY_TIMEOUT_S == 29
    monkeypatch.setattr(gateway, "GATEWAY_TIMEOUT_S", 0.1)

    async def wait(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with gateway_of(wait) as url:
        status, answer = await post(url)
    assert (status, code(answer)) == (504, "timed_out")


async def test_the_page_may_talk_to_its_own_origin_and_to_the_uploads_and_to_nobody_else() -> None:
    async with (
        gateway_of(None) as url,
        aiohttp.ClientSession() as session,
        session.get(url) as answer,
    ):
        assert answer.status == 200
        policy = dict(
            directive.split(" ", 1)
            for directive in answer.headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["worker-src"] == "'self'"
        assert policy["form-action"] == policy["base-uri"] == "'none'"
        assert policy["connect-src"] == f"'self' {UPLOADS}"
        assert policy["frame-ancestors"] == "'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/classification"),
        ("GET", "/nothing"),
        ("POST", "/nothing"),
        ("PUT", "/wakeup"),
        ("DELETE", "/wakeup"),
        ("GET", "/../app.py"),
        ("GET", "/%2e%2e/app.py"),
        ("GET", "/%00"),
        ("GET", "/" + "a" * 300),
    ],
)
async def test_what_is_no_call_and_no_file_is_an_error_in_the_apis_form(
    method: str, path: str
) -> None:
    async with gateway_of(None) as url, aiohttp.ClientSession() as session:
        answer = await session.request(method, url + path)
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "no_such_call"


async def test_a_file_that_is_gone_is_a_fault_of_the_local_cloud_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And not of the emulator, which a restart would mend."""
    async with (
        gateway_of(None, {"api.txt": tmp_path / "gone.md"}) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/api.txt") as answer,
    ):
        assert (answer.status, code(await answer.json())) == (500, "internal_error")
    assert "GET /api.txt failed" in caplog.text
    assert "gone.md" in caplog.text


async def test_a_compressed_body_is_refused_and_never_inflated() -> None:
    async with gateway_of(None) as url, aiohttp.ClientSession() as session:
        headers = {"Content-Encoding": "gzip"}
        answer = await session.post(f"{url}/wakeup", data=b"no gzip", headers=headers)
        assert answer.status == 415
        assert (await answer.json())["error"]["code"] == "unsupported_encoding"


async def test_a_slash_at_the_end_of_a_call_changes_nothing() -> None:
    async def api(request: web.Request) -> web.StreamResponse:
        return web.json_response({"call": request.match_info["call"]})

    async with gateway_of(api) as url, aiohttp.ClientSession() as session:
        answer = await session.post(f"{url}/wakeup/", json={})
        assert await answer.json() == {"call": "wakeup"}


PIECES, PAUSE_S = 250, 0.02  # a body that takes 5 s, if nobody stops it


@pytest.mark.parametrize("path", ["/wakeup", "/_local/status", "/nothing"])
@pytest.mark.parametrize("framing", ["Content-Length: 250", "Transfer-Encoding: chunked"])
async def test_a_body_that_comes_byte_by_byte_is_given_up_and_others_are_served_meanwhile(
    monkeypatch: pytest.MonkeyPatch, framing: str, path: str
) -> None:
    assert gateway.BODY_TIMEOUT_S == 60
    monkeypatch.setattr(gateway, "BODY_TIMEOUT_S", 0.1)

    async def api(_: web.Request) -> web.StreamResponse:
        return web.json_response({"reached": True})

    piece = b"1\r\n \r\n" if "chunked" in framing else b" "

    async def send_slowly(writer: asyncio.StreamWriter) -> None:
        for _ in range(PIECES):
            writer.write(piece)
            await asyncio.sleep(PAUSE_S)
        writer.write(b"0\r\n\r\n" if "chunked" in framing else b"")

    async with gateway_of(api) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode())
        sending = asyncio.create_task(send_slowly(writer))
        assert await post(url) == (200, {"reached": True})
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 "), head
        assert b"connection: close" in head.lower()
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        assert code(json.loads(await reader.readexactly(length))) == "timed_out"
        sending.cancel()
        writer.close()
