"""Fuzzes the reading of requests: `python -m tests.fuzz.requests FOLDER -runs=N`."""

import json
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["lambda_src.classifier", "json"]):
    from lambda_src.classifier.errors import RequestError
    from lambda_src.classifier.http_call import read_http_call
    from lambda_src.classifier.request import Classification, Wakeup, image_bytes, read_request

PREFIXES = ("uploads/", "test/")
MAX_HOLD_MS = 10_000
NOW_MS = 1_700_000_000_000.0
SEEDS: tuple[dict[str, object], ...] = (
    {"method": "classification", "file_path": "test/20200118.jpg"},
    {"method": "classification", "file_path": "uploads/../models/x"},
    {"method": "classification", "image": "data:image/jpeg;base64,/9j/", "top": 3},
    {"method": "wakeup", "sleep_time": "800"},
    {"method": "wakeup", "hold_until": int(NOW_MS)},
)


def read(data: bytes) -> None:
    text = data[1:].decode(errors="surrogateescape")
    call = ("classification", "wakeup")[data[0] % 2] if data else "wakeup"
    event = {"requestContext": {}, "path": f"/{call}", "body": text}
    try:
        request = read_request(
            event,
            read_http_call(event),
            image_prefixes=PREFIXES,
            max_hold_ms=MAX_HOLD_MS,
            now_ms=NOW_MS,
        )
    except RequestError as error:
        assert 400 <= error.status < 500
        json.dumps({"error": {"code": error.code, "message": error.message}}).encode()
        return
    if isinstance(request, Classification):
        assert 1 <= request.top <= 10
        if request.file_path is not None:
            assert request.file_path.startswith(PREFIXES)
            assert ".." not in request.file_path.split("/")
            return
        try:
            image_bytes(request.image_base64 or "", max_bytes=1000)
        except RequestError as error:
            assert error.code in ("invalid_image", "image_too_large")
    else:
        assert isinstance(request, Wakeup)
        assert 0 <= request.sleep_time_ms <= MAX_HOLD_MS


if __name__ == "__main__":
    for number, seed in enumerate(SEEDS):
        call = b"\1" if seed["method"] == "wakeup" else b"\0"
        (Path(sys.argv[1]) / str(number)).write_bytes(call + json.dumps(seed).encode())
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
