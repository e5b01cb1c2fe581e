"""An emulated phone link: a TCP proxy with a round-trip time and an uplink rate."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from warmlens.local.loopback import listen, url_of

_CHUNK_BYTES = 16 * 1024


@dataclass
class PhoneLink:
    """A link that all connections of a phone share.

    A connection carries nothing during its handshakes. Bytes then arrive half a round trip later,
    those of the phone also no faster than the uplink. TCP's slow start, losses and the downlink's
    rate are left out, so uploads take less time here than on such a link.

    Attributes:
        round_trip_s: time of a round trip.
        up_mbit_per_s: rate of the uplink.
        handshakes: round trips before the first byte: one of TCP, one of TLS 1.3 (RFC 8446), which
            the local cloud does not speak.
    """

    round_trip_s: float = 0.05
    up_mbit_per_s: float = 10.0
    handshakes: int = 2

    def __post_init__(self) -> None:
        self._free_s = 0.0

    @asynccontextmanager
    async def to(self, url: str) -> AsyncIterator[str]:
        """Proxy an HTTP server over the link until the block ends; yields the phone's address.

        Args:
            url: the server's address, such as `http://127.0.0.1:8080`.
        """
        host, _, port = url.removeprefix("http://").partition(":")
        tasks: set[asyncio.Task[None]] = set()

        async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            # One side hangs up when it likes, and the test ends with connections that are open.
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._connect(reader, writer, host, int(port))

        listener = listen()
        server = await asyncio.start_server(connection, sock=listener)
        try:
            yield url_of(listener)
        finally:
            server.close()
            for task in tuple(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(
        self,
        phone_in: asyncio.StreamReader,
        phone_out: asyncio.StreamWriter,
        host: str,
        port: int,
    ) -> None:
        await asyncio.sleep(self.handshakes * self.round_trip_s)
        server_in, server_out = await asyncio.open_connection(host, port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(phone_in, server_out, up=True))
                group.create_task(self._carry(server_in, phone_out, up=False))
        except* ConnectionError:
            pass
        finally:
            server_out.close()
            phone_out.close()

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, up: bool
    ) -> None:
        """Carry one direction: read at once, write when the bytes would arrive."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        deliver = asyncio.create_task(_deliver(under_way, target))
        try:
            while True:
                data = await source.read(_CHUNK_BYTES)
                sent_s = self._sent_s(len(data)) if up else asyncio.get_running_loop().time()
                under_way.put_nowait((sent_s + self.round_trip_s / 2, data))
                if not data:
                    break
            await deliver
        finally:
            deliver.cancel()

    def _sent_s(self, size_bytes: int) -> float:
        """Return when the uplink, which sends one thing after another, has sent these bytes."""
        begun_s = max(self._free_s, asyncio.get_running_loop().time())
        self._free_s = begun_s + size_bytes * 8 / (self.up_mbit_per_s * 1e6)
        return self._free_s


async def _deliver(
    under_way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter
) -> None:
    while True:
        due_s, data = await under_way.get()
        await asyncio.sleep(due_s - asyncio.get_running_loop().time())
        if not data:
            target.write_eof()
            return
        target.write(data)
        await target.drain()
