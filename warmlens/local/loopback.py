"""Listening sockets and HTTP servers on loopback."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from warmlens.errors import WarmlensError

if TYPE_CHECKING:
    from aiohttp import web

HOST = "127.0.0.1"
BACKLOG = 128
HEADER_TIMEOUT_S = 20.0
"""Time from a connection to the headers of its first request; for later ones the server has one."""
_SHUTDOWN_TIMEOUT_S = 1.0
_OTHER_PORTS = (8081, 8082)
_REASONS = {
    errno.EADDRINUSE: "is taken by another program",
    errno.EACCES: "needs rights that this user does not have, as most ports below 1024 do",
}


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on loopback.

    The port is taken from then on, so nothing else can get it before a server uses the socket.

    Args:
        port: port number; 0 for any free port.

    Raises:
        WarmlensError: the port is taken, or this user may not use it.
    """
    try:
        return _listening(port)
    except OSError as error:
        mend = "Stop what listens there. " if error.errno == errno.EADDRINUSE else ""
        other = next(each for each in _OTHER_PORTS if each != port)
        raise WarmlensError(
            "local_cloud",
            f"Port {port} {_reason(error)}. {mend}Choose another: --port {other}, or make run "
            f"PORT={other}.",
        ) from None


def obstacle(port: int) -> str | None:
    """Return why no server could listen on the port now, such as "is taken"; None if one could."""
    try:
        _listening(port).close()
    except OSError as error:
        return _reason(error)
    return None


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    # Connections that ended a moment ago do not keep the port; on Linux a second listener does.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, f"cannot be used ({error.strerror})")


def listen_preferring(port: int) -> socket.socket:
    """Return a socket that listens on `port` if it is free, else on any free port."""
    try:
        return listen(port)
    except WarmlensError:
        return listen()


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket is bound to."""
    port: int = listener.getsockname()[1]
    return port


def url_of(listener: socket.socket) -> str:
    """Return the HTTP address of a listening socket, without a slash at the end."""
    return f"http://{HOST}:{port_of(listener)}"


def origins_of(listener: socket.socket) -> tuple[str, ...]:
    """Return the origins of pages that the listening socket serves, as browsers send them."""
    port = port_of(listener)
    return (f"http://{HOST}:{port}", f"http://localhost:{port}")


def _end_unless(heard: WeakSet[object], connection: Any) -> None:
    """Close a connection that has sent no whole headers yet."""
    if connection.transport and connection.transport not in heard:
        connection.transport.close()


@asynccontextmanager
async def serving(
    app: "web.Application", listener: socket.socket | None = None, *, backlog: int = BACKLOG
) -> AsyncIterator[str]:
    """Serve an aiohttp application until the block ends; yields its address.

    Args:
        app: the application.
        listener: listening socket, closed at the end; a free port's unless given.
        backlog: number of connections that may wait to be accepted.
    """
    from aiohttp import web

    listener = listener or listen()
    heard: WeakSet[object] = WeakSet()
    server: asyncio.Server | None = None

    @web.middleware
    async def hear(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.transport:
            heard.add(request.transport)
        return await handler(request)

    app.middlewares.insert(0, hear)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_TIMEOUT_S,
        auto_decompress=False,  # a small body could inflate to gigabytes, on the event loop
    )
    try:
        await runner.setup()
        make, loop = runner.server, asyncio.get_running_loop()
        assert make is not None

        def connection() -> asyncio.Protocol:
            made = make()
            loop.call_later(HEADER_TIMEOUT_S, _end_unless, heard, made)
            return made

        server = await loop.create_server(connection, sock=listener, backlog=backlog)
        yield url_of(listener)
    finally:
        if server:
            server.close()
        await runner.cleanup()
        listener.close()
