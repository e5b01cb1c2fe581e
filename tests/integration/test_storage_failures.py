"""Failures of S3: the caller's error, and recovery."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.conftest import Cloud
from tests.integration import classifier_harness
from tests.integration.classifier_harness import CLASSIFY, FOLDER, METRICS, Call, CallWith
from warmlens.local.loopback import serving
from warmlens.registry.publish import publish_model

call_with = classifier_harness.call_with  # a fixture


class Disturbance:
    """What happens to requests for images: statuses that are answered, one after another.

    None passes a request on to S3, and so do all requests when there is nothing left.
    """

    def __init__(self) -> None:
        self.statuses: list[int | None] = []
        self.silent = False

    def next(self) -> int | None:
        return self.statuses.pop(0) if self.statuses else None


@pytest.fixture
def disturbance() -> Disturbance:
    return Disturbance()


@pytest.fixture
async def call(
    cloud: Cloud, s3: Any, bucket: str, call_with: CallWith, disturbance: Disturbance
) -> AsyncIterator[Call]:
    """Calls a classifier whose way to the images can be disturbed."""
    publish_model(FOLDER, bucket, s3)
    never = asyncio.Event()

    async def forward(request: web.Request) -> web.Response:
        if "/test/" in request.path:
            if disturbance.silent:
                await never.wait()
            status = disturbance.next()
            if status is not None:
                code = "AccessDenied" if status == 403 else "InternalError"
                return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>")
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                URL(cloud.endpoint_url + request.raw_path, encoded=True), headers=request.headers
            ) as answer,
        ):
            passed = ("ETag", "Last-Modified", "Content-Range")
            headers = {key: answer.headers[key] for key in passed if key in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", forward)
    async with (
        serving(app) as url,
        call_with({"AWS_ENDPOINT_URL": url, **METRICS}) as call,
    ):
        assert (await call(CLASSIFY))["TOP1_label"] == "espresso"
        yield call


async def test_an_image_that_s3_does_not_give_without_the_right_to_list_is_not_found(
    call: Call, disturbance: Disturbance
) -> None:
    disturbance.statuses = [403]  # S3's answer for a missing object; see decision 3
    answer = await call(CLASSIFY)
    assert (answer["status"], answer["error"]["code"]) == (404, "image_not_found")


async def test_a_failure_that_passes_is_not_noticed(call: Call, disturbance: Disturbance) -> None:
    disturbance.statuses = [500, 503]
    assert (await call(CLASSIFY))["TOP1_label"] == "espresso"


@pytest.mark.parametrize(
    ("disturb", "status", "code"),
    [
        (lambda each: each.statuses.extend([500] * 100), 503, "storage_unavailable"),
        (lambda each: setattr(each, "silent", True), 504, "timed_out"),
    ],
)
async def test_a_failure_that_stays_is_told_and_ends_with_it(
    call: Call,
    disturbance: Disturbance,
    disturb: Callable[[Disturbance], None],
    status: int,
    code: str,
) -> None:
    disturb(disturbance)
    answer = await call(CLASSIFY)
    assert (answer["status"], answer["error"]["code"]) == (status, code)
    assert "try again" in answer["error"]["message"]
    assert call.metrics("Fault")[-1] == 1
    disturbance.statuses, disturbance.silent = [], False
    assert (await call(CLASSIFY))["TOP1_label"] == "espresso"
