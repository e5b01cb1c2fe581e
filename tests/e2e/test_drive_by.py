"""A page of another server on this machine, in a real browser: it reaches nothing."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.conftest import Cloud

# Simple requests, which browsers send without a preflight, whether or not the page may read them.
ATTACK = """async ([front, emulator, api]) => {
  const create = JSON.stringify({FunctionName: "drive-by", Runtime: "python3.12",
    Handler: "index.handler", Role: "arn:aws:iam::000000000000:role/x", Code: {ZipFile: ""}});
  const wakeup = JSON.stringify({method: "wakeup"});
  const signed = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20260101%2Fus-east-1" +
    "%2Flambda%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
  const calls = [
    [emulator + "/", "GET"], [emulator + "/2015-03-31/functions", "POST", create],
    [emulator + "/2015-03-31/functions" + signed, "POST", create],
    [emulator + "/_ministack/reset", "POST"], [emulator + "/_ministack/health", "GET"],
    [front + "/wakeup", "POST", wakeup], [front + "/_local/status", "GET"],
    [front + "/_local/warm", "POST", '{"instances": 2}'], [api + "/wakeup", "POST", wakeup],
  ];
  const read = [];
  for (const [url, method, body] of calls)
    for (const mode of ["cors", "no-cors"])
      try {
        const headers = {"Content-Type": "text/plain"};
        const answer = await fetch(url, {method, mode, body, headers});
        if (answer.type !== "opaque") read.push([url, answer.status]);
      } catch {}
  return read;
}"""


class Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def another_server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def expected_console_errors() -> list[str]:
    return [".*"]


def test_a_page_of_another_server_on_this_machine_reaches_nothing(
    imagenet_cloud: Cloud, page: Page, another_server: str
) -> None:
    calls = sum(each["calls"] for each in imagenet_cloud.status()["instances"])
    page.goto(another_server)
    where = [imagenet_cloud.url, imagenet_cloud.endpoint_url, imagenet_cloud.api_url]
    assert page.evaluate(ATTACK, where) == []
    functions = imagenet_cloud.client("lambda").list_functions()["Functions"]
    assert "drive-by" not in json.dumps([each["FunctionName"] for each in functions])
    assert functions  # nothing was reset
    assert sum(each["calls"] for each in imagenet_cloud.status()["instances"]) == calls
