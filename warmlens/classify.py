"""Client of the HTTP API: classification of a photo, in one call or after an upload."""

import re
import time
from pathlib import Path
from typing import Any

import httpx

from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens.other_types import refusal

TIMEOUT_S = 60
MAX_IN_REQUEST_BYTES = 4_400_000
"""The largest photo in a request: Lambda takes 6 MB as JSON, in which a photo grows by a third."""
PREPARE_S = 10
"""Time in which Lambda prepares a function that rested for weeks, before the second call."""
_SIGNATURES = {
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/gif": re.compile(rb"GIF8"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
_EXPECTED = {
    "uploads": ("url", "fields", "file_path"),
    "classification": ("TOP1_ID", "TOP1_label", "TOP1_softmax", "time", "cold_start", "init_ms"),
}


def classify(
    image: Path, *, url: str, auth: httpx.Auth | None = None, upload: bool = False
) -> dict[str, Any]:
    """Classify an image, in one call if it is small enough for that.

    Args:
        image: a JPEG, PNG, WebP or GIF file.
        url: root of the API, such as `http://127.0.0.1:8080`.
        auth: authentication of the API; None for an open API.
        upload: True to upload the image first, as larger ones are.

    Returns:
        The answer of the call `classification`.

    Raises:
        WarmlensError: the file cannot be read, or the API cannot be reached or returns an error.
    """
    try:
        data = image.read_bytes()
    except OSError as error:
        raise WarmlensError("unreadable_file", f"{image}: {error.strerror}") from error
    if not data:
        raise WarmlensError("empty_file", f"{image} is empty.")
    content_type = _content_type(data)
    if content_type is None:
        raise WarmlensError("unsupported_type", f"{image}: {refusal(data)}")
    try:
        is_local = httpx.URL(url).host in ("127.0.0.1", "localhost")
        with httpx.Client(timeout=TIMEOUT_S, trust_env=not is_local) as client:
            if not upload and len(data) <= MAX_IN_REQUEST_BYTES:
                photo = {"content": data, "headers": {"Content-Type": content_type}}
                return _call(client, url, auth, "classification", photo)
            fields = {"content_type": content_type, "bytes": len(data)}
            grant = _call(client, url, auth, "uploads", {"json": fields})
            stored = client.post(
                grant["url"],
                data=grant["fields"],
                files={"file": (image.name, data, content_type)},
            )
            check_stored(stored)
            fields = {"method": "classification", "file_path": grant["file_path"]}
            return _call(client, url, auth, "classification", {"json": fields})
    except httpx.InvalidURL as error:
        raise WarmlensError("invalid_url", f"{url} is not a URL ({error}).") from error
    except httpx.HTTPError as error:
        raise WarmlensError(
            "unreachable", f"{url} does not answer ({error}). Is the service running?"
        ) from error


def check_stored(response: httpx.Response) -> None:
    """Check S3's answer to an upload.

    Args:
        response: the answer.

    Raises:
        WarmlensError: `upload_redirected`: S3 has the bucket at another address; `upload_refused`:
            the photo was not stored for another reason.
    """
    if response.is_redirect:
        raise WarmlensError(
            "upload_redirected",
            f"{response.url.host} sent the upload elsewhere, so the photo was not stored: the API "
            "must sign uploads for the address of the bucket's region; deploy it again.",
        )
    if not response.is_success:
        raise WarmlensError(
            "upload_refused",
            f"S3 did not store the upload ({response.status_code}): {response.text}",
        )


def _content_type(data: bytes) -> str | None:
    for content_type, signature in _SIGNATURES.items():
        if signature.match(data):
            return content_type
    return None


def _call(
    client: httpx.Client, url: str, auth: httpx.Auth | None, call: str, body: dict[str, Any]
) -> dict[str, Any]:
    """Call the API; once more if the gateway reached no function.

    Lambda rejects the first call after weeks without one and then prepares the function. Both
    calls may be repeated: they change nothing.
    """
    response, answer = _post(client, url, auth, call, body)
    if response.is_server_error and _error_of(answer).get("code") == "unavailable":
        err.print(
            f"The service did not take the call ({response.status_code}), as it does after weeks "
            f"without calls; trying once more in {PREPARE_S} s."
        )
        time.sleep(PREPARE_S)
        response, answer = _post(client, url, auth, call, body)
    if not isinstance(answer, dict):
        raise WarmlensError(
            "unexpected_answer", f"{call} returned {response.status_code} without a JSON object."
        )
    if not response.is_success:
        error = _error_of(answer)
        raise WarmlensError(
            error.get("code", "refused"),
            error.get("message", f"{call} returned {response.status_code}."),
        )
    missing = [name for name in _EXPECTED[call] if name not in answer]
    if missing:
        raise WarmlensError("unexpected_answer", f"{call} returned no {missing[0]}.")
    return answer


def _post(
    client: httpx.Client, url: str, auth: httpx.Auth | None, call: str, body: dict[str, Any]
) -> tuple[httpx.Response, Any]:
    """Return an answer of the API and its JSON document, None where it has none."""
    response = client.post(
        f"{url.rstrip('/')}/{call}", **body, auth=auth or httpx.USE_CLIENT_DEFAULT
    )
    try:
        return response, response.json()
    except ValueError:
        return response, None


def _error_of(answer: Any) -> dict[str, Any]:
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, dict) else {}
