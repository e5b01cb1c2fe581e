"""Runtimes that break the protocol, each in the way its name says.

Run as a command in place of awslambdaric: `python odd_runtime.py NAME`.
"""

import http.client
import os
import socket
import sys
import time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
PREFIX = "/2018-06-01/runtime"


def request(method: str, path: str, body: bytes | None = None) -> tuple[int, str, bytes]:
    """Send one request; return its status, the call's id (of /next) and the body."""
    connection = http.client.HTTPConnection(API)
    connection.request(method, PREFIX + path, body)
    response = connection.getresponse()
    call_id = response.headers.get("Lambda-Runtime-Aws-Request-Id", "")
    return response.status, call_id, response.read()


def next_call() -> tuple[str, bytes]:
    status, call_id, event = request("GET", "/invocation/next")
    if status != 200:
        sys.exit(f"/next was refused with {status}")
    return call_id, event


def respond(call_id: str, body: bytes) -> int:
    return request("POST", f"/invocation/{call_id}/response", body)[0]


def raw(head: str, body: bytes = b"") -> None:
    """Send bytes as they are, and hang up."""
    host, port = API.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body)


def show(status: int) -> None:
    sys.stdout.write(f"status {status}\n")
    sys.stdout.flush()


def wrong_id(call_id: str, event: bytes) -> None:
    show(respond("another-id", b'"for somebody else"'))
    respond(call_id, event)


def answers_twice(call_id: str, event: bytes) -> None:
    respond(call_id, event)
    show(respond(call_id, b'"second thoughts"'))


def garbage_answer(call_id: str, event: bytes) -> None:
    respond(call_id, b"\xff\x00 not JSON")


def garbage_error(call_id: str, event: bytes) -> None:
    request("POST", f"/invocation/{call_id}/error", b"[not an error")


def garbage_request(call_id: str, event: bytes) -> None:
    raw("\x00\x01 this is not HTTP\r\n\r\n")
    respond(call_id, event)


def hangs_up_in_its_answer(call_id: str, event: bytes) -> None:
    raw(
        f"POST {PREFIX}/invocation/{call_id}/response HTTP/1.1\r\n"
        f"Host: {API}\r\nContent-Length: 1000\r\n\r\n",
        b"x" * 10,
    )
    respond(call_id, event)


def asks_for_more_first(call_id: str, event: bytes) -> None:
    show(request("GET", "/invocation/next")[0])
    respond(call_id, event)


def reports_a_late_init_error(call_id: str, event: bytes) -> None:
    show(request("POST", "/init/error", b'{"errorType": "E", "errorMessage": "m"}')[0])
    respond(call_id, event)


def gives_no_answer(call_id: str, event: bytes) -> None:
    sys.exit(0)


def answers_and_ends(call_id: str, event: bytes) -> None:
    respond(call_id, event)
    sys.exit(0)


def hangs_up_on_the_next_call(call_id: str, event: bytes) -> None:
    respond(call_id, event)
    raw(f"GET {PREFIX}/invocation/next HTTP/1.1\r\nHost: {API}\r\n\r\n")
    time.sleep(3600)


if __name__ == "__main__":
    behave = globals()[sys.argv[1]]
    while True:
        behave(*next_call())
