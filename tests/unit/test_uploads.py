"""The uploads function: signing, and errors for invalid requests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src.uploads import handler

MAX_BYTES = 20 * 2**20
UNKNOWN = "application/octet-stream"
TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")


@pytest.fixture(scope="module")
def answer() -> Iterator[Any]:
    """The handler, which signs without a call to AWS."""
    with loaded("us-east-1") as handle:
        yield handle


@contextmanager
def loaded(region: str) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "MAX_IMAGE_BYTES": str(MAX_BYTES),
            "UPLOAD_PREFIX": "uploads/",
            "UPLOAD_EXPIRES_S": "300",
            "IMAGES_BUCKET": "images",
        }.items():
            patch.setenv(name, value)
        yield lambda body: handler.handler({"body": body}, None)


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-west-2", "eu-west-1", "eu-south-2", "ap-southeast-4", "af-south-1"]
)
def test_an_upload_goes_to_the_address_of_the_buckets_region(region: str) -> None:
    with loaded(region) as handle:
        answered = handle(json.dumps({"content_type": "image/png", "bytes": 5}))
    url = json.loads(answered["body"])["url"]
    assert url == f"https://images.s3.{region}.amazonaws.com/"


@pytest.mark.parametrize(
    "missing", ["AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
)
@pytest.mark.parametrize("left", [None, ""])
def test_without_the_roles_keys_an_upload_is_refused_and_the_log_says_why(
    missing: str,
    left: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Undone before the rest of the environment, which would come back otherwise.
    with loaded("us-east-1") as handle, pytest.MonkeyPatch.context() as patch:
        if left is None:
            patch.delenv(missing)
        else:
            patch.setenv(missing, left)
        answered = handle('{"bytes": 5}')
    assert answered["statusCode"] == 503
    error = json.loads(answered["body"])["error"]
    assert error["code"] == "signing_unavailable"
    assert "AWS" not in error["message"]
    first, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["level"], first["message"]) == ("ERROR", "no_credentials")
    assert first["reason"] == f"missing: {missing}"


@pytest.mark.parametrize(
    ("content_type", "signed"),
    [
        *((name, name) for name in TYPES),
        ("image/jpg", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/jfif", "image/jpeg"),
        ("IMAGE/JPEG", "image/jpeg"),
        ("image/jpeg; charset=utf-8", "image/jpeg"),
        (" Image/Png ;q=1", "image/png"),
        ("image/x-png", "image/png"),
        ("image/apng", "image/png"),
        ("image/x-unknown", UNKNOWN),
        ("image/*", UNKNOWN),
        ("application/octet-stream", UNKNOWN),
        ("binary/octet-stream", UNKNOWN),
        ("", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_a_type_is_signed_by_its_usual_name_and_an_unknown_one_is_left_to_the_bytes(
    answer: Any, content_type: str | None, signed: str
) -> None:
    told = json.loads(answer(json.dumps({"content_type": content_type, "bytes": 5}))["body"])
    assert told["fields"]["Content-Type"] == signed


def test_a_type_that_is_not_named_is_left_to_the_bytes(answer: Any) -> None:
    told = json.loads(answer('{"bytes": 5}')["body"])
    assert told["fields"]["Content-Type"] == UNKNOWN
    assert told["file_path"].endswith(".bin")


@pytest.mark.parametrize(
    ("content_type", "what"),
    [
        ("image/heic", "HEIC photos"),
        ("image/HEIF-sequence", "HEIC photos"),
        ("image/avif", "AVIF pictures"),
        ("image/tiff", "TIFF pictures"),
        ("image/bmp", "BMP pictures"),
        ("image/svg+xml", "SVG drawings"),
        ("application/pdf", "PDF documents"),
        ("video/mp4", "Videos"),
        ("text/html", "Files of this type"),
    ],
)
def test_a_type_that_is_not_read_is_refused_by_its_name_with_what_to_do(
    answer: Any, content_type: str, what: str
) -> None:
    refused = answer(json.dumps({"content_type": content_type, "bytes": 5}))
    error = json.loads(refused["body"])["error"]
    assert (refused["statusCode"], error["code"]) == (415, "unsupported_type")
    assert error["message"].startswith(what)
    assert "as JPEG" in error["message"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "content_type": st.sampled_from([*TYPES, "image/svg+xml", "IMAGE/PNG"]) | values,
        "bytes": st.integers(-2, MAX_BYTES + 2) | values,
        "file_path": values,
    },
)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Requests, some with a piece removed or inserted."""
    text = json.dumps(draw(fields | values))
    if draw(st.booleans()):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, len(text)))
        text = text[:begin] + draw(st.text(max_size=9)) + text[end:]
    return text


@settings(max_examples=1_000, deadline=None, derandomize=True, database=None)
@given(bodies() | st.text() | st.none())
def test_any_body_is_signed_for_or_refused(answer: Any, body: str | None) -> None:
    given_answer = answer(body)
    told = json.loads(given_answer["body"])
    if given_answer["statusCode"] != 200:
        assert given_answer["statusCode"] in (400, 413, 415)
        assert set(told) == {"error"}
        assert all(told["error"][part] for part in ("code", "message"))
        return
    assert body is not None
    asked = json.loads(body)
    assert told["fields"]["Content-Type"] in (*TYPES, UNKNOWN)
    if asked.get("content_type") in TYPES:
        assert told["fields"]["Content-Type"] == asked["content_type"]
    assert 1 <= asked["bytes"] <= MAX_BYTES
    assert told["fields"]["key"] == told["file_path"]
    assert told["file_path"].startswith("uploads/")
