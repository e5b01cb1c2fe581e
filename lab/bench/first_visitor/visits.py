"""Visits of the page, from its opening to the answer, with everything cold or warm."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from lab.bench.first_visitor.cloud import Signer, VisitedCloud
from lab.load import api_client
from warmlens.errors import WarmlensError

_FILES = ("index.html", "configuration.json")


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A kind of visitor.

    Attributes:
        name: its name in records.
        finds_cold: whether all instances are gone when it comes.
        signer: the uploads function that it meets.
        wakes: calls that the page sends at once when it opens: `wakeup` for the classifier,
            `uploads?start` for the function that signs uploads.
        pauses_s: seconds between the page's opening and the tap that sends the photo.
        uploads: whether it uploads the photo first; otherwise the photo is in the request.
        preflight: whether it asks S3 first if the page may send there, as browsers do before a
            request to another origin.
    """

    name: str
    finds_cold: bool = True
    signer: Signer = "ours"
    wakes: Sequence[str] = ()
    pauses_s: Sequence[float] = (0.0,)
    uploads: bool = True
    preflight: bool = False


LATER = Visitor(name="later visitor", finds_cold=False, wakes=("wakeup",), pauses_s=(2.0,))
BEFORE = Visitor(name="before", signer="boto3")
API_ONLY = Visitor(name="without the page")
ONE_WOKEN = Visitor(name="page wakes the classifier alone", wakes=("wakeup",), pauses_s=(2.0,))
WOKEN = Visitor(
    name="page wakes both functions", wakes=("wakeup", "uploads?start"), pauses_s=(0.0, 2.0, 7.0)
)
LATER_DIRECT = replace(LATER, name="later visitor, photo in the request", uploads=False)
WOKEN_DIRECT = replace(
    WOKEN, name="page wakes, photo in the request", uploads=False, pauses_s=(0.0, 2.0)
)
VISITORS = (LATER, BEFORE, API_ONLY, ONE_WOKEN, WOKEN, LATER_DIRECT, WOKEN_DIRECT)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Times of one visit.

    Attributes:
        wait_ms: from the tap to the answer.
        parts_ms: its parts: `uploads`, `storage`, `classification`.
        cold_start: whether the classification met a cold start.
    """

    wait_ms: float
    parts_ms: dict[str, float]
    cold_start: bool


async def visit(
    cloud: VisitedCloud,
    visitor: Visitor,
    pause_s: float,
    photo: bytes,
    *,
    api_url: str,
    storage_url: str,
) -> Visit:
    """Open the page, choose a photo, send it and wait for its answer.

    The part of the pause in which no instance starts is skipped.

    Args:
        cloud: the cloud.
        visitor: the kind of visitor.
        pause_s: seconds between the opening and the tap.
        photo: the photo, a JPEG.
        api_url: address of the page and of the API, over the visitor's link.
        storage_url: address of S3, over the visitor's link.

    Raises:
        WarmlensError: ``visit_failed``: a call was not answered with success.
    """
    cloud.signer = visitor.signer
    if visitor.finds_cold:
        await cloud.end_instances()
    async with api_client() as client:
        # Two connections stay open, so that a wakeup under way keeps no call waiting: over
        # CloudFront all calls share one (HTTP/2).
        await asyncio.gather(*(_load(client, f"{api_url}/{file}") for file in _FILES))
        opened_s = time.monotonic()
        waking = asyncio.create_task(_wake(client, api_url, visitor.wakes))
        await _choose(cloud, waking, opened_s + pause_s)
        tapped_s = signed_s = stored_s = time.monotonic()
        if visitor.uploads:
            ticket = await post(client, f"{api_url}/uploads", upload_of(photo))
            signed_s = time.monotonic()
            origin = cloud.url if visitor.preflight else None
            await store(client, ticket, photo, storage_url, origin)
            stored_s = time.monotonic()
            body = {"method": "classification", "file_path": ticket["file_path"]}
            result = await post(client, f"{api_url}/classification", body)
        else:
            result = await post(client, f"{api_url}/classification", photo)
        answered_s = time.monotonic()
        await waking
    await cloud.settle()
    return Visit(
        wait_ms=(answered_s - tapped_s) * 1000,
        parts_ms={
            "uploads": (signed_s - tapped_s) * 1000,
            "storage": (stored_s - signed_s) * 1000,
            "classification": (answered_s - stored_s) * 1000,
        },
        cold_start=result["cold_start"],
    )


def upload_of(photo: bytes) -> dict[str, Any]:
    """Return the body of `POST /uploads` for a JPEG."""
    return {"content_type": "image/jpeg", "bytes": len(photo)}


async def _load(client: aiohttp.ClientSession, url: str) -> None:
    async with client.get(url) as answer:
        await answer.read()


async def _wake(client: aiohttp.ClientSession, api_url: str, calls: Sequence[str]) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "wakeup": {"method": "wakeup"},
        "uploads?start": {"bytes": 1},
    }
    await asyncio.gather(*(post(client, f"{api_url}/{call}", bodies[call]) for call in calls))


async def _choose(cloud: VisitedCloud, waking: asyncio.Task[None], until_s: float) -> None:
    """Wait until that moment, or until nothing starts any more."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, until_s - time.monotonic())):
            await asyncio.shield(waking)
            await cloud.settle()


async def post(
    client: aiohttp.ClientSession, url: str, body: dict[str, Any] | bytes
) -> dict[str, Any]:
    """Send JSON, or a photo itself, a JPEG; return the answer.

    Raises:
        WarmlensError: ``visit_failed``: it was not answered with success.
    """
    sent: dict[str, Any] = {"json": body}
    if isinstance(body, bytes):
        sent = {"data": body, "headers": {"Content-Type": "image/jpeg"}}
    async with client.post(url, **sent) as answer:
        if answer.status != 200:
            raise WarmlensError("visit_failed", f"{url}: {answer.status} {await answer.text()}")
        document: dict[str, Any] = await answer.json()
        return document


async def store(
    client: aiohttp.ClientSession,
    ticket: dict[str, Any],
    photo: bytes,
    storage_url: str,
    origin: str | None = None,
) -> None:
    """Upload a photo with its ticket; with an origin, after a preflight from there.

    Raises:
        WarmlensError: ``visit_failed``: it was not answered with success.
    """
    form = aiohttp.FormData(ticket["fields"])
    form.add_field("file", photo, content_type="image/jpeg", filename="photo.jpg")
    url = storage_url + urlsplit(ticket["url"]).path
    if origin:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        async with client.options(url, headers=asked) as allowed:
            await allowed.read()
            if allowed.status != 200:
                raise WarmlensError("visit_failed", f"{url}: {allowed.status}, to a preflight")
    async with client.post(url, data=form) as answer:
        if answer.status not in (200, 201, 204):
            raise WarmlensError("visit_failed", f"{url}: {answer.status} {await answer.text()}")
