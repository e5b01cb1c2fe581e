"""What is wrong with a call of the running local cloud's API is said in its error."""

import io
import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import SAMPLE, SAMPLE_LABEL, Cloud
from tests.integration.api_calls import SAMPLES, assert_error, classify, upload


@pytest.fixture(scope="module")
def instance_ids(cloud: Cloud) -> list[str]:
    """The instances before the module's requests; none of them may be gone afterwards."""
    cloud.post("wakeup", {"method": "wakeup"})
    return [instance["id"] for instance in cloud.status()["instances"]]


def assert_malformed(answer: httpx.Response) -> None:
    """Refused by API Gateway's validator (invalid_request) or, if it let it pass, by the code."""
    code = answer.json()["error"]["code"]
    assert code == "invalid_request" or code.startswith(("invalid_", "empty_")), code
    assert len(assert_error(answer, 400, code)) > 10


def test_an_unknown_file_is_not_found(cloud: Cloud) -> None:
    message = assert_error(classify(cloud, "test/nothing.jpg"), 404, "image_not_found")
    assert "test/nothing.jpg" in message


@pytest.mark.parametrize("file_path", ["../models/x", "test/../models/x", "models/x"])
def test_a_path_that_escapes_its_prefix_is_not_allowed(cloud: Cloud, file_path: str) -> None:
    assert_error(classify(cloud, file_path), 403, "path_not_allowed")


def test_a_text_named_jpg_is_an_unsupported_type(cloud: Cloud, instance_ids: list[str]) -> None:
    file_path = upload(cloud, b"This is no photo, whatever its name says.")
    assert file_path.endswith(".jpg")
    assert_error(classify(cloud, file_path), 415, "unsupported_type")


def test_a_truncated_jpeg_is_not_decodable(cloud: Cloud) -> None:
    data = (SAMPLES / "coffee.jpg").read_bytes()
    file_path = upload(cloud, data[: len(data) // 2])
    assert_error(classify(cloud, file_path), 422, "image_not_decodable")


def test_a_png_of_30000_by_30000_pixels_has_too_many(cloud: Cloud, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((30_000, 30_000), bool)).save(buffer, "PNG")
    file_path = upload(cloud, buffer.getvalue(), "image/png")
    message = assert_error(classify(cloud, file_path), 422, "too_many_pixels")
    assert "30000 x 30000" in message


def test_a_heic_photo_gets_a_sentence_of_its_own(cloud: Cloud) -> None:
    answer = cloud.post("uploads", {"content_type": "image/heic", "bytes": 9})
    assert "HEIC photos are not read" in assert_error(answer, 415, "unsupported_type")
    file_path = upload(cloud, b"\0\0\0\x18ftypheic" + bytes(50), "image/jpeg")
    message = assert_error(classify(cloud, file_path), 415, "unsupported_type")
    assert "a HEIC photo" in message
    assert "as JPEG" in message


CALLS = ["classification", "wakeup", "uploads"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("text", ["{}", "[]", "{"])
def test_a_body_without_what_the_call_needs_does_not_reach_a_function(
    cloud: Cloud, call: str, text: str
) -> None:
    answer = cloud.post(call, content=text, headers={"Content-Type": "application/json"})
    message = assert_error(answer, 400, "invalid_request")
    assert "$" not in message  # no variable that nobody filled in
    assert f"for /{call}" in message


CLASSIFY = {"method": "classification"}


@pytest.mark.parametrize(
    ("call", "body", "code", "sentence"),
    [
        (
            "classification",
            {**CLASSIFY, "file_path": "test/my cat.jpg"},
            "invalid_file_path",
            "may have",
        ),
        (
            "classification",
            {**CLASSIFY, "file_path": "test/ä.jpg"},
            "invalid_file_path",
            "may have",
        ),
        ("classification", {**CLASSIFY, "file_path": "test//a.jpg"}, "invalid_file_path", "single"),
        (
            "classification",
            {**CLASSIFY, "file_path": "test/" + "a" * 1100},
            "invalid_file_path",
            "1024",
        ),
        ("classification", {**CLASSIFY, "file_path": ""}, "invalid_file_path", "non-empty"),
        ("classification", {**CLASSIFY, "file_path": 5}, "invalid_file_path", "a non-empty string"),
        (
            "classification",
            {**CLASSIFY, "file_path": "cat.jpg"},
            "path_not_allowed",
            "must begin with",
        ),
        (
            "classification",
            {"method": "Classify", "file_path": "test/a"},
            "invalid_method",
            '"method"',
        ),
        ("wakeup", {"method": "wakeup", "sleep_time": "1 s"}, "invalid_sleep_time", "milliseconds"),
        ("wakeup", {"method": "wakeup", "sleep_time": -1}, "invalid_sleep_time", "from 0 to"),
        ("wakeup", {"method": "wakeup", "hold_until": "soon"}, "invalid_hold_until", "Unix time"),
        ("wakeup", {"method": "wakeup", "hold_until": 1.5}, "invalid_hold_until", "Unix time"),
        ("uploads", {"content_type": "image/png", "bytes": "5"}, "invalid_bytes", "whole number"),
        ("uploads", {"content_type": "image/png", "bytes": 0}, "invalid_bytes", "above 0"),
        ("uploads", {"content_type": 5, "bytes": 5}, "invalid_content_type", '"image/jpeg"'),
    ],
)
def test_a_wrong_value_is_named_by_the_functions_own_sentence(
    cloud: Cloud, call: str, body: dict[str, object], code: str, sentence: str
) -> None:
    answer = cloud.post(call, body)
    status = 403 if code == "path_not_allowed" else 400
    assert sentence in assert_error(answer, status, code)


@pytest.mark.parametrize("call", CALLS)
def test_an_empty_body_is_refused(cloud: Cloud, call: str) -> None:
    answer = cloud.post(call, content=b"", headers={"Content-Type": "application/json"})
    assert_malformed(answer)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("text", ["{", "method=wakeup", "[]", '"wakeup"', "null", "[" * 5000])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_a_body_that_is_no_json_object_is_refused(
    cloud: Cloud, call: str, text: str, content_type: str
) -> None:
    answer = cloud.post(call, content=text, headers={"Content-Type": content_type})
    assert_malformed(answer)


@pytest.mark.parametrize("method", ["wakeup", "Classification", "", None, 5])
def test_a_wrong_method_is_refused(cloud: Cloud, method: object) -> None:
    body = {"method": method, "file_path": "test/cat.jpg"}
    answer = cloud.post("classification", body)
    assert_malformed(answer)


@pytest.mark.parametrize("sleep_time", ["-1", -1, "99999999", 10**12, "soon", "", 0.5, True])
def test_a_sleep_time_that_is_negative_huge_or_a_word_is_refused(
    cloud: Cloud, sleep_time: object
) -> None:
    answer = cloud.post("wakeup", {"method": "wakeup", "sleep_time": sleep_time})
    assert_malformed(answer)


def test_a_request_larger_than_the_gateway_takes_is_refused(cloud: Cloud) -> None:
    answer = cloud.post("classification", content=b" " * (6 * 2**20 + 1))
    assert_error(answer, 413, "request_too_large")


def test_a_call_that_does_not_exist_is_an_error_in_the_same_form(cloud: Cloud) -> None:
    answer = httpx.post(f"{cloud.api_url}/nothing", json={}, timeout=60)
    assert_error(answer, 404, "no_such_call")


def test_none_of_it_took_an_instance_down(cloud: Cloud, instance_ids: list[str]) -> None:
    alive = [instance["id"] for instance in cloud.status()["instances"]]
    assert set(instance_ids) <= set(alive)
    assert classify(cloud, f"test/{SAMPLE.name}").json()["TOP1_label"] == SAMPLE_LABEL
    assert "unexpected" not in [
        json.loads(line)["message"] for line in re.findall(r"\{.*\}", cloud.log())
    ]
