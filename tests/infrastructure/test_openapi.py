"""The OpenAPI document is current and complete: what it names is what the code answers."""

import ast
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lambda_src.classifier import request
from stacks import api_examples
from stacks.constructs import gateway_errors
from stacks.openapi import openapi_document
from warmlens.local import gateway
from warmlens.paths import LAMBDA_SRC, ROOT

DOCUMENT = openapi_document()
OPERATIONS = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for operation in path.values()
}


def test_the_committed_document_is_the_one_the_api_is_made_from() -> None:
    committed = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert committed == DOCUMENT, "run: make openapi"


def test_its_version_is_that_of_the_app() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert DOCUMENT["info"]["version"] == project["version"]


def test_every_operation_has_what_generated_clients_and_pages_show() -> None:
    assert set(OPERATIONS) == {"classification", "wakeup", "model", "uploads", "deletion"}
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for operation in OPERATIONS.values():
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        assert all(each["description"] for each in operation.get("parameters", []))
        assert all(each["description"] for each in operation["responses"].values())
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert [list(each) for each in DOCUMENT["security"]] == [[], *([name] for name in schemes)]
    for server in DOCUMENT["servers"]:
        values = {name: each["default"] for name, each in server.get("variables", {}).items()}
        assert server["url"].format_map(values).startswith("http")


def test_clients_made_from_it_take_keys_that_a_later_version_adds_to_answers() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if name.endswith(("Answer", "Message")):
            assert '"additionalProperties": false' not in json.dumps(schema), name


def media() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, operation in OPERATIONS.items():
        parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for part, each in parts.items():
            for kind, content in each.get("content", {}).items():
                yield f"{name} {part} {kind}", content


@pytest.mark.parametrize(("name", "content"), list(media()), ids=lambda value: str(value)[:40])
def test_every_body_has_examples_and_they_fit_its_schema(
    name: str, content: dict[str, Any]
) -> None:
    if not name.endswith("json"):
        assert content["schema"]["format"] == "binary"  # JSON cannot hold an example
        return
    examples = [each["value"] for each in content.get("examples", {}).values()]
    examples += [content["example"]] if "example" in content else []
    assert examples
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    for example in examples:
        Draft202012Validator(schema).validate(example)


def codes_of_functions() -> dict[str, set[str]]:
    """The codes that the functions raise with a status, read from their sources."""
    codes = defaultdict(set, {"500": {"internal_error"}})  # of an exception that nobody expected
    for folder in ("classifier", "uploads"):
        for path in (LAMBDA_SRC / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or len(node.args) < 2:
                    continue
                status, code, *_ = (getattr(each, "value", None) for each in node.args)
                if isinstance(status, int) and 400 <= status < 600 and isinstance(code, str):
                    codes[str(status)].add(code)
    return codes


def test_it_names_every_code_that_the_functions_and_the_gateway_answer_and_no_other() -> None:
    expected = codes_of_functions()
    assert "image_not_found" in expected["404"]
    missing = (gateway_errors._NO_SUCH_CALL, gateway_errors._NOT_SIGNED)
    for error in (*missing, *gateway_errors._ERRORS.values()):
        others = ("400", "403") if error.code == "refused" else ("500", "502")
        for status in (error.status,) if error.status else others:
            expected[status].add(error.code)
    named = {
        status: {
            code.strip("`.")
            for code in response["description"].partition("Codes: ")[2].split(", ")
            if code
        }
        for status, response in OPERATIONS["classification"]["responses"].items()
        if status != "200"
    }
    assert named.pop("401") == set()  # an HTTP API's, with a message alone
    assert named == expected


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("Throttled", "throttle_rate_rps"),
        ("QuotaExceeded", "daily_quota"),
        ("Blocked", "waf_requests_per_5_min"),
        ("TooLarge", "4.4 MB"),
        ("Timeout", "29 s"),
    ],
)
def test_an_error_of_the_gateway_names_the_limit_or_its_setting_and_what_to_do(
    name: str, limit: str
) -> None:
    message = gateway_errors._ERRORS[name].message or ""
    assert limit in message
    assert re.search(r"\b(ask|wait|try again)\b", message, re.IGNORECASE)
    assert len(message) <= 300  # as much of it as the page shows


def test_the_error_of_an_unknown_call_names_all_calls_with_their_methods() -> None:
    calls = {
        f"{method.upper()} {path}"
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
    }
    assert "POST /classification" in calls
    messages = (
        gateway_errors._NO_SUCH_CALL.message,
        gateway_errors._NOT_SIGNED.message,
        request._NO_SUCH_CALL,
        gateway._NO_SUCH_CALL,
    )
    for message in messages:
        assert set(re.findall(r"\b[A-Z]{3,6} /\w+", message or "")) == calls


def test_examples_of_the_gateways_errors_are_its_own_words() -> None:
    shown = {
        (status, code): message
        for status, messages in api_examples.ERRORS.items()
        for code, message in messages.items()
    }
    said = {
        (error.status, error.code): error.message
        for error in gateway_errors._ERRORS.values()
        if error.message and (error.status, error.code) in shown
    }
    assert len(said) == 4
    assert said.items() <= shown.items()
