"""`warmlens_client`, blocking and async, with an API that is busy, slow, gone or not ours."""

import asyncio
import io
import pickle
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from PIL import Image

from tests.integration.api_stub import ANSWER, GRANT, Service, running_service
from tests.ports import closed_port
from warmlens.local.loopback import listen, serving, url_of
from warmlens_client import (
    AnswerError,
    AsyncClient,
    Client,
    PhotoError,
    Prediction,
    Retry,
    UnexpectedAnswerError,
    Upload,
    UploadError,
    WarmlensApiError,
    WarmlensClientError,
    WarmlensConnectionError,
)

PHOTO = b"\xff\xd8\xffa photo"
PREDICTIONS: list[Any] = [
    [], {}, ["cup"],
    [{"id": "1", "label": "cup"}],
    [{"id": 1, "label": "cup", "softmax": 1}],
    [{"id": "1", "label": "cup", "softmax": float("nan")}],
    [{"id": "1", "label": "cup", "softmax": 10**400}],
    [{"id": "1", "label": "cup", "softmax": True}],
]  # fmt: skip
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


async def test_an_answer_is_typed_and_has_all_that_the_api_said(run: Run, service: Service) -> None:
    answer = await run(service.url, "classify", PHOTO, top=3)
    assert answer.predictions == (Prediction("1", "cup", 1.0),)
    assert answer.best.label == "cup"
    assert (answer.cold_start, answer.time_s, answer.init_ms) == (True, 0.1, 1.0)
    assert (answer.model, answer.version, answer.instance_id) == ("cups", "1.0.0", "i-1")
    assert answer.stages_ms == {"decode": 2.0}
    assert answer.raw == ANSWER
    ((request, body),) = service.requests
    assert (request.query["top"], request.content_type, body) == ("3", "image/jpeg", PHOTO)
    with pytest.raises(AttributeError):
        answer.model = "another"


async def test_a_photo_is_uploaded_and_its_path_classified_in_steps_of_their_own(
    run: Run, service: Service
) -> None:
    upload = await run(service.url, "upload", PHOTO)
    assert upload == Upload("uploads/x.jpg", "secret")
    assert "secret" not in repr(upload)
    assert (await run(service.url, "classify_path", upload.file_path, top=2)).best.label == "cup"
    assert (await run(service.url, "wake")).cold_start is False
    service.answers["/uploads"] = (200, {"file_path": "uploads/x.jpg", "deleted": True})
    await run(service.url, "delete", upload)
    assert service.asked == ["/uploads", "/storage", "/classification", "/wakeup", "/uploads"]
    deletion = service.requests[-1][0]
    assert (deletion.method, deletion.query["file_path"]) == ("DELETE", "uploads/x.jpg")
    assert deletion.headers["x-delete-token"] == "secret"
    form = service.requests[1][1]
    assert form.index(b"uploads/x.jpg") < form.index(PHOTO)  # S3 ignores fields after the file


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({"api_key": "secret"}, ("x-api-key", "secret")),
        ({"token": "secret"}, ("authorization", "Bearer secret")),
        ({"auth": httpx.BasicAuth("me", "x")}, ("authorization", "Basic bWU6eA==")),
    ],
)
async def test_credentials_go_to_the_api_and_not_to_s3(
    run: Run, service: Service, credentials: dict[str, Any], header: tuple[str, str]
) -> None:
    await run(service.url, "classify", PHOTO, upload=True, client=credentials)
    uploads, storage, classification = (request.headers for request, _ in service.requests)
    name, value = header
    assert uploads[name] == classification[name] == value
    assert not {"x-api-key", "authorization"} & {each.lower() for each in storage}


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


@pytest.mark.parametrize(
    "body",
    [
        "<html>", "", "[]", "null", "[" * 100_000, '"text"', "{}",
        *({**ANSWER, "predictions": each} for each in PREDICTIONS),
        {**ANSWER, "cold_start": 0}, {**ANSWER, "time": "0.1"}, {**ANSWER, "stages_ms": {"a": "b"}},
    ],
)  # fmt: skip
async def test_an_answer_of_another_form_is_named_as_such(
    service: Service, body: str | dict[str, Any]
) -> None:
    service.answers["/classification"] = (200, body)
    with pytest.raises(UnexpectedAnswerError, match=r"^classification returned ") as caught:
        await blocking(service.url, "classify", PHOTO)
    assert (caught.value.code, caught.value.status) == ("unexpected_answer", 200)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("url", ["", "ftp://x/y", "http://[", "nothing", None])
async def test_an_upload_goes_only_to_a_url(service: Service, url: str | None) -> None:
    service.answers["/uploads"] = (200, {**GRANT, "url": url})
    with pytest.raises(UnexpectedAnswerError, match="uploads returned no url"):
        await blocking(service.url, "upload", PHOTO)


@pytest.mark.parametrize(("status", "code"), [(403, "upload_refused"), (307, "upload_redirected")])
async def test_a_photo_that_s3_did_not_store_is_not_classified(
    run: Run, service: Service, status: int, code: str
) -> None:
    service.answers["/storage"] = (status, "<Code>AccessDenied</Code>" + "x" * 10_000)
    with pytest.raises(UploadError) as caught:
        await run(service.url, "classify", PHOTO, upload=True)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(caught.value.message) < 500
    assert service.asked == ["/uploads", "/storage"]


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


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "http://",
        "http://[",
        "https://page/#key=x",
        "http://a/?b",
    ],
)
def test_what_is_no_root_of_an_api_is_refused_at_once(url: str) -> None:
    with pytest.raises(WarmlensClientError) as caught:
        Client(url)
    assert caught.value.code == "invalid_url"


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "a", "token": "b"},
        {"api_key": ""},
        {"api_key": "key\n"},
        {"token": "schl\u00fcssel"},
        {"timeout_s": 0},
        {"timeout_s": float("inf")},
        {"timeout_s": float("nan")},
        {"max_retries": -1},
    ],
)
@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_options_that_cannot_work_are_refused_at_once(client: Any, options: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        client("http://127.0.0.1:8080", **options)


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "content_type"),
    [
        ("RGB", "image/jpeg"), ("L", "image/jpeg"), ("CMYK", "image/jpeg"), ("YCbCr", "image/jpeg"),
        ("RGBA", "image/png"), ("P", "image/png"), ("LA", "image/png"), ("1", "image/png"),
    ],
)  # fmt: skip
async def test_a_pil_image_is_sent_as_a_file_of_its_pixels(
    service: Service, mode: str, content_type: str
) -> None:
    image = Image.new("RGB", (40, 30), (200, 100, 50)).convert(mode)
    await blocking(service.url, "classify", image)
    ((request, body),) = service.requests
    assert request.content_type == content_type
    sent = Image.open(io.BytesIO(body))
    assert (sent.size, sent.mode) == ((40, 30), "CMYK" if mode == "CMYK" else sent.mode)
    expected, pixel = (each.convert("RGB").getpixel((5, 5)) for each in (image, sent))
    assert isinstance(expected, tuple)
    assert isinstance(pixel, tuple)
    assert max(abs(a - b) for a, b in zip(expected, pixel, strict=True)) <= 3


async def test_an_opened_photo_keeps_what_decides_its_pixels_and_nothing_private(
    service: Service,
) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A maker"
    data = file_of(Image.new("RGB", (40, 30)), "JPEG", exif=exif, icc_profile=b"a profile")
    await blocking(service.url, "classify", Image.open(io.BytesIO(data)))
    sent = Image.open(io.BytesIO(service.requests[0][1]))
    assert dict(sent.getexif()) == {0x0112: 6}
    assert sent.info["icc_profile"] == b"a profile"


@pytest.mark.parametrize(
    ("photo", "code"),
    [
        (b"", "empty_file"),
        (b"hello", "unsupported_type"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "unsupported_type"),
        (Path("nowhere.jpg"), "unreadable_file"),
        ("/", "unreadable_file"),
        ("/dev/zero", "unsupported_type"),
        (Image.new("F", (9, 9)), "unsupported_mode"),
        (Image.new("RGB", (0, 9)), "unreadable_image"),
    ],
)
async def test_what_is_no_photo_is_not_sent(
    run: Run, service: Service, photo: Any, code: str
) -> None:
    with pytest.raises(PhotoError) as caught:
        await run(service.url, "classify", photo)
    assert (caught.value.code, service.asked) == (code, [])


async def test_a_damaged_pil_image_is_not_sent(service: Service) -> None:
    data = file_of(Image.effect_noise((200, 200), 50), "JPEG")
    with pytest.raises(PhotoError, match="truncated") as caught:
        await blocking(service.url, "classify", Image.open(io.BytesIO(data[:2000])))
    assert (caught.value.code, service.asked) == ("unreadable_image", [])


async def test_a_photo_too_large_for_a_call_is_uploaded_unless_that_is_ruled_out(
    run: Run, service: Service
) -> None:
    photo = PHOTO + bytes(4_400_001 - len(PHOTO))
    with pytest.raises(PhotoError) as caught:
        await run(service.url, "classify", photo, upload=False)
    assert (caught.value.code, service.asked) == ("image_too_large", [])
    await run(service.url, "classify", photo)
    assert service.asked == ["/uploads", "/storage", "/classification"]


async def test_an_object_that_is_no_photo_is_the_callers_mistake(
    run: Run, service: Service
) -> None:
    with pytest.raises(TypeError, match="not int"):
        await run(service.url, "classify", 7)


async def test_a_client_of_the_callers_own_is_used_and_left_open(service: Service) -> None:
    def call() -> None:
        with httpx.Client(headers={"x-mine": "1"}) as http:
            for _ in range(2):
                with Client(service.url, http=http) as client:
                    client.wake()

    await asyncio.to_thread(call)
    assert [request.headers["x-mine"] for request, _ in service.requests] == ["1", "1"]


async def test_one_client_serves_many_threads(service: Service) -> None:
    def call() -> set[str]:
        labels: set[str] = set()
        with Client(service.url) as client:
            threads = [
                threading.Thread(target=lambda: labels.add(client.classify(PHOTO).best.label))
                for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return labels

    assert await asyncio.to_thread(call) == {"cup"}
    assert service.asked == ["/classification"] * 8


def test_importing_it_imports_neither_pillow_nor_the_rest_of_the_project() -> None:
    script = (
        "import sys, warmlens_client\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(names & {'PIL', 'boto3', 'typer', 'warmlens', 'lambda_src'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_errors_are_of_one_family() -> None:
    for kind in (PhotoError, WarmlensConnectionError, AnswerError):
        assert issubclass(kind, WarmlensClientError)
