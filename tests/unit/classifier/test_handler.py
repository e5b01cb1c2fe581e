"""The handler with clocks that jump and calls that fail."""

import base64
import importlib
import io
import json
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from lambda_src.classifier import picture
from warmlens.paths import MODEL_ARTIFACTS

NOW_S = 1_700_000_000.0
MAX_HOLD_MS = 700
DAY_S = 86_400.0
VARIABLES = {
    "IMAGES_BUCKET": "images",
    "IMAGE_PREFIXES": "test/",
    "MODELS_FOLDER": str(MODEL_ARTIFACTS),
    "MODEL_NAME": "imagenet-efficientnet-lite0",
    "MODEL_VERSION": "1.1.0",
    "MAX_IMAGE_BYTES": "1000000",
    "MAX_IMAGE_PIXELS": "1000000",
    "MAX_DECODE_MS": "5000",
    "MAX_HOLD_MS": str(MAX_HOLD_MS),
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "AWS_REGION": "us-east-1",
}
MODULE = "lambda_src.classifier.handler"


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The function's module, whose import is an init."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    yield importlib.import_module(MODULE)
    del sys.modules[MODULE]


def test_an_instance_is_held_no_longer_than_the_settings_allow_when_the_clock_jumps(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is set back by a day after the request was checked."""
    moments, slept_s = [NOW_S, NOW_S - DAY_S], list[float]()
    monkeypatch.setattr(time, "time", lambda: moments.pop(0))
    monkeypatch.setattr(time, "sleep", slept_s.append)
    event = {"method": "wakeup", "hold_until": int(NOW_S * 1000) + MAX_HOLD_MS}
    answer = handler.handler(event, SimpleNamespace(aws_request_id="a call"))
    assert answer["method"] == "wakeup"
    assert slept_s == [MAX_HOLD_MS / 1000]


def test_without_a_log_stream_of_its_own_an_instance_gets_an_id_with_its_first_call(
    handler: Any,
) -> None:
    assert handler.INSTANCE.id is None  # a copy of this init must not have the same
    context = SimpleNamespace(aws_request_id="a call")
    first, second = (handler.handler({"method": "wakeup"}, context) for _ in range(2))
    assert len(first["instance_id"]) == 32
    assert second["instance_id"] == first["instance_id"]


def test_an_unexpected_error_tells_the_caller_the_request_and_nothing_of_the_code(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: float) -> None:
        raise OSError("a secret of the code")

    monkeypatch.setattr(time, "sleep", fail)
    event = {"requestContext": {}, "path": "/wakeup", "body": '{"method": "wakeup"}'}
    answer = handler.handler(event, SimpleNamespace(aws_request_id="0123"))
    assert answer["statusCode"] == 500
    error = {"code": "internal_error", "message": "Request 0123 failed."}
    assert json.loads(answer["body"]) == {"error": error}


@pytest.mark.parametrize("quick_pixels", [10_000, 0], ids=["in its process", "in another one"])
def test_the_log_alone_says_by_which_error_a_photo_was_not_decoded(
    quick_pixels: int,
    handler: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise IndexError("a secret of the code")

    monkeypatch.setattr(picture, "QUICK_PIXELS", quick_pixels)
    monkeypatch.setattr(picture, "load_whole", fail)
    with io.BytesIO() as file:
        Image.new("RGB", (30, 20)).save(file, "PNG")
        photo = base64.b64encode(file.getvalue()).decode()
    context = SimpleNamespace(aws_request_id="a call")
    answer = handler.handler({"method": "classification", "image": photo}, context)
    assert answer["error"]["code"] == "image_not_decodable"
    assert "secret" not in json.dumps(answer)
    handler.handler({"method": "wakeup"}, context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    refused, woken = (line for line in lines if line["message"] == "request")
    assert refused["cause"] == "IndexError: a secret of the code"
    assert "cause" not in woken
