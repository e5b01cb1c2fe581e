"""Each error about a limit names the limit and says what to do."""

import base64
import itertools
import json
import re
import time
from collections.abc import Callable

import pytest
from PIL import Image

from lambda_src.classifier import picture
from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.http_call import read_http_call
from lambda_src.classifier.own_process import OutOfMemoryError
from lambda_src.classifier.picture import prepare
from lambda_src.classifier.request import image_bytes, read_request
from lambda_src.uploads import handler as uploads
from stacks.api_schema import ERROR_CODES
from tests.hostile.decoding import GEOMETRY
from tests.hostile.formats import (
    encode,
    in_jpeg,
    jpeg_of_size,
    jpeg_segment,
    png,
    whole_jpeg_of_size,
)
from warmlens_client.refusals import _ADVICE

MAX_PIXELS = 1_000_000
WHAT_TO_DO = re.compile(r"\b(send|save|ask|wait|try|read)\b", re.IGNORECASE)


@pytest.fixture
def quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes a second."""
    looks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(looks)))


def decode(data: bytes, max_decode_ms: int = 600_000) -> None:
    prepare(data, GEOMETRY, max_pixels=MAX_PIXELS, max_decode_ms=max_decode_ms)


def read(body: str) -> None:
    event = {"requestContext": {}, "path": "/v1/classification", "body": body}
    wakeup = {"path": "/v1/wakeup"} if "wakeup" in body else {}
    call = read_http_call({**event, **wakeup})
    read_request(event, call, image_prefixes=("test/",), max_hold_ms=7_000, now_ms=0)


def of_uploads(body: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setenv("MAX_IMAGE_BYTES", "1000")
    error = json.loads(uploads.handler({"body": body}, None)["body"])["error"]
    return error["code"], error["message"]


def out_of_memory(*_: object, **__: object) -> bytes:
    raise OutOfMemoryError


SLOW_JPEG = in_jpeg(jpeg_segment(0xDD, b"\0\0") * 300)
BIG_PROGRESSIVE = jpeg_of_size(1_500, 1_500, progressive=True, subsampling=0)
REFUSED: dict[str, tuple[Callable[[], object], str, str, str]] = {
    "pixels": (
        lambda: decode(png(30_000, 30_000)),
        "too_many_pixels",
        "30000 x 30000 pixels",
        "1000000 in all (max_image_pixels)",
    ),
    "pixels of a JPEG": (
        lambda: decode(whole_jpeg_of_size(8_200, 8_200)),
        "too_many_pixels",
        "of which would be decoded",
        "at most 1000000 are (max_image_pixels)",
    ),
    "memory of a progressive JPEG": (
        lambda: decode(BIG_PROGRESSIVE),
        "too_many_pixels",
        "as it is progressive",
        "at most 1000000 are decoded (max_image_pixels)",
    ),
    "a side": (
        lambda: decode(encode(Image.new("1", (1, 65_536)), "PNG")),
        "too_many_pixels",
        "1 x 65536",
        "65535 on a side",
    ),
    "bytes": (
        lambda: image_bytes(base64.b64encode(bytes(1001)).decode(), max_bytes=1000),
        "image_too_large",
        "1001 bytes",
        "1000 are accepted (max_image_bytes)",
    ),
    "characters of a body": (
        lambda: read("{" + " " * 9_000 + "}"),
        "request_too_large",
        "9002 characters",
        "8192",
    ),
    "hold": (
        lambda: read('{"method": "wakeup", "sleep_time": 7001}'),
        "invalid_sleep_time",
        "whole milliseconds",
        "0 to 7000 (max_hold_ms)",
    ),
}


@pytest.mark.parametrize("limit", REFUSED)
def test_a_refusal_names_the_limit_and_its_setting(limit: str) -> None:
    refuse, code, found, named = REFUSED[limit]
    with pytest.raises(RequestError) as refused:
        refuse()
    error = refused.value
    assert error.code == code
    assert found in error.message
    assert named in error.message
    assert code.startswith("invalid_") or WHAT_TO_DO.search(error.message)


@pytest.mark.usefixtures("quick_clock")
def test_an_image_that_decodes_too_slowly_names_the_time_that_it_may_take() -> None:
    with pytest.raises(RequestError) as refused:
        decode(SLOW_JPEG, max_decode_ms=5_000)
    assert refused.value.code == "image_too_slow"
    assert "the limit of 5000 ms (max_decode_ms)" in refused.value.message
    assert "Save it again as a plain (baseline) JPEG" in refused.value.message


def test_an_image_that_takes_too_much_memory_names_what_limits_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(picture, "in_own_process", out_of_memory)
    with pytest.raises(RequestError) as refused:
        decode(encode(Image.new("RGB", (500, 500)), "WEBP", lossless=True))
    assert "max_image_pixels allows (25 bytes a pixel)" in refused.value.message
    assert "Send a smaller one" in refused.value.message


def test_the_uploads_function_names_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    code, message = of_uploads('{"bytes": 1001}', monkeypatch)
    assert code == "image_too_large"
    assert "1001 bytes; at most 1000 are accepted (max_image_bytes). Send a smaller" in message
    code, message = of_uploads(" " * 2049, monkeypatch)
    assert code == "request_too_large"
    assert "more than 2048 characters. Send content_type and bytes alone" in message


def test_the_client_says_it_where_the_gateway_names_no_code() -> None:
    assert "4.4 MB" in _ADVICE["request_too_large"]
    assert "29 s" in _ADVICE["timed_out"]
    assert "than the API allows" in _ADVICE["throttled"]


def test_no_code_of_a_limit_is_left_out() -> None:
    """The gateway's are tested in test_openapi.py, `answer_too_large` in test_recognized.py."""
    named = {code for _, code, *_ in REFUSED.values()}
    named |= {"image_too_slow", "answer_too_large", "quota_exceeded", "throttled", "timed_out"}
    of_limits = {code for status in ("413", "422", "429", "504") for code in ERROR_CODES[status]}
    assert of_limits - {"image_not_decodable"} <= named
