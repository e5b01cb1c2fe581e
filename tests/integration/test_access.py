"""Access control: paths in any encoding, signed uploads, API keys."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from app import settings_of
from tests.conftest import SAMPLE, Cloud
from tests.infrastructure.variants import synthesize
from warmlens.local.assembly import read_stacks
from warmlens.local.aws import LocalAws
from warmlens.local.deploy import deploy
from warmlens.local.emulator import running_emulator
from warmlens.local.loopback import serving

SECRET = "secrets/photo.jpg"
# Ways to write `test/../secrets/photo.jpg`, or a path that some layer may read as that one.
ESCAPES = [
    "test/../secrets/photo.jpg",
    "uploads/../secrets/photo.jpg",
    "test/x/../../secrets/photo.jpg",
    "test/./../secrets/photo.jpg",
    "test//../secrets/photo.jpg",
    "./test/../secrets/photo.jpg",
    "/secrets/photo.jpg",
    "//secrets/photo.jpg",
    "secrets/photo.jpg",
    "secrets/photo.jpg#test/",
    "secrets/photo.jpg?prefix=test/",
    "test/%2e%2e/secrets/photo.jpg",
    "test/%2E%2E%2Fsecrets%2Fphoto.jpg",
    "test%2F..%2Fsecrets%2Fphoto.jpg",
    "test/%252e%252e/secrets/photo.jpg",
    "test/..%2fsecrets/photo.jpg",
    "test/..%c0%afsecrets/photo.jpg",
    "test/%c0%ae%c0%ae/secrets/photo.jpg",
    "test/..\\secrets\\photo.jpg",
    "test\\..\\secrets\\photo.jpg",
    "test/\u2024\u2024/secrets/photo.jpg",
    "test/\uff0e\uff0e/secrets/photo.jpg",
    "test/..\u2215secrets/photo.jpg",
    "test/..\uff0fsecrets/photo.jpg",
    "test/.\u200b./secrets/photo.jpg",
    "test/..;/secrets/photo.jpg",
    "test/../secrets/photo.jpg\0.jpg",
    "test/\0/../secrets/photo.jpg",
    "test/..\r\n/secrets/photo.jpg",
    "test/../secrets/photo.jpg ",
    "\ufefftest/../secrets/photo.jpg",
    "TEST/../secrets/photo.jpg",
    "test/\ud800/../secrets/photo.jpg",
    "s3://bucket/secrets/photo.jpg",
    "arn:aws:s3:::bucket/secrets/photo.jpg",
    "file:///etc/passwd",
    "http://127.0.0.1/secrets/photo.jpg",
]

WRITTEN = [
    (how, path)
    for how in ("as JSON escapes", "as UTF-8", "past the gateway")
    for path in ESCAPES
    # The emulator's Invoke cannot read half a character, and fails itself.
    if not (how == "past the gateway" and "\ud800" in path)
]


@pytest.fixture(scope="module")
def secret(cloud: Cloud, s3: Any) -> None:
    """A photo in the images bucket that is none of the callers' business."""
    variables = cloud.client("lambda").get_function_configuration(
        FunctionName="warmlens-local-classifier"
    )["Environment"]["Variables"]
    s3.put_object(Bucket=variables["IMAGES_BUCKET"], Key=SECRET, Body=SAMPLE.read_bytes())


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize(("how", "file_path"), WRITTEN, ids=ascii)
def test_no_path_in_any_encoding_leads_out_of_its_prefix(
    cloud: Cloud, file_path: str, how: str
) -> None:
    body = {"method": "classification", "file_path": file_path}
    if how == "past the gateway":  # whose own check of the body then helps nobody
        invoked = cloud.client("lambda").invoke(
            FunctionName="warmlens-local-classifier",
            Qualifier="live",
            Payload=json.dumps(body).encode(),
        )
        told = json.loads(invoked["Payload"].read())
        assert told["status"] in (400, 403), told
        return
    text = json.dumps(body, ensure_ascii=False)
    if how == "as JSON escapes":  # every character, so that nothing that reads the text knows it
        letters = "".join(f"\\u{ord(each):04x}" for each in file_path)
        text = f'{{"method": "classification", "file_path": "{letters}"}}'
    answer = cloud.post(
        "classification",
        content=text.encode(errors="surrogatepass"),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in (400, 403), answer.text
    assert "TOP1" not in answer.text


def test_a_caller_chooses_neither_key_nor_prefix_of_an_upload(cloud: Cloud) -> None:
    wish = {"key": "test/mine.jpg", "file_path": "test/mine.jpg", "prefix": "test/"}
    answer = cloud.post("uploads", {"content_type": "image/jpeg", "bytes": 4, **wish})
    grant = answer.json()
    assert grant["file_path"].startswith("uploads/")
    assert grant["fields"]["key"] == grant["file_path"]
    assert "mine" not in answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"key": "test/cat.jpg"},
        {"key": "uploads/mine.jpg"},
        {"Content-Type": "image/svg+xml"},
        {"acl": "public-read"},
        {"success_action_redirect": "https://a.example"},
        {"x-amz-meta-mine": "mine"},
    ],
    ids=str,
)
def test_a_signed_form_that_was_changed_is_refused_by_its_policy(
    cloud: Cloud, change: dict[str, str]
) -> None:
    grant = cloud.post("uploads", {"content_type": "image/jpeg", "bytes": 4}).json()
    fields = {**grant["fields"], **change}
    files = {"file": ("x", b"abcd")}
    stored = httpx.post(grant["url"], data=fields, files=files, timeout=60)
    assert stored.status_code == 403, stored.text


@asynccontextmanager
async def guarded(
    folder: Path,
    noting: tuple[str, ...] = ("classifier", "uploads"),
    *,
    origins: Sequence[str] = (),
    **changes: Any,
) -> AsyncIterator[tuple[LocalAws, dict[str, str], list[str]]]:
    """The environment `local` with other settings.

    Args:
        folder: folder for what it leaves.
        noting: functions that only note that they were called, in the last of what is given.
        origins: origins whose requests the emulator lets through to the API.
        changes: the settings.
    """
    called: list[str] = []

    async def note(request: web.Request) -> web.Response:
        called.append(request.headers["X-Amzn-Lambda-Function-Name"])
        return web.json_response({"statusCode": 200, "headers": {}, "body": "{}"})

    settings = dataclasses.replace(settings_of("local"), warming="off", **changes)
    await asyncio.to_thread(synthesize, folder, settings)
    stacks = read_stacks(folder / "assembly-local")
    functions = [f"warmlens-local-{name}" for name in noting]
    app = web.Application()
    app.router.add_post("/", note)
    async with serving(app) as url:
        function_urls = dict.fromkeys(functions, url)
        async with running_emulator(folder, function_urls=function_urls, origins=origins) as aws:
            yield aws, await asyncio.to_thread(deploy, stacks, aws), called


def url_of(aws: LocalAws, outputs: dict[str, str]) -> str:
    return f"{aws.endpoint_url}/restapis/{outputs['ApiId']}/v1/_user_request_"


BODIES: dict[str, dict[str, object] | None] = {
    "classification": {"method": "classification", "file_path": "test/cat.jpg"},
    "wakeup": {"method": "wakeup"},
    "model": None,
    "uploads": {"content_type": "image/jpeg", "bytes": 4},
}


async def send(
    client: httpx.AsyncClient,
    url: str,
    body: dict[str, object] | None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Make a call: a GET if it has no body."""
    if body is None:
        return await client.get(url, headers=headers)
    return await client.post(url, json=body, headers=headers)


async def test_without_the_key_no_function_is_called(tmp_path: Path) -> None:
    async with (
        guarded(tmp_path, auth="api_key") as (aws, outputs, called),
        httpx.AsyncClient(timeout=60) as client,
    ):
        url = url_of(aws, outputs)
        key = aws.apigateway.get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)["value"]
        wrong = (None, "", "wrong", key[:-1], f"{key}x", key.swapcase(), outputs["ApiKeyId"])
        for call, body in BODIES.items():
            for each in wrong:
                headers = {} if each is None else {"x-api-key": each}
                answer = await send(client, f"{url}/{call}", body, headers)
                assert answer.status_code == 403, (call, each, answer.text)
            asked = await send(
                client, f"{url}/{call}?x-api-key={key}", body and {**body, "key": key}
            )
            assert asked.status_code == 403
        assert called == []
        for call, body in BODIES.items():
            answer = await send(client, f"{url}/{call}", body, {"x-api-key": key})
            assert answer.status_code == 200
        assert len(called) == len(BODIES)


async def test_where_calls_must_be_signed_one_that_is_not_calls_no_function(tmp_path: Path) -> None:
    async with (
        guarded(tmp_path, auth="iam") as (aws, outputs, called),
        httpx.AsyncClient(timeout=60) as client,
    ):
        for call, body in {**BODIES, "nothing": {}}.items():
            answer = await send(client, f"{url_of(aws, outputs)}/{call}", body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_signed")
        assert called == []


async def test_only_a_page_of_the_settings_origins_may_read_a_signed_upload(tmp_path: Path) -> None:
    ours = ("https://c.example", "https://d.example")
    others = (
        "https://e.example", "https://c.example.e.example", "http://c.example", "https://c.exampl",
        "https://c.example https://d.example", "null", "*",
    )  # fmt: skip
    async with (
        guarded(tmp_path, ("classifier",), origins=(*ours, *others), cors_origins=ours) as (
            aws,
            outputs,
            _,
        ),
        httpx.AsyncClient(timeout=60) as client,
    ):
        for origin in (*ours, *others, None):
            headers = {} if origin is None else {"Origin": origin}
            answer = await client.post(
                f"{url_of(aws, outputs)}/uploads", json=BODIES["uploads"], headers=headers
            )
            assert answer.status_code == 200, answer.text
            allowed = answer.headers.get("Access-Control-Allow-Origin")
            assert allowed == (origin if origin in ours else None)
            assert answer.headers["Vary"] == "Origin"  # no cache gives one page's answer to another
