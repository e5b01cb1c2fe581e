"""The connection over which a call goes to a runtime: it shows whether the runtime read it."""

import asyncio
import os
import socket

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
_TCP_CLOSE = 7  # include/net/tcp_states.h of Linux


class Delivery:
    """A runtime's connection, kept beyond its end.

    Args:
        transport: the connection that the runtime asks over.
    """

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        connection: socket.socket = transport.get_extra_info("socket")
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))

    def was_unread(self) -> bool:
        """Return whether the runtime is known to have ended before it read what it was sent.

        A host that closes a connection with data that nobody has read resets it (RFC 1122,
        4.2.2.13); else it sees an ordinary end. Only Linux shows which it was.
        """
        if _TCP_INFO is None:
            return False
        state: int = self._socket.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0]
        return state == _TCP_CLOSE

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()
