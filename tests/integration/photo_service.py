"""A stand-in for the API that answers many calls at once, each as a test wants."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any], dict[str, str]]
JPEG = b"\xff\xd8\xff"


def answer_of(body: bytes, version: str = "1.0.0") -> dict[str, Any]:
    """An answer whose label is the photo's text, or its path."""
    label = body[len(JPEG) :].decode() if body.startswith(JPEG) else json.loads(body)["file_path"]
    return {
        "TOP1_ID": "1", "TOP1_label": label, "TOP1_softmax": 1.0, "time": 0.01,
        "predictions": [{"id": "1", "label": label, "softmax": 1.0}],
        "model": "test", "version": version, "instance_id": "i", "cold_start": False,
        "init_ms": 1.0, "stages_ms": {"decode": 1.0},
    }  # fmt: skip


def error(status: int, code: str, **headers: str) -> Answer:
    return status, {"error": {"code": code, "message": f"It is {code}."}}, headers


class PhotoService:
    """The calls that a service got, and its answers.

    `reply` makes an answer of the number of a call, from 1 on, and its body; `model` answers the
    call for the served model.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.most_at_once = 0
        self.model = error(404, "not_found")
        self.reply: Callable[[int, bytes], Answer] = lambda _, body: (200, answer_of(body), {})
        self._at_once = 0
        self._lock = threading.Lock()

    def answer(self, body: bytes) -> Answer:
        with self._lock:
            self.bodies.append(body)
            number = len(self.bodies)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.reply(number, body)
        finally:
            with self._lock:
                self._at_once -= 1


@contextmanager
def photo_service() -> Iterator[PhotoService]:
    """Serve on a free port of this machine until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    service = PhotoService(f"http://127.0.0.1:{server.server_port}")
    server.service = service  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # callers are killed
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # its caller was killed
            self.close_connection = True
            return
        self._send(self.server.service.answer(body))  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self._send(self.server.service.model)  # type: ignore[attr-defined]

    def _send(self, answer: Answer) -> None:
        status, document, headers = answer
        data = json.dumps(document).encode()
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True  # its caller was killed

    def log_message(self, *_: object) -> None:
        pass
