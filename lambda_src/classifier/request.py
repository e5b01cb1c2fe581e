"""Parsing and validation of requests, from HTTP or a direct invoke."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import RequestError
from .http_call import HttpCall

MAX_BODY_CHARACTERS = 8192  # without an image in it
MAX_PARTS = 64  # of a body with an image: a long one of many parts takes time and memory to parse
MAX_TOP = 10
PAPERS_TOP = 5
MAX_KEY_BYTES = 1024  # S3's limit for an object key

# The characters that S3's user guide calls safe in object keys.
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()-]+", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_CALLS = ("classification", "wakeup", "model")
_NO_SUCH_CALL = (
    "There is no such call. The calls are POST /classification, POST /wakeup, GET /model, "
    "POST /uploads and DELETE /uploads."
)
_BASE64_OF_URLS = str.maketrans("-_", "+/")


class Classification(NamedTuple):
    """`{"method": "classification", ...}`: classify an image.

    Either the one at `file_path` in the bucket, or the one in the request, in base64.
    """

    file_path: str | None
    image_base64: str | None = None
    top: int = PAPERS_TOP
    explain: bool = False


class Wakeup(NamedTuple):
    """`{"method": "wakeup", ...}`: keep the instance busy, so that others are started.

    Either for `sleep_time_ms` (the paper's `sleep_time`), or until `hold_until_ms`, a Unix time in
    milliseconds that all calls of one warming round share.
    """

    sleep_time_ms: int
    hold_until_ms: int | None = None

    def hold_s(self, *, now_ms: float, max_hold_ms: int) -> float:
        """Return the seconds to hold; the limit applies even if the clock has jumped.

        Args:
            now_ms: the Unix time now, in milliseconds.
            max_hold_ms: maximum hold, in milliseconds.
        """
        if self.hold_until_ms is None:
            return self.sleep_time_ms / 1000
        return min(max(0.0, self.hold_until_ms - now_ms), max_hold_ms) / 1000


class ModelRequest(NamedTuple):
    """`GET /model`, or `{"method": "model"}`: describe the model that is served."""


Request = Classification | Wakeup | ModelRequest


def cors_headers(call: HttpCall, origins: tuple[str, ...]) -> dict[str, str]:
    """Return the CORS headers that allow a page of one of `origins` to read the answer.

    Args:
        call: the HTTP request.
        origins: the allowed origins.
    """
    if not origins:
        return {}
    origin = call.headers.get("origin")
    if origin not in origins:
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def read_request(
    event: object,
    call: HttpCall | None,
    *,
    image_prefixes: tuple[str, ...],
    max_hold_ms: int,
    now_ms: float,
) -> Request:
    """Parse an event as a request.

    Args:
        event: the function's event; the request itself, as an object, when invoked directly.
        call: the HTTP request in the event, if there is one.
        image_prefixes: key prefixes that a `file_path` may begin with.
        max_hold_ms: maximum hold of a wakeup, in milliseconds.
        now_ms: the Unix time now, in milliseconds.

    Raises:
        RequestError: the request is malformed (400), too long (413), of no known type (415) or
            path (404), or its `file_path` is outside the prefixes (403).
    """
    allowed: tuple[str, ...] = _CALLS
    if call is not None:
        if call.endpoint not in ("", *_CALLS):
            raise RequestError(404, "no_such_call", _NO_SUCH_CALL)
        if call.endpoint == "model":
            return ModelRequest()  # a GET has no body
        if call.endpoint:
            allowed = (call.endpoint,)
        text = _text(call)
        if text is None:
            if "classification" not in allowed:
                raise RequestError(400, "invalid_json", "The body must be JSON.")
            image = call.body if isinstance(call.body, str) else ""
            return Classification(None, image, _top(call.query), _explain(call.query))
        event = _object(text)
    if not isinstance(event, dict):
        raise RequestError(400, "invalid_json", "The request must be a JSON object.")
    method = event.get("method")
    if method not in allowed:
        expected = " or ".join(f'"{name}"' for name in allowed)
        raise RequestError(400, "invalid_method", f'"method" must be {expected}.')
    if method == "wakeup":
        return _wakeup(event, max_hold_ms, now_ms)
    if method == "model":
        return ModelRequest()
    query = call.query if call else {}
    top, explain = _top(query), _explain(query)
    if "top" in event:
        top = _top(event)
    if "explain" in event:
        explain = _explain(event)
    if "image" not in event:
        file_path = _file_path(event.get("file_path"), image_prefixes)
        return Classification(file_path, top=top, explain=explain)
    if "file_path" in event:
        raise RequestError(400, "invalid_image", 'Send "file_path" or "image", not both.')
    return Classification(None, _image(event["image"]), top, explain)


def image_bytes(text: str, *, max_bytes: int) -> bytes:
    """Return the image that a request has in base64.

    Args:
        text: the image in base64, also in the alphabet of URLs, on several lines or unpadded.
        max_bytes: size of the largest image that is accepted.

    Raises:
        RequestError: the text is no base64 (400), or the image is too large (413).
    """
    if "\n" in text or " " in text:
        text = "".join(text.split())
    from binascii import a2b_base64  # not at init

    text = text.rstrip("=")
    size_bytes = len(text) * 3 // 4
    if size_bytes > max_bytes:
        raise RequestError(
            413,
            "image_too_large",
            f"The image has {size_bytes} bytes; at most {max_bytes} are accepted "
            "(max_image_bytes). Send a smaller one.",
        )
    if "-" in text or "_" in text:
        text = text.translate(_BASE64_OF_URLS)
    try:
        if not text:
            raise ValueError
        return a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        raise RequestError(400, "invalid_image", "The image is not valid base64.") from None


def _text(call: HttpCall) -> str | None:
    """Return the body's text; None if the body is an image."""
    body = call.body
    if body is None or body == "":
        raise RequestError(
            400,
            "empty_body",
            'The request has no body; send a photo, or JSON such as {"method": "wakeup"}.',
        )
    if not isinstance(body, str):
        raise RequestError(400, "invalid_json", "The body must be a text.")
    if call.content_type.startswith("multipart/"):
        raise RequestError(
            415, "unsupported_type", "A form is not read. Send the photo's bytes as the body."
        )
    if call.is_base64:
        if _begins_json(_decoded(body[:64]).decode("latin-1")):
            return _decoded(body).decode("utf-8", errors="replace")
        return None
    if call.content_type.startswith("image/") and not _begins_json(body):
        # Read as a text, so its bytes are lost: the API knows no such type.
        raise RequestError(
            415,
            "unsupported_type",
            f'A body of type "{call.content_type}" is not read. Send a photo as image/jpeg, '
            "image/png, image/webp or image/gif.",
        )
    return body


def _begins_json(text: str) -> bool:
    return text.lstrip(" \t\r\n")[:1] in ("{", "[")


def _decoded(text: str) -> bytes:
    from binascii import a2b_base64

    try:
        return a2b_base64(text)
    except ValueError:
        raise RequestError(400, "invalid_image", "The body is not valid base64.") from None


def _object(text: str) -> dict[str, Any]:
    if not _begins_json(text):  # such as a photo that was named JSON, and was read as a text
        raise RequestError(
            400,
            "invalid_json",
            "The body is not a JSON object. Send a photo as image/jpeg, image/png, image/webp or "
            "image/gif.",
        )
    if len(text) > MAX_BODY_CHARACTERS and (
        '"image"' not in text or sum(map(text.count, "{[,:")) > MAX_PARTS
    ):
        raise RequestError(
            413,
            "request_too_large",
            f"The body has {len(text)} characters; at most {MAX_BODY_CHARACTERS} are read, or with "
            f'"image" more, and up to {MAX_PARTS} commas, colons and brackets. Send the photo '
            "itself as the body, as image/jpeg.",
        )
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError(400, "invalid_json", "The body is not valid JSON.") from None
    if not isinstance(fields, dict):
        raise RequestError(400, "invalid_json", "The body must be a JSON object.")
    return fields


def _top(fields: Mapping[str, object]) -> int:
    """Return the number of classes that is asked for, in JSON or in the address."""
    value = fields.get("top", PAPERS_TOP)
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_TOP:
        raise RequestError(400, "invalid_top", f'"top" must be a whole number from 1 to {MAX_TOP}.')
    return value


def _explain(fields: Mapping[str, object]) -> bool:
    """Return whether a class-activation map is asked for, in JSON or in the address."""
    value = fields.get("explain", False)
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value)
    if not isinstance(value, bool):
        raise RequestError(400, "invalid_explain", '"explain" must be true or false.')
    return value


def _image(value: object) -> str:
    """Return an image's base64, which may be in a data URL."""
    if not isinstance(value, str) or not value:
        raise RequestError(400, "invalid_image", '"image" must be the photo in base64.')
    return value.partition(",")[2] if value.startswith("data:") else value


def _file_path(value: object, image_prefixes: tuple[str, ...]) -> str:
    if not isinstance(value, str) or not value:
        raise RequestError(
            400,
            "invalid_file_path",
            '"file_path" must be the image\'s path, a non-empty string; or send "image".',
        )
    segments = value.split("/")
    if any(segment in (".", "..") for segment in segments) or not value.startswith(image_prefixes):
        raise RequestError(
            403,
            "path_not_allowed",
            f'"file_path" must begin with {" or ".join(image_prefixes)}, without "." or "..".',
        )
    if len(value) > MAX_KEY_BYTES or not all(_SEGMENT.fullmatch(part) for part in segments):
        raise RequestError(
            400,
            "invalid_file_path",
            f'"file_path" may have up to {MAX_KEY_BYTES} letters, digits and !_.*\'()- '
            "between single slashes.",
        )
    return value


def _wakeup(fields: Mapping[str, Any], max_hold_ms: int, now_ms: float) -> Wakeup:
    hold_until = fields.get("hold_until")
    if "hold_until" not in fields:
        return Wakeup(_sleep_time_ms(fields.get("sleep_time", "0"), max_hold_ms))
    if "sleep_time" in fields:
        raise RequestError(400, "invalid_wakeup", 'Send "sleep_time" or "hold_until", not both.')
    if not isinstance(hold_until, int) or isinstance(hold_until, bool) or hold_until < 0:
        raise RequestError(
            400, "invalid_hold_until", '"hold_until" must be a Unix time in whole milliseconds.'
        )
    if hold_until > now_ms + max_hold_ms:
        raise RequestError(
            400,
            "invalid_hold_until",
            f'"hold_until" may be at most {max_hold_ms} ms (max_hold_ms) from now.',
        )
    return Wakeup(0, hold_until)


def _sleep_time_ms(value: object, max_hold_ms: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value) if abs(value) < 10**9 else ""
    else:
        text = value if isinstance(value, str) else ""
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > max_hold_ms:
        raise RequestError(
            400,
            "invalid_sleep_time",
            f'"sleep_time" must be whole milliseconds from 0 to {max_hold_ms} (max_hold_ms).',
        )
    return int(text)
