"""Requests that a local cloud must refuse: `python -m tests.hostile.callers`.

Starts a local cloud and sends to each of its listeners requests of foreign pages, under foreign
names, without a signature, with wrong ones and, as root on Linux, of another user. Prints records
as JSON Lines: how many requests of each kind were sent, and how many were let through.
"""

import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
from botocore.exceptions import ClientError

from tests.conftest import Cloud, start_cloud
from warmlens.local.aws import Keys, LocalAws
from warmlens.records import Record, machine, today, write_records
from warmlens.runtime.lambda_proxy import proxy_path

ORIGINS = (
    *("http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9", "https://127.0.0.1:8080"),
    *("https://example.com", "http://example.com:8080", "null", "file://", ""),
    *("http://127.0.0.1.nip.io", "chrome-extension://abcdefghijklmnop", "http://127.0.0.1:8080.x"),
)
HOSTS = (
    *("attacker.example", "127.0.0.1.nip.io", "localhost.example:80", "localhost.", "0.0.0.0"),
    *("127.0.0.2", "127.1", "2130706433", "[::2]", "[", "xn--localhost", "example.com:8080"),
)
SITES = ("cross-site", "same-site")
PARTS = ("image", "script", "style", "iframe", "empty", "object", "worker")
PATHS = {
    "page and API": (
        "/",
        "/classification",
        "/wakeup",
        "/uploads",
        "/_local/status",
        "/_local/warm",
    ),
    "emulator": ("/", "/2015-03-31/functions", "/_ministack/health", "/_ministack/reset", "API"),
    "pool": (proxy_path("wrong"), "/"),
    "runtime API": ("/2018-06-01/runtime/invocation/next", "/2018-06-01/runtime/init/error"),
}
UNSIGNED = (
    *("/", "/2015-03-31/functions", "/2015-03-31/functions/x/invocations", "/_ministack/reset"),
    *("/_ministack/config", "/_localstack/health", "/oauth2/authorize", "/bucket", "/bucket/key"),
    *("/restapis", "/?Action=CreateUser", "/2015-03-31/event-source-mappings"),
)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
# 400 is for a malformed host or signature.
REFUSED = {"foreign Host": (400, 403), "signed by a wrong secret": (400, 403)}
_AS_NOBODY = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
for each in sys.argv[1:]:
    port, method, path = each.split(" ")
    with socket.socket() as call:
        call.settimeout(60)
        call.connect(("127.0.0.1", int(port)))
        call.sendall(f"{method} {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n".encode())
        print(call.recv(100).split()[1].decode())
"""


def listeners(cloud: Cloud, pid: int) -> dict[str, str]:
    """Return the address of each listener, of one instance's runtime API."""
    cloud.post("wakeup", {"method": "wakeup"}).raise_for_status()
    found = {"page and API": cloud.url, "emulator": cloud.endpoint_url}
    known = {urlsplit(each).port for each in found.values()}
    ports = sorted(
        each.laddr.port
        for each in psutil.Process(pid).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr.port not in known
    )
    for port in ports:
        url = f"http://127.0.0.1:{port}"
        is_pool = httpx.post(url + proxy_path("wrong"), timeout=60).status_code == 403
        found.setdefault("pool" if is_pool else "runtime API", url)
    assert found.keys() == PATHS.keys(), found
    return found


def foreign_requests(kind: str) -> Iterator[dict[str, str]]:
    """Yield the headers of each request of a kind."""
    if kind == "foreign Origin":
        yield from ({"Origin": each} for each in ORIGINS)
    elif kind == "foreign Host":
        yield from ({"Host": each} for each in HOSTS)
        yield from ({"Host": each, "Origin": f"http://{each}"} for each in HOSTS)
    else:
        for site, part in itertools.product(SITES, PARTS):
            yield {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": part, "Sec-Fetch-Mode": "no-cors"}


class Counts:
    """Requests that were sent and let through, by kind and listener."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, str], int] = {}
        self.through: dict[tuple[str, str], list[str]] = {}

    def add(self, kind: str, listener: str, status: int, what: str) -> None:
        """Count one request."""
        key = kind, listener
        self.sent[key] = self.sent.get(key, 0) + 1
        through = self.through.setdefault(key, [])
        if status not in REFUSED.get(kind, (403,)):
            through.append(f"{what}: {status}")

    def records(self) -> list[Record]:
        """Return two records for each kind and listener."""
        return [
            Record(
                name="callers",
                metric=metric,
                value=value,
                unit="1",
                kind="measured",
                conditions={"kind": kind, "listener": listener} | first,
                command="python -m tests.hostile.callers",
                machine=machine(),
                date=today(),
            )
            for (kind, listener), through in self.through.items()
            for metric, value, first in (
                ("sent", self.sent[kind, listener], {}),
                ("let_through", len(through), {"first": through[:5]} if through else {}),
            )
        ]


def sweep(cloud: Cloud, pid: int, counts: Counts) -> None:
    """Send all requests.

    Args:
        cloud: the local cloud.
        pid: its process.
        counts: where they are counted.
    """
    urls = listeners(cloud, pid)
    stage = urlsplit(cloud.api_url).path
    with httpx.Client(timeout=60) as client:

        def send(kind: str, listener: str, method: str, path: str, headers: dict[str, str]) -> None:
            path = f"{stage}/wakeup" if path == "API" else path
            content = b"{}" if method in ("POST", "PUT", "PATCH") else None
            answer = client.request(method, urls[listener] + path, headers=headers, content=content)
            assert "access-control-allow-origin" not in answer.headers, (listener, path, headers)
            counts.add(kind, listener, answer.status_code, f"{method} {path} {headers}")

        for listener, paths in PATHS.items():
            for kind in ("foreign Origin", "foreign Host", "embedded by a page"):
                methods = ("GET",) if kind == "embedded by a page" else ("GET", "POST")
                for path, method in itertools.product(paths, methods):
                    for headers in foreign_requests(kind):
                        send(kind, listener, method, path, headers)
        for path, method in itertools.product(UNSIGNED, METHODS):
            send("unsigned", "emulator", method, path, {})
        for secret in ("wrong", "x" * 43, "%00", "..%2f"):
            send("without the secret", "pool", "POST", proxy_path(secret), {})
    wrong_signatures(cloud, counts)
    if sys.platform == "linux" and os.geteuid() == 0:
        another_user(urls, stage, counts)


def wrong_signatures(cloud: Cloud, counts: Counts) -> None:
    """Call AWS with a wrong secret, for access keys that the emulator knows and for others."""
    for key in (cloud.keys.access_key_id, "test", "000000000000", "AKIAUNKNOWN"):
        stranger = LocalAws(cloud.endpoint_url, Keys(key, "wrong"))
        calls: dict[str, Callable[[], object]] = {
            "s3": stranger.s3.list_buckets,
            "lambda": stranger.lambda_.list_functions,
            "cloudformation": stranger.cloudformation.list_stacks,
            "ssm": stranger.ssm.describe_parameters,
            "apigateway": stranger.apigateway.get_rest_apis,
            "iam": stranger.client("iam").list_roles,
            "sts": stranger.client("sts").get_caller_identity,
        }
        for name, call in calls.items():
            try:
                call()
                status = 200
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            counts.add("signed by a wrong secret", "emulator", status, f"{name} with {key}")


def another_user(urls: dict[str, str], stage: str, counts: Counts) -> None:
    """Send each listener's requests as the user nobody."""
    wanted = [
        (listener, method, f"{stage}/wakeup" if path == "API" else path)
        for listener, paths in PATHS.items()
        for path in paths
        for method in ("GET", "POST")
    ]
    lines = [
        f"{urlsplit(urls[listener]).port} {method} {path}" for listener, method, path in wanted
    ]
    result = subprocess.run(
        [sys.executable, "-I", "-c", _AS_NOBODY, *lines], capture_output=True, text=True, check=True
    )
    for (listener, method, path), status in zip(wanted, result.stdout.split(), strict=True):
        assert re.fullmatch(r"\d{3}", status)
        counts.add("another user", listener, int(status), f"{method} {path}")


def main() -> int:
    """Print the records; the exit code is 1 if a request was let through."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as name:
        cloud, process = start_cloud(Path(name))
        try:
            sweep(cloud, process.pid, counts)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)
    records = counts.records()
    sys.stdout.write(write_records(records))
    return int(any(each.value for each in records if each.metric == "let_through"))


if __name__ == "__main__":
    sys.exit(main())
