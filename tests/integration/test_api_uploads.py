"""Uploads by the HTTP API of the running local cloud: signed forms, names, and deletion."""

import base64
import hashlib
import json
import re
from datetime import datetime

import httpx
import pytest
from jsonschema import Draft202012Validator

from stacks import api_schema
from tests.conftest import SAMPLE, Cloud
from tests.integration.api_calls import assert_error, classify


def test_a_photo_is_deleted_with_its_own_token_alone_and_stays_deleted(cloud: Cloud) -> None:
    data = SAMPLE.read_bytes()
    mine, other = (
        cloud.post("uploads", {"content_type": "image/jpeg", "bytes": len(data)}).json()
        for _ in range(2)
    )
    for each in (mine, other):
        files = {"file": ("photo", data)}
        assert httpx.post(each["url"], data=each["fields"], files=files, timeout=60).is_success

    def delete(file_path: str, token: str | None) -> httpx.Response:
        headers = {} if token is None else {"X-Delete-Token": token}
        query = {"file_path": file_path}
        return httpx.delete(f"{cloud.url}/uploads", params=query, headers=headers, timeout=60)

    assert_error(delete(mine["file_path"], other["delete_token"]), 403, "wrong_delete_token")
    assert_error(delete(mine["file_path"], None), 400, "invalid_request")
    assert_error(delete("", mine["delete_token"]), 400, "invalid_request")
    assert classify(cloud, mine["file_path"]).status_code == 200
    for _ in range(2):  # the second time there is nothing to delete
        answer = delete(mine["file_path"], mine["delete_token"])
        assert answer.status_code == 200, answer.text
        Draft202012Validator(api_schema.DELETION_ANSWER).validate(answer.json())
        assert_error(classify(cloud, mine["file_path"]), 404, "image_not_found")
    assert classify(cloud, other["file_path"]).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "size_bytes", "status", "code"),
    [
        ("image/heic", 1000, 415, "unsupported_type"),
        ("text/html", 1000, 415, "unsupported_type"),
        ("image/jpeg", 64 * 2**20 + 1, 413, "image_too_large"),
    ],
)
def test_an_upload_of_a_wrong_type_or_size_is_not_signed(
    cloud: Cloud, content_type: str, size_bytes: int, status: int, code: str
) -> None:
    answer = cloud.post("uploads", {"content_type": content_type, "bytes": size_bytes})
    assert_error(answer, status, code)


@pytest.mark.parametrize(("size_bytes", "code"), [(101, "EntityTooLarge"), (99, "EntityTooSmall")])
def test_an_upload_of_another_size_than_signed_is_refused_by_s3(
    cloud: Cloud, size_bytes: int, code: str
) -> None:
    grant = cloud.post("uploads", {"content_type": "image/jpeg", "bytes": 100}).json()
    files = {"file": ("x", b"a" * size_bytes)}
    stored = httpx.post(grant["url"], data=grant["fields"], files=files, timeout=60)
    assert stored.status_code == 400
    assert code in stored.text
    assert_error(classify(cloud, grant["file_path"]), 404, "image_not_found")


def test_an_upload_of_another_type_than_signed_is_refused_by_s3(cloud: Cloud) -> None:
    grant = cloud.post("uploads", {"content_type": "image/jpeg", "bytes": 4}).json()
    fields = {**grant["fields"], "Content-Type": "text/html"}
    files = {"file": ("x", b"<p/>")}
    stored = httpx.post(grant["url"], data=fields, files=files, timeout=60)
    assert stored.status_code == 403
    assert_error(classify(cloud, grant["file_path"]), 404, "image_not_found")


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [
        ("image/jpeg", "jpg"),
        ("image/png", "png"),
        ("image/webp", "webp"),
        ("image/gif", "gif"),
        ("image/pjpeg", "jpg"),
        ("IMAGE/JPG; charset=binary", "jpg"),
        ("", "bin"),
    ],
)
def test_each_upload_has_a_path_of_its_own_that_nobody_can_guess(
    cloud: Cloud, content_type: str, extension: str
) -> None:
    grants = [
        cloud.post("uploads", {"content_type": content_type, "bytes": 4}).json() for _ in range(2)
    ]
    assert len({grant["file_path"] for grant in grants}) == 2
    assert len({grant["delete_token"] for grant in grants}) == 2
    for grant in grants:
        # The digest of 256 random bits: docs/decisions/0120.
        token, path = grant["delete_token"], grant["file_path"]
        name = hashlib.sha256(token.encode()).hexdigest()[:32]
        assert re.fullmatch("[0-9a-f]{64}", token)
        assert re.fullmatch(rf"uploads/\d{{4}}/\d\d/\d\d/{name}\.{extension}", path)


def test_a_signed_upload_is_valid_for_one_key_one_type_one_size_and_a_short_time(
    cloud: Cloud,
) -> None:
    grant = cloud.post("uploads", {"content_type": "image/png", "bytes": 123}).json()
    policy = json.loads(base64.b64decode(grant["fields"]["policy"]))
    conditions = policy["conditions"]
    assert {"key": grant["file_path"]} in conditions
    assert {"Content-Type": "image/png"} in conditions
    assert ["content-length-range", 123, 123] in conditions
    assert not [each for each in conditions if "starts-with" in each]
    signed = datetime.strptime(grant["fields"]["x-amz-date"], "%Y%m%dT%H%M%S%z")
    valid = datetime.fromisoformat(policy["expiration"]) - signed
    assert grant["expires_in"] == 300
    assert abs(valid.total_seconds() - 300) <= 60  # the two are read from the clock one by one


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (None, 400, "empty_body"),
        ("", 400, "empty_body"),
        ("{", 400, "invalid_json"),
        ("[" * 2000, 400, "invalid_json"),
        ("[]", 400, "invalid_json"),
        (" " * 2049, 413, "request_too_large"),
        ('{"content_type": ["image/png"], "bytes": 5}', 400, "invalid_content_type"),
        ('{"content_type": "image/svg+xml", "bytes": 5}', 415, "unsupported_type"),
        ('{"content_type": "image/png"}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": 0}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": -5}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": true}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": "5"}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": 5.0}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": 67108865}', 413, "image_too_large"),
    ],
)
def test_the_uploads_function_does_not_rely_on_the_gateways_validator(
    cloud: Cloud, body: str | None, status: int, code: str
) -> None:
    payload = json.dumps({"body": body}).encode()
    answer = cloud.client("lambda").invoke(FunctionName="warmlens-local-uploads", Payload=payload)
    answered = json.loads(answer["Payload"].read())
    error = json.loads(answered["body"])["error"]
    assert (answered["statusCode"], error["code"]) == (status, code)
    assert len(error["message"]) > 10
