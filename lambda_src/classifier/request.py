"""Parsing and validation of requests from API Gateway or a direct invoke."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import RequestError

MAX_BODY_CHARACTERS = 8192
MAX_KEY_BYTES = 1024  # S3's limit for an object key

# The characters that S3's user guide calls safe in object keys.
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()-]+", re.ASCII)
_MILLISECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


class Classification(NamedTuple):
    """`{"method": "classification", "file_path": ...}`: classify an image in the bucket."""

    file_path: str


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


Request = Classification | Wakeup


def is_api_call(event: Mapping[str, Any]) -> bool:
    """Return True if the event is from API Gateway, False for a direct invoke."""
    return "requestContext" in event


def cors_headers(event: Mapping[str, Any], origins: tuple[str, ...]) -> dict[str, str]:
    """Return the CORS headers that allow a page of one of `origins` to read the answer.

    Args:
        event: API Gateway's proxy event.
        origins: the allowed origins.
    """
    if not origins:
        return {}
    headers = event.get("headers") or {}
    origin = headers.get("origin") or headers.get("Origin")
    if origin not in origins:
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def read_request(
    event: object, *, image_prefixes: tuple[str, ...], max_hold_ms: int, now_ms: float
) -> Request:
    """Parse an event as a request.

    Args:
        event: API Gateway's proxy event, or the request as an object.
        image_prefixes: key prefixes that a `file_path` may begin with.
        max_hold_ms: maximum hold of a wakeup, in milliseconds.
        now_ms: the Unix time now, in milliseconds.

    Raises:
        RequestError: the request is malformed (400), too long (413), or its path is outside the
            prefixes (403).
    """
    if not isinstance(event, dict):
        raise RequestError(400, "invalid_json", "The request must be a JSON object.")
    fields, allowed = event, ["classification", "wakeup"]
    if is_api_call(event):
        fields = _body(event)
        endpoint = str(event.get("path", "")).rstrip("/").rpartition("/")[2]
        allowed = [endpoint] if endpoint else allowed
    method = fields.get("method")
    if method not in allowed:
        expected = " or ".join(f'"{name}"' for name in allowed)
        raise RequestError(400, "invalid_method", f'"method" must be {expected}.')
    if method == "classification":
        return Classification(_file_path(fields.get("file_path"), image_prefixes))
    return _wakeup(fields, max_hold_ms, now_ms)


def _body(event: Mapping[str, Any]) -> dict[str, Any]:
    text = event.get("body")
    if not text:
        raise RequestError(
            400, "empty_body", 'The request has no body; send JSON such as {"method": "wakeup"}.'
        )
    if event.get("isBase64Encoded"):
        raise RequestError(
            400, "invalid_json", "The body must be JSON text; set Content-Type: application/json."
        )
    if len(text) > MAX_BODY_CHARACTERS:
        raise RequestError(
            413,
            "request_too_large",
            f"The body has {len(text)} characters; at most {MAX_BODY_CHARACTERS} are read. "
            "Images are uploaded to S3, not sent here: see /uploads.",
        )
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError(400, "invalid_json", "The body is not valid JSON.") from None
    if not isinstance(fields, dict):
        raise RequestError(400, "invalid_json", "The body must be a JSON object.")
    return fields


def _file_path(value: object, image_prefixes: tuple[str, ...]) -> str:
    if not isinstance(value, str) or not value:
        raise RequestError(
            400, "invalid_file_path", '"file_path" must be the image\'s path, a non-empty string.'
        )
    segments = value.split("/")
    if any(segment in (".", "..") for segment in segments) or not value.startswith(image_prefixes):
        raise RequestError(
            403,
            "path_not_allowed",
            f'"file_path" must begin with {" or ".join(image_prefixes)} and may not leave it.',
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
            400, "invalid_hold_until", f'"hold_until" may be at most {max_hold_ms} ms from now.'
        )
    return Wakeup(0, hold_until)


def _sleep_time_ms(value: object, max_hold_ms: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value) if abs(value) < 10**9 else ""
    else:
        text = value if isinstance(value, str) else ""
    if not _MILLISECONDS.fullmatch(text) or int(text) > max_hold_ms:
        raise RequestError(
            400,
            "invalid_sleep_time",
            f'"sleep_time" must be whole milliseconds from 0 to {max_hold_ms}.',
        )
    return int(text)
