"""Callers of a server on loopback: pages of a browser, and other users of this machine.

Everything on this machine reaches loopback. So a server there checks the host name of the
request, the page that a browser names as its origin, and the user that the kernel names.
"""

import os
import socket
import struct
import sys
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

Address = tuple[str, int]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# linux/inet_diag.h and linux/sock_diag.h.
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_ANY_STATE = 0xFFFFFFFF
_NO_COOKIE = b"\xff" * 8
_UID_AT = 16 + 4 + 48 + 12  # behind nlmsghdr, family to retrans, inet_diag_sockid, three counters


def foreign_caller(headers: Mapping[str, str], origins: Collection[str] = ()) -> str | None:
    """Return why a request is not answered: whose page sent it, or under which name; else None.

    - A name that is not this machine's: a page whose DNS name was bound to 127.0.0.1 sends its own.
      Names below `.localhost` are loopback in every browser (RFC 6761, section 6.3).
    - An `Origin` that is neither this server's own nor one of `origins`. Browsers send it with
      every POST, and with whatever a page may read.
    - `Sec-Fetch-Site` names another site or port, and it is not a person who follows a link
      (Fetch Metadata Request Headers, W3C): pictures, scripts and frames of other pages.

    Args:
        headers: the request's headers; names are in lower case or the mapping ignores case.
        origins: further origins, such as `http://127.0.0.1:8080`.
    """
    host = headers.get("host", "")
    if not _is_loopback(host):
        return f"it was sent to the host {host[:100]!r}, not to this machine's name"
    origin = headers.get("origin")
    if origin is not None:
        own = origin in (f"http://{host}", f"https://{host}")
        return None if own or origin in origins else f"it comes from a page of {origin[:100]!r}"
    is_link = headers.get("sec-fetch-mode") == "navigate" and (
        headers.get("sec-fetch-dest") == "document"
    )
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_link:
        return "it comes from another page"
    return None


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in _LOOPBACK or name.endswith(".localhost")


def is_another_user(caller: Address | None, server: Address | None) -> bool:
    """Return whether another user of this machine, except root, made a TCP connection on loopback.

    The kernel names the user on Linux only; elsewhere every connection counts as one's own.

    Args:
        caller: host and port of the end that called.
        server: host and port of the end that was called.
    """
    uid = _uid_of(caller, server) if caller and server else None
    return uid is not None and uid not in (0, os.geteuid())


def _uid_of(caller: Address, server: Address) -> int | None:
    """Return the user of the socket at `caller`, by sock_diag(7); None where nobody says."""
    if sys.platform != "linux":
        return None
    try:
        ends = (socket.inet_aton(caller[0]), socket.inet_aton(server[0]))
        wanted = struct.pack("=BBxxI", socket.AF_INET, socket.IPPROTO_TCP, _ANY_STATE)
        wanted += struct.pack("!HH16s16sI8s", caller[1], server[1], *ends, 0, _NO_COOKIE)
        header = struct.pack("=IHHII", 16 + len(wanted), _SOCK_DIAG_BY_FAMILY, 1, 1, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(header + wanted)
            answer = kernel.recv(4096)
    except OSError:
        return None
    if len(answer) < _UID_AT + 4 or struct.unpack_from("=H", answer, 4)[0] != _SOCK_DIAG_BY_FAMILY:
        return None
    uid: int = struct.unpack_from("=I", answer, _UID_AT)[0]
    return uid
