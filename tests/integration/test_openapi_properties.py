"""What the OpenAPI document allows, and what it does not, tried on the running API.

`OPENAPI_EXAMPLES` says how many random cases each call gets beside those that cover the document,
`OPENAPI_REPORT` where to write how many there were.
"""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from tests.conftest import Cloud
from warmlens.paths import ROOT

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "40"))
REFUSED = ["400", "403", "404", "413", "415", "422"]
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            # API Gateway knows no 405: another method is no call, 404. Below is a test of it.
            "unsupported_method": {"enabled": False},
            "allow_header_conformance": {"enabled": False},
            "negative_data_rejection": {"expected-statuses": REFUSED},
            # A well-formed path or upload may name no image, another prefix, type or size.
            "positive_data_acceptance": {"expected-statuses": ["200", "403", "404", "413", "415"]},
        }
    }
)
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
schema = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)
tried: Counter[tuple[str, int]] = Counter()


@pytest.fixture(scope="module", autouse=True)
def instances_stay(cloud: Cloud) -> Iterator[None]:
    """No case takes an instance down, and none is answered by a 5xx."""
    cloud.post("wakeup", {"method": "wakeup"})
    before = {each["id"] for each in cloud.status()["instances"]}
    yield
    assert before <= {each["id"] for each in cloud.status()["instances"]}
    assert not re.search(r'"message": ?"(unexpected|model_unavailable)"', cloud.log())
    if report := os.environ.get("OPENAPI_REPORT"):
        counts = {f"{call} {status}": count for (call, status), count in sorted(tried.items())}
        Path(report).write_text(json.dumps({"cases": tried.total(), "answers": counts}, indent=2))
    assert tried.total() >= EXAMPLES


TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")


def made_to_work(body: Any) -> None:
    """Change well-formed bodies so that many of them are answered with more than a refusal.

    Draft 4, API Gateway's, cannot say what an environment allows; 5.0 is no integer in it.
    """
    if not isinstance(body, dict):
        return
    for name, value in body.items():
        if isinstance(value, float) and value.is_integer():
            body[name] = int(value)
    path, content_type = body.get("file_path"), body.get("content_type")
    if isinstance(path, str) and len(path) % 3:
        body["file_path"] = "test/cat.jpg" if len(path) % 3 == 1 else f"test/{path}"[:1000] + "x"
    if isinstance(content_type, str) and len(content_type) % 2:
        body["content_type"] = TYPES[len(content_type) % 4]
    hold_until, sleep_time = body.get("hold_until"), body.get("sleep_time")
    if type(hold_until) is int and hold_until >= 0:
        body["hold_until"] = hold_until % int(time.time() * 1000)
        body.pop("sleep_time", None)
    elif type(sleep_time) is int and sleep_time >= 0:
        body["sleep_time"] = sleep_time % 20
    elif isinstance(sleep_time, str) and re.fullmatch(r"[0-9]{1,9}", sleep_time, re.ASCII):
        body["sleep_time"] = str(int(sleep_time) % 20)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_case_gets_an_answer_of_the_contract(
    case: schemathesis.Case[Any], cloud: Cloud
) -> None:
    if case.meta is not None and case.meta.generation.mode.is_positive:
        made_to_work(case.body)
    answer = case.call(base_url=cloud.url, timeout=60)
    tried[case.path, answer.status_code] += 1
    case.validate_response(answer)
    assert answer.status_code < 500


METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
OTHERS = [
    (call, method)
    for call, own in (
        ("classification", "POST"),
        ("wakeup", "POST"),
        ("model", "GET"),
        ("uploads", "POST"),
    )
    for method in METHODS
    if method != own
]


@pytest.mark.parametrize(("call", "method"), OTHERS)
def test_another_method_is_no_call(cloud: Cloud, call: str, method: str) -> None:
    answer = httpx.request(method, f"{cloud.url}/{call}", timeout=60)
    deletes = (call, method) == ("uploads", "DELETE")
    code = "invalid_request" if deletes else "no_such_call"
    assert (answer.status_code, answer.json()["error"]["code"]) == (400 if deletes else 404, code)
