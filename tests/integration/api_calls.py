"""Calls of the running local cloud's API, and the form of its errors."""

import httpx
from jsonschema import Draft202012Validator

from stacks import api_schema
from tests.conftest import Cloud
from warmlens.paths import WEB

SAMPLES = WEB / "samples"


def upload(cloud: Cloud, data: bytes, content_type: str = "image/jpeg") -> str:
    """Upload through a presigned POST, as the page does; return the image's path."""
    grant = cloud.post("uploads", {"content_type": content_type, "bytes": len(data)}).json()
    files = {"file": ("photo", data)}
    stored = httpx.post(grant["url"], data=grant["fields"], files=files, timeout=60)
    assert stored.is_success, stored.text
    return str(grant["file_path"])


def classify(cloud: Cloud, file_path: str) -> httpx.Response:
    return cloud.post("classification", {"method": "classification", "file_path": file_path})


def assert_error(answer: httpx.Response, status: int, code: str) -> str:
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), answer.text
    Draft202012Validator(api_schema.ERROR_ANSWER).validate(body)
    assert "Traceback" not in answer.text
    return str(body["error"]["message"])
