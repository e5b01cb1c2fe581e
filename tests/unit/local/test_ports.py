"""Which port is taken."""

import socket

import pytest

from warmlens.errors import WarmlensError
from warmlens.local.ports import HOST, free_port, require_port


def test_a_preferred_port_is_taken_only_if_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port
    assert require_port(port) == port
    with socket.socket() as taken:
        taken.bind((HOST, port))
        taken.listen()
        assert free_port(port) != port
        with pytest.raises(WarmlensError, match=f"Port {port} is taken"):
            require_port(port)


def test_everything_listens_on_loopback_only() -> None:
    assert HOST == "127.0.0.1"
