"""Ports of loopback for tests."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from warmlens.local.loopback import HOST, url_of


@contextmanager
def closed_port() -> Iterator[str]:
    """Yield an HTTP address that refuses connections, kept from others for as long as the block."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        yield url_of(bound)
