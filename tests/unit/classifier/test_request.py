"""Parsing of requests, and errors for invalid ones."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.http_call import read_http_call
from lambda_src.classifier.request import (
    Classification,
    ModelRequest,
    Request,
    Wakeup,
    read_request,
)

NOW_MS = 1_700_000_000_000.0


def read(event: object) -> Request:
    return read_request(
        event,
        read_http_call(event),
        image_prefixes=("uploads/", "test/"),
        max_hold_ms=10_000,
        now_ms=NOW_MS,
    )


def through_api(call: str, body: object) -> dict[str, Any]:
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return {"requestContext": {}, "path": f"/{call}", "body": text}


def refusal(event: object) -> RequestError:
    with pytest.raises(RequestError) as refused:
        read(event)
    assert "\n" not in refused.value.message
    return refused.value


def test_the_papers_classification_request_is_understood() -> None:
    body = {"method": "classification", "file_path": "test/20200118.jpg"}
    assert read(through_api("classification", body)) == Classification("test/20200118.jpg")
    assert read(body) == Classification("test/20200118.jpg")


@pytest.mark.parametrize("sleep_time", ["800", 800])
def test_the_papers_wakeup_request_is_understood(sleep_time: object) -> None:
    body = {"method": "wakeup", "sleep_time": sleep_time}
    assert read(through_api("wakeup", body)) == Wakeup(800)
    assert read(body) == Wakeup(800)


@pytest.mark.parametrize("body", [None, "", "x=1"])
def test_a_get_of_the_model_needs_no_body(body: object) -> None:
    assert isinstance(read(through_api("model", body)), ModelRequest)
    assert isinstance(read(through_api("", {"method": "model"})), ModelRequest)
    assert isinstance(read({"method": "model"}), ModelRequest)


def test_a_wakeup_without_a_time_does_not_sleep() -> None:
    assert read({"method": "wakeup"}) == Wakeup(0)


def test_a_wakeup_may_hold_until_a_moment_in_the_past_or_the_near_future() -> None:
    for hold_until in (int(NOW_MS) - 5, int(NOW_MS) + 10_000):
        assert read({"method": "wakeup", "hold_until": hold_until}) == Wakeup(0, hold_until)


@pytest.mark.parametrize(
    "sleep_time",
    ["-1", -1, "10001", 10_001, 10**30, "soon", "", " 800", "8e2", "٨٠٠", 0.8, True, None, [800]],
)
def test_a_sleep_time_that_is_no_allowed_number_is_refused(sleep_time: object) -> None:
    error = refusal({"method": "wakeup", "sleep_time": sleep_time})
    assert (error.status, error.code) == (400, "invalid_sleep_time")
    assert "0 to 10000" in error.message


@pytest.mark.parametrize(
    "hold_until", [None, "1700000000000", 1.7e12, True, int(NOW_MS) + 10_001, -1, -(10**400)]
)
def test_a_hold_until_that_is_no_near_moment_is_refused(hold_until: object) -> None:
    error = refusal({"method": "wakeup", "hold_until": hold_until})
    assert (error.status, error.code) == (400, "invalid_hold_until")


def test_a_wakeup_cannot_have_two_times() -> None:
    fields = {"method": "wakeup", "hold_until": int(NOW_MS), "sleep_time": "1"}
    assert refusal(fields).code == "invalid_wakeup"


@pytest.mark.parametrize("body", [None, ""])
def test_an_empty_body_is_refused(body: object) -> None:
    error = refusal(through_api("classification", body))
    assert (error.status, error.code) == (400, "empty_body")


@pytest.mark.parametrize("body", ["{", "method=wakeup", "[1]", '"text"', "[" * 5000, "null"])
def test_a_body_that_is_no_json_object_is_refused(body: str) -> None:
    error = refusal(through_api("wakeup", body))
    assert (error.status, error.code) == (400, "invalid_json")


def test_a_body_that_is_too_long_is_refused() -> None:
    error = refusal(through_api("classification", "{" + " " * 8193))
    assert (error.status, error.code) == (413, "request_too_large")


def test_a_photo_that_was_named_json_is_no_json_rather_than_too_long() -> None:
    photo = (b"\xff\xd8\xff\xe0" * 9000).decode(errors="replace")
    error = refusal(through_api("classification", photo))
    assert (error.status, error.code) == (400, "invalid_json")
    assert "image/jpeg" in error.message


@pytest.mark.parametrize(
    "method", ["wakeup", "model", "Classification", "delete", None, 1, ["classification"]]
)
def test_a_method_that_is_not_the_calls_own_is_refused(method: object) -> None:
    error = refusal(through_api("classification", {"method": method, "file_path": "test/a.jpg"}))
    assert (error.status, error.code) == (400, "invalid_method")
    assert '"classification"' in error.message


@pytest.mark.parametrize("file_path", [None, "", 5, ["test/a.jpg"], {}])
def test_a_file_path_must_be_a_text(file_path: object) -> None:
    error = refusal({"method": "classification", "file_path": file_path})
    assert (error.status, error.code) == (400, "invalid_file_path")


@pytest.mark.parametrize(
    "file_path",
    [
        "secrets/a.jpg",
        "/test/a.jpg",
        "test",
        "testing/a.jpg",
        "../test/a.jpg",
        "test/../secrets/a.jpg",
        "test/./a.jpg",
        "uploads/..",
        "s3://bucket/test/a.jpg",
        "%74est/a.jpg",
    ],
)
def test_a_file_path_outside_the_prefixes_is_not_allowed(file_path: str) -> None:
    error = refusal({"method": "classification", "file_path": file_path})
    assert (error.status, error.code) == (403, "path_not_allowed")
    assert "uploads/ or test/" in error.message


@pytest.mark.parametrize(
    "file_path",
    [
        "test/",
        "test//a.jpg",
        "test/%2e%2e/a.jpg",
        "test/a\\b",
        "test/a\nb",
        "test/é.jpg",
        "test/" + "a" * 1020,
    ],
)
def test_a_file_path_with_unsafe_characters_is_refused(file_path: str) -> None:
    error = refusal({"method": "classification", "file_path": file_path})
    assert (error.status, error.code) == (400, "invalid_file_path")


@settings(deadline=None)
@given(st.text())
def test_no_text_names_anything_outside_the_prefixes(file_path: str) -> None:
    try:
        request = read({"method": "classification", "file_path": file_path})
    except RequestError:
        return
    assert isinstance(request, Classification)
    assert request.file_path is not None
    assert request.file_path.startswith(("uploads/", "test/"))
    assert ".." not in request.file_path.split("/")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["method", "file_path", "sleep_time", "hold_until", "x"]), json_values
    )
    | json_values
)
def test_any_json_is_either_a_request_or_refused(event: object) -> None:
    try:
        request = read(event)
    except RequestError as error:
        status = error.status
    else:
        assert isinstance(request, Classification | Wakeup)
        status = 400
    assert 400 <= status < 500


@pytest.mark.parametrize("jump_s", [-86_400, -5, 0, 5, 86_400])
def test_a_clock_that_jumps_after_the_check_holds_no_longer_than_allowed(jump_s: int) -> None:
    request = read({"method": "wakeup", "hold_until": int(NOW_MS) + 2_000})
    assert isinstance(request, Wakeup)
    hold_s = request.hold_s(now_ms=NOW_MS + jump_s * 1000, max_hold_ms=10_000)
    assert 0 <= hold_s <= 10
    if jump_s == 0:
        assert hold_s == 2


SOUND = (
    '{"method": "classification", "file_path": "test/20200118.jpg"}',
    '{"method": "wakeup", "sleep_time": "800"}',
    '{"method": "wakeup", "hold_until": 1700000000000}',
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A valid body with a part replaced by random text."""
    text = draw(st.sampled_from(SOUND))
    begin = draw(st.integers(0, len(text)))
    end = draw(st.integers(begin, len(text)))
    return text[:begin] + draw(st.text(max_size=20)) + text[end:]


@settings(max_examples=2_000, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(["classification", "wakeup", "", "a/wakeup/"]), damaged() | st.text())
def test_any_body_is_either_a_request_or_refused(call: str, body: str) -> None:
    try:
        request = read(through_api(call, body))
    except RequestError as error:
        status = error.status
    else:
        assert isinstance(request, Classification | Wakeup)
        status = 400
    assert 400 <= status < 500
