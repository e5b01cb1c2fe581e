"""Choosing ports on loopback."""

import socket

from warmlens.errors import WarmlensError

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` if it is free, else any free port."""
    if preferred is not None and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def require_port(port: int) -> int:
    """Return the port that a person asked for.

    Raises:
        WarmlensError: something listens there already.
    """
    if not is_free(port):
        raise WarmlensError(
            "local_cloud",
            f"Port {port} is taken. Stop what listens there, or choose another with --port.",
        )
    return port
