"""A proxy of S3 whose answers can be disturbed, by key and number."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from yarl import URL

from warmlens.local.loopback import listen, serving, url_of

FOREVER = 10**9
# S3's own answer to whoever may not read an object, or not know that it is missing.
REFUSED = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>Told</Message><RequestId>9P3X</RequestId></Error>"""


class S3Proxy:
    """Passes GETs on to S3, except those whose key has `part`.

    Attributes:
        url: where it listens.
        part: part of the keys that are disturbed.
        left: how many answers are still disturbed.
        asked: the paths that were asked for, disturbed or not.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.part = "test/"
        self.left = 0
        self.asked: list[str] = []
        self._kind = ""
        self._before_byte = FOREVER
        self._code = ""
        self._late_s = 0.0
        self._change: Callable[[bytes], bytes] = lambda body: body

    def refuse(self, part: str, *, code: str = "AccessDenied", times: int = FOREVER) -> None:
        """Answer 403, as S3 does to whoever may not read, or who it takes for someone else."""
        self._code = code
        self._disturb("refuse", part, times)

    def cut(self, part: str, *, before_byte: int = FOREVER, times: int = FOREVER) -> None:
        """Close the connection in the middle of the body, if that begins before this byte."""
        self._disturb("cut", part, times, before_byte)

    def end_late(self, part: str, *, after_s: float, times: int = FOREVER) -> None:
        """Say nothing for some seconds, then close the connection."""
        self._late_s = after_s
        self._disturb("end_late", part, times)

    def drip(self, part: str, *, times: int = FOREVER) -> None:
        """Send a byte a second."""
        self._disturb("drip", part, times)

    def change(self, part: str, change: Callable[[bytes], bytes], *, times: int = FOREVER) -> None:
        """Send other bytes, as if they were the object's."""
        self._change = change
        self._disturb("change", part, times)

    def repair(self) -> None:
        self.left = 0

    def _disturb(self, kind: str, part: str, times: int, before_byte: int = FOREVER) -> None:
        self._kind, self.part, self.left, self._before_byte = kind, part, times, before_byte

    async def answer(
        self, request: web.Request, status: int, headers: dict[str, str], body: bytes
    ) -> web.StreamResponse:
        """Give S3's answer, disturbed or not."""
        self.asked.append(request.path)
        begin, _, _ = request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        is_meant = self.part in request.path and int(begin) < self._before_byte
        if not is_meant or self.left <= 0:
            return web.Response(status=status, headers=headers, body=body)
        self.left -= 1
        if self._kind == "refuse":
            return web.Response(status=403, text=REFUSED.format(code=self._code))
        if self._kind == "change":
            return web.Response(status=status, headers=headers, body=self._change(body))
        if self._kind == "end_late":
            await asyncio.sleep(self._late_s)
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        if self._kind == "drip":
            for number in range(len(body)):
                await response.write(body[number : number + 1])
                await asyncio.sleep(1)
        await response.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.close()
        return response


@asynccontextmanager
async def running_s3_proxy(endpoint_url: str) -> AsyncIterator[S3Proxy]:
    """Serve one for as long as the block runs."""
    listener = listen()
    proxy = S3Proxy(url_of(listener))

    async def forward(request: web.Request) -> web.StreamResponse:
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                URL(endpoint_url + request.raw_path, encoded=True), headers=request.headers
            ) as answer,
        ):
            passed = ("ETag", "Last-Modified", "Content-Range")
            headers = {key: answer.headers[key] for key in passed if key in answer.headers}
            return await proxy.answer(request, answer.status, headers, await answer.read())

    app = web.Application()
    app.router.add_get("/{path:.*}", forward)
    async with serving(app, listener):
        yield proxy
