"""The wake ahead: an asynchronous wakeup of the classifier, while its caller is still uploading."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable

from .endpoints import endpoint
from .sigv4 import Signer

TIMEOUT_S = 0.5
"""Maximum time that a wakeup may add to an upload's answer."""

_PAYLOAD = b'{"method": "wakeup"}'
# Those of AWS's services; to load all authorities of the system takes six times as long. Source:
# amazontrust.com/repository, which recommends these five.
_AUTHORITIES = os.path.join(os.path.dirname(__file__), "amazon_roots.pem")


class Waker:
    """Client of Lambda's Invoke API for one function, over one connection that is kept.

    It speaks HTTP itself: to import http.client would add a third to the function's init.

    Args:
        function_arn: ARN of the function or its alias.
    """

    def __init__(self, function_arn: str) -> None:
        self._endpoint = endpoint("lambda", function_arn.split(":")[3])
        name = function_arn.replace(":", "%3A")
        base = self._endpoint.path.rstrip("/")
        self._path = f"{base}/2015-03-31/functions/{name}/invocations"
        self._kept: socket.socket | None = None
        self._tls: ssl.SSLContext | None = None
        if self._endpoint.scheme == "https":
            # At init, for which Lambda gives more of a processor than for calls.
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._tls.load_verify_locations(_AUTHORITIES)

    def wake(self, signer: Signer) -> Callable[[], str | None]:
        """Send a wakeup from a thread of its own, as looking up a name has no time limit.

        Args:
            signer: signs the call.

        Returns:
            A function that waits until `TIMEOUT_S` after the beginning and returns the reason if
            the wakeup was not accepted, else None.
        """
        deadline_s = time.monotonic() + TIMEOUT_S
        outcome: list[str | None] = []
        thread = threading.Thread(target=lambda: outcome.append(self._send(signer)), daemon=True)
        thread.start()

        def refusal() -> str | None:
            thread.join(max(0.0, deadline_s - time.monotonic()))
            return outcome[0] if outcome else f"no answer within {TIMEOUT_S} s"

        return refusal

    def _send(self, signer: Signer) -> str | None:
        # Taken out, so that a thread that is late shares it with no other.
        kept, self._kept = self._kept, None
        try:
            if kept is not None:
                try:
                    return self._invoke(kept, signer)
                except OSError:  # closed while nobody called
                    kept.close()
            return self._invoke(self._connect(), signer)
        except Exception as error:  # whatever it is, the upload is answered
            return f"{type(error).__name__}: {error}"

    def _connect(self) -> socket.socket:
        if self._tls is None:
            return self._open()
        try:
            return self._tls.wrap_socket(self._open(), server_hostname=self._endpoint.host)
        except ssl.SSLCertVerificationError:
            self._tls.load_default_certs()  # AWS may have moved on to other authorities
            return self._tls.wrap_socket(self._open(), server_hostname=self._endpoint.host)

    def _open(self) -> socket.socket:
        address = (self._endpoint.host, self._endpoint.port)
        return socket.create_connection(address, timeout=TIMEOUT_S)

    def _invoke(self, connection: socket.socket, signer: Signer) -> str | None:
        headers = {"host": self._endpoint.netloc, "x-amz-invocation-type": "Event"}
        signed = signer.headers(self._path, headers, _PAYLOAD, service="lambda", now_s=time.time())
        lines = [
            f"POST {self._path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in signed.items()),
            f"content-length: {len(_PAYLOAD)}\r\n\r\n",
        ]
        connection.sendall("\r\n".join(lines).encode() + _PAYLOAD)
        status, answered = _read_head(connection)
        accepted = status.startswith("202")
        is_read = answered.get("content-length") == "0"
        if accepted and is_read and answered.get("connection", "").lower() != "close":
            self._kept = connection
        else:
            connection.close()
        return None if accepted else f"{status} {answered.get('x-amzn-errortype', '')}".rstrip()


def _read_head(connection: socket.socket) -> tuple[str, dict[str, str]]:
    """Return an answer's status, such as `202 Accepted`, and its headers by names in lower case."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(4096)
        if not part:
            raise ConnectionResetError("closed without an answer")
        received += part
    first, *lines = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    headers = (line.partition(":") for line in lines)
    return first.partition(" ")[2], {name.lower(): value.strip() for name, _, value in headers}
