"""Wake ahead: an instance starts while its user is still uploading, whoever the client is."""

import asyncio
import json
import re
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from aiohttp import web

from lab.emulator_with_pool import emulator_with_pool
from lambda_src.uploads.wake import TIMEOUT_S
from tests.conftest import SAMPLE, SAMPLE_LABEL, assembly_of_the_clouds
from tests.integration.pool_harness import FakeClock, eventually
from warmlens.local.assembly import read_stacks
from warmlens.local.aws import LocalAws
from warmlens.local.buckets import fill_buckets
from warmlens.local.command import run_command
from warmlens.local.deploy import deploy
from warmlens.local.loopback import listen, serving, url_of
from warmlens.paths import LAMBDA_SRC
from warmlens.runtime.instance import State
from warmlens.runtime.pool import InstancePool

IDLE_EXPIRY_S = 600
UPLOADS, CLASSIFIER = "warmlens-local-uploads", "warmlens-local-classifier"
ALIAS = f"arn:aws:lambda:us-east-1:000000000000:function:{CLASSIFIER}:live"


class Deployed:
    """The deployed app, a client that only calls its API, and the pool behind its classifier."""

    def __init__(self, aws: LocalAws, pool: InstancePool, api_url: str, log: list[str]) -> None:
        self.aws, self.pool, self.log = aws, pool, log
        self._api_url = api_url

    async def post(self, call: str, body: object) -> Any:
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.post(f"{self._api_url}/{call}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

    async def begin_upload(self, photo: bytes) -> Any:
        return await self.post("uploads", {"content_type": "image/jpeg", "bytes": len(photo)})

    async def end_upload(self, grant: Any, photo: bytes) -> Any:
        """Send the photo, and have it classified."""
        async with httpx.AsyncClient(timeout=60) as client:
            files = {"file": ("photo.jpg", photo)}
            stored = await client.post(grant["url"], data=grant["fields"], files=files)
            assert stored.status_code == 204, stored.text
        request = {"method": "classification", "file_path": grant["file_path"]}
        return await self.post("classification", request)

    def requests(self) -> list[dict[str, Any]]:
        """The classifier's own log lines of its calls."""
        lines = (line[line.index("{") :] for line in self.log if '"message":"request"' in line)
        return [json.loads(line) for line in lines]


@asynccontextmanager
async def deployed(folder: Path, clock: FakeClock) -> AsyncIterator[Deployed]:
    """Run the app as `make run` deploys it, by a clock that stands still."""
    stacks = read_stacks(await assembly_of_the_clouds())
    log: list[str] = []
    async with emulator_with_pool(
        folder,
        [CLASSIFIER],
        clock=clock,
        log=log.append,
        idle_expiry_s=IDLE_EXPIRY_S,
        init_limit_s=120,
    ) as (aws, pool):
        outputs = await asyncio.to_thread(deploy, stacks, aws)
        await asyncio.to_thread(fill_buckets, outputs, aws)
        api_url = f"{aws.endpoint_url}/restapis/{outputs['ApiId']}/v1/_user_request_"
        yield Deployed(aws, pool, api_url, log)


async def test_a_client_that_only_calls_the_api_meets_no_cold_start_while_it_uploads(
    tmp_path: Path,
) -> None:
    clock, photo = FakeClock(), SAMPLE.read_bytes()
    async with deployed(tmp_path, clock) as app:
        assert app.pool.instances() == []
        grant = await app.begin_upload(photo)
        # The upload takes longer than a start.
        await eventually(lambda: [each.state for each in app.pool.instances()] == [State.IDLE])
        answer = await app.end_upload(grant, photo)
        assert answer["TOP1_label"] == SAMPLE_LABEL
        assert answer["cold_start"] is False
        wakeup, call = app.requests()
        assert (wakeup["method"], wakeup["ColdStartAhead"]) == ("wakeup", 1)
        assert (call["method"], call["ColdStart"]) == ("classification", 0)
        assert "ColdStart" not in wakeup
        assert "ColdStartAhead" not in call
        assert len([line for line in app.log if "START RequestId" in line]) == 2

        await clock.advance(IDLE_EXPIRY_S + 1)
        await eventually(lambda: app.pool.instances() == [])
        await asyncio.to_thread(configure_wakeups, app.aws, None)
        grant = await app.begin_upload(photo)
        assert (await app.end_upload(grant, photo))["cold_start"] is True
        assert app.requests()[-1]["ColdStart"] == 1

        await asyncio.to_thread(configure_wakeups, app.aws, ALIAS)
        await asyncio.to_thread(app.aws.lambda_.delete_function, FunctionName=CLASSIFIER)
        assert (await app.begin_upload(photo))["file_path"], "an upload needs no classifier"


def configure_wakeups(aws: LocalAws, function_arn: str | None) -> None:
    """Configure the uploads function as the setting `wake_ahead` does; None is False."""
    configuration = aws.lambda_.get_function_configuration(FunctionName=UPLOADS)
    variables = {**configuration["Environment"]["Variables"], "WAKE_FUNCTION_ARN": function_arn}
    given = {name: value for name, value in variables.items() if value is not None}
    aws.lambda_.update_function_configuration(
        FunctionName=UPLOADS, Environment={"Variables": given}
    )


# What becomes of an upload whose wakeup is not accepted: with the handler, and a server in place of
# Lambda's API.

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def lambda_api(answer: Answer) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A server in place of Lambda's API; yields its address and the calls that it gets."""
    calls: list[web.Request] = []

    async def note(request: web.Request) -> web.StreamResponse:
        calls.append(request)
        await request.read()
        return await answer(request)

    app = web.Application()
    app.router.add_post("/{path:.*}", note)
    async with serving(app) as url:
        yield url, calls


async def accept(_: web.Request) -> web.Response:
    return web.Response(status=202)


RUN = """
import json, sys
from uploads import handler, wake
wake.TIMEOUT_S = float(sys.argv[1])
for event in sys.stdin:
    answer = handler.handler(json.loads(event), None)
    print(json.dumps(answer), flush=True)
"""
Sign = Callable[..., Awaitable[dict[str, Any]]]


@asynccontextmanager
async def uploads_function(
    api_url: str, timeout_s: float = 60, **variables: str
) -> AsyncIterator[Sign]:
    """An instance of the function; yields what has it sign an upload and returns its log line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUN,
        str(timeout_s),
        cwd=LAMBDA_SRC,
        env={
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
            "AWS_ENDPOINT_URL_LAMBDA": api_url,
            "IMAGES_BUCKET": "images",
            "UPLOAD_PREFIX": "uploads/",
            "UPLOAD_EXPIRES_S": "300",
            "MAX_IMAGE_BYTES": "1000",
            "WAKE_FUNCTION_ARN": ALIAS,
            "METRICS_ENVIRONMENT": "test",
            **variables,
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to, told = process.stdin, process.stdout

    async def sign(**query: str) -> dict[str, Any]:
        body = {"content_type": "image/jpeg", "bytes": 5}
        event = {"body": json.dumps(body), "queryStringParameters": query or None}
        to.write(f"{json.dumps(event)}\n".encode())
        log: dict[str, Any] = json.loads(await told.readline())
        answer = json.loads(await told.readline())
        assert (answer["statusCode"], log["status"]) == (200, 200)
        assert json.loads(answer["body"])["fields"]["x-amz-signature"]
        if query:
            return log
        assert log["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] == "WakeRefused"
        assert log["Environment"] == "test"
        return log

    yield sign
    to.close()
    assert await process.wait() == 0


async def test_the_alias_is_called_asynchronously_and_without_a_hold() -> None:
    async with lambda_api(accept) as (url, calls), uploads_function(url) as sign:
        log = await sign()
        (call,) = calls
        assert call.rel_url.raw_path == f"/2015-03-31/functions/{quote(ALIAS, safe='')}/invocations"
        assert call.headers["X-Amz-Invocation-Type"] == "Event"
        assert call.headers["X-Amz-Security-Token"] == "token"
        assert await call.json() == {"method": "wakeup"}
    assert (log["level"], log["WakeRefused"]) == ("INFO", 0)


async def test_the_page_starts_the_function_alone() -> None:
    async with lambda_api(accept) as (url, calls), uploads_function(url) as sign:
        log = await sign(start="")
        assert "WakeRefused" not in log
        assert calls == []


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (403, "AccessDeniedException", "403 Forbidden AccessDeniedException"),
        (404, "ResourceNotFoundException", "404 Not Found ResourceNotFoundException"),
        (429, "TooManyRequestsException", "429 Too Many Requests TooManyRequestsException"),
        (500, "ServiceException", "500 Internal Server Error ServiceException"),
        (503, "", "503 Service Unavailable"),
    ],
)
async def test_an_upload_is_answered_when_its_wakeup_is_refused(
    status: int, error: str, reason: str
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"x-amzn-errortype": error}, text="{}")

    async with lambda_api(refuse) as (url, _), uploads_function(url) as sign:
        log = await sign()
    assert (log["level"], log["WakeRefused"], log["reason"]) == ("WARNING", 1, reason)


async def test_an_upload_is_answered_when_nobody_answers_its_wakeup() -> None:
    answered = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await answered.wait()
        return web.Response(status=202)

    async with lambda_api(hang) as (url, _), uploads_function(url, TIMEOUT_S) as sign:
        log = await sign()
        answered.set()
    assert (log["WakeRefused"], log["reason"]) == (1, f"no answer within {TIMEOUT_S} s")


async def test_an_upload_is_answered_when_lambda_cannot_be_reached() -> None:
    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    with listen() as listener:
        nobody = url_of(listener)
    async with lambda_api(cut) as (cutting, _):
        for url, reason in (
            (nobody, "ConnectionRefusedError"),
            (cutting, "ConnectionResetError|RemoteDisconnected"),
            ("http://lambda.invalid", "gaierror"),
            ("http://\u00fc..invalid", "UnicodeError"),
        ):
            async with uploads_function(url) as sign:
                log = await sign()
            assert log["WakeRefused"] == 1
            assert re.match(f".*({reason})", log["reason"]), log["reason"]


async def test_one_connection_is_kept_and_a_closed_one_is_replaced() -> None:
    async with lambda_api(accept) as (url, calls), uploads_function(url) as sign:
        assert [(await sign())["WakeRefused"] for _ in range(3)] == [0, 0, 0]
        (connection,) = {call.transport for call in calls}
        assert connection is not None
        connection.close()  # as AWS closes one that nobody uses
        assert (await sign())["WakeRefused"] == 0
        assert len(calls) == 4


async def test_a_server_is_trusted_by_awss_authorities_or_else_the_systems(
    tmp_path: Path,
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        f"-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    )
    exit_code, output = await run_command(command.split(), cwd=tmp_path)
    assert exit_code == 0, output
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    app = web.Application()
    app.router.add_post("/{path:.*}", accept)
    runner = web.AppRunner(app)
    await runner.setup()
    with listen() as listener:
        await web.SockSite(runner, listener, ssl_context=tls).start()
        url = url_of(listener).replace("http://127.0.0.1", "https://localhost")
        async with uploads_function(url) as sign:
            log = await sign()
            assert (log["WakeRefused"], log["reason"][:24]) == (1, "SSLCertVerificationError")
        async with uploads_function(url, SSL_CERT_FILE=str(certificate)) as sign:
            assert [(await sign())["WakeRefused"] for _ in range(2)] == [0, 0]
        await runner.cleanup()


def test_the_authorities_are_the_five_of_aws_and_valid_for_years() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(LAMBDA_SRC / "uploads" / "amazon_roots.pem")
    authorities: list[dict[str, Any]] = context.get_ca_certs()
    names = {dict(part[0] for part in each["subject"])["commonName"] for each in authorities}
    ends = [int(each["notAfter"].split()[3]) for each in authorities]
    starfield = "Starfield Services Root Certificate Authority - G2"
    assert names == {f"Amazon Root CA {number}" for number in range(1, 5)} | {starfield}
    assert min(ends) >= 2037
