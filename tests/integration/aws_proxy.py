"""A proxy of AWS that refuses some calls, as AWS does without a permission."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from yarl import URL

from warmlens.local.loopback import serving

Refuses = Callable[[web.Request, int], bool]
# S3 tells the code in the body, Lambda in the header.
_BODY = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_HEADERS = {"x-amzn-errortype": "AccessDeniedException"}


@asynccontextmanager
async def refusing(endpoint_url: str, refuses: Refuses) -> AsyncIterator[str]:
    """Pass calls on to the emulator for as long as the block runs, but for those that are refused.

    Args:
        endpoint_url: the emulator.
        refuses: tells whether to answer 403, by the request and the status that it would get.

    Yields:
        The address.
    """

    async def forward(request: web.Request) -> web.Response:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                URL(endpoint_url + request.raw_path, encoded=True),
                headers=request.headers,  # with the host that the signature covers
                data=io.BytesIO(await request.read()),
            ) as answer,
        ):
            body = await answer.read()
        if refuses(request, answer.status):
            return web.Response(status=403, text=_BODY, headers=_HEADERS)
        left_out = ("Content-Length", "Transfer-Encoding", "Connection", "Date", "Server")
        kept = {key: value for key, value in answer.headers.items() if key not in left_out}
        return web.Response(status=answer.status, headers=kept, body=body)

    app = web.Application(client_max_size=256 * 2**20)
    app.router.add_route("*", "/{path:.*}", forward)
    async with serving(app) as url:
        yield url
