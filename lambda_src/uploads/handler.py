"""Lambda handler that presigns uploads to S3 for one key, type and size, and deletes them.

While it signs, it wakes an instance of the classifier. The module's body is the init phase, which
the first visitor waits for: nothing is imported that is not needed.
"""

from __future__ import annotations

import json
import os
import time
from binascii import Error as Base64Error
from binascii import a2b_base64

from .photo_name import name_of, new_token
from .presigned_post import presigned_post
from .sigv4 import NoCredentialsError, Signer

TYPE_CHECKING = False  # as in typing, whose import takes time
if TYPE_CHECKING:
    from typing import Any

    from .wake import Waker

UNKNOWN = "application/octet-stream"
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    UNKNOWN: "bin",  # the first bytes decide when it is classified
}
OTHER_NAMES = {
    "": UNKNOWN,
    "binary/octet-stream": UNKNOWN,
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/jfif": "image/jpeg",
    "image/x-png": "image/png",
    "image/apng": "image/png",
}
NOT_READ = {
    "image/heic": "HEIC photos",
    "image/heif": "HEIC photos",
    "image/avif": "AVIF pictures",
    "image/tiff": "TIFF pictures",
    "image/bmp": "BMP pictures",
    "image/svg+xml": "SVG drawings",
    "application/pdf": "PDF documents",
}
MAX_BODY_CHARACTERS = 2048
DELETION_HEADER = "x-delete-token"


def _create_waker() -> Waker | None:
    """Return the client that wakes instances ahead; None where the settings ask for none."""
    function_arn = os.environ.get("WAKE_FUNCTION_ARN")
    if function_arn is None:
        return None
    from .wake import Waker

    return Waker(function_arn)


_waker = _create_waker()


class UploadError(Exception):
    """An error returned to the caller, with HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer `{"content_type", "bytes"}` with a presigned POST, or a DELETE by deleting a photo.

    Args:
        event: API Gateway's proxy event. With `start` in its query no instance of the classifier is
            woken: the page starts this function ahead so, and wakes the classifier itself.
        context: Lambda's context, not used.

    Returns:
        API Gateway's proxy answer; its body is `{"url", "fields", "file_path", "delete_token",
        "expires_in", "max_bytes"}`, of a deletion `{"file_path", "deleted"}`, or `{"error":
        {"code", "message"}}`.
    """
    deletes = _method(event) == "DELETE"
    log: dict[str, object] = {"level": "INFO", "message": "deletion" if deletes else "upload"}
    try:
        status, answer = 200, _delete(event, log) if deletes else _upload(event, log)
    except UploadError as error:
        status, answer = error.status, {"error": {"code": error.code, "message": error.message}}
    print(json.dumps({**log, "status": status}, separators=(",", ":")))
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        **_cors_headers(event.get("headers") or {}),
    }
    return {"statusCode": status, "headers": headers, "body": json.dumps(answer)}


def _method(event: dict[str, Any]) -> str:
    """Return the call's method; payloads of format 2.0 have it elsewhere."""
    context = event.get("requestContext") or {}
    method: str = event.get("httpMethod") or context.get("http", {}).get("method", "POST")
    return method


def _upload(event: dict[str, Any], log: dict[str, object]) -> dict[str, Any]:
    content_type, size_bytes = _read(_text(event))
    signer = _signer()
    starts_alone = "start" in (event.get("queryStringParameters") or {})
    refusal = _waker.wake(signer) if _waker and not starts_alone else None
    answer = _sign(signer, content_type, size_bytes)
    if refusal is not None:
        log |= _wake_fields(refusal())
    return answer


def _delete(event: dict[str, Any], log: dict[str, object]) -> dict[str, Any]:
    """Delete the photo of a token; the answer is the same whether or not it was stored."""
    from . import deletion  # its HTTP client takes time, and uploads need none

    file_path = (event.get("queryStringParameters") or {}).get("file_path")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    token = headers.get(DELETION_HEADER)
    if not file_path or not token:
        raise UploadError(
            400,
            "invalid_request",
            "Name the photo in the query, ?file_path=..., and send the delete_token that /uploads "
            f"returned with it as the header {DELETION_HEADER}.",
        )
    if not deletion.proves(token, file_path, os.environ["UPLOAD_PREFIX"]):
        raise UploadError(
            403,
            "wrong_delete_token",
            "This is not the delete_token that /uploads returned with this file_path.",
        )
    log["file_path"] = file_path
    try:
        deletion.delete(_signer(), bucket=os.environ["IMAGES_BUCKET"], key=file_path)
    except deletion.StorageError as error:
        log |= {"level": "ERROR", "reason": str(error)}
        raise UploadError(
            503,
            "storage_unavailable",
            "S3 did not answer, or refused to delete the photo. Try again in a moment.",
        ) from None
    return {"file_path": file_path, "deleted": True}


def _cors_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the CORS headers that allow a page of one of the origins to read the answer."""
    origins = os.environ.get("CORS_ORIGINS", "").split()
    if not origins:
        return {}
    origin = headers.get("origin") or headers.get("Origin")
    if origin not in origins:
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def _text(event: dict[str, Any]) -> object:
    """Return the body; API Gateway passes one on in base64 that is of a photo's type."""
    body = event.get("body")
    if not event.get("isBase64Encoded") or not isinstance(body, str):
        return body
    if len(body) > 2 * MAX_BODY_CHARACTERS:
        return body  # too long in any case
    try:
        return a2b_base64(body).decode()
    except (Base64Error, ValueError):
        raise UploadError(400, "invalid_json", "The body is not valid JSON.") from None


def _read(body: object) -> tuple[str, int]:
    if not isinstance(body, str) or not body:
        raise UploadError(
            400, "empty_body", 'Send JSON such as {"content_type": "image/jpeg", "bytes": 123456}.'
        )
    if len(body) > MAX_BODY_CHARACTERS:
        raise UploadError(
            413,
            "request_too_large",
            f"The body has more than {MAX_BODY_CHARACTERS} characters. Send content_type and bytes "
            "alone; send the photo itself to the returned url.",
        )
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise UploadError(400, "invalid_json", "The body is not valid JSON.") from None
    if not isinstance(fields, dict):
        raise UploadError(400, "invalid_json", "The body must be a JSON object.")
    content_type, size_bytes = _content_type(fields.get("content_type")), fields.get("bytes")
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes < 1:
        raise UploadError(400, "invalid_bytes", '"bytes" must be a whole number above 0.')
    max_bytes = int(os.environ["MAX_IMAGE_BYTES"])
    if size_bytes > max_bytes:
        raise UploadError(
            413,
            "image_too_large",
            f"The image has {size_bytes} bytes; at most {max_bytes} are accepted "
            "(max_image_bytes). Send a smaller one.",
        )
    return content_type, size_bytes


def _content_type(value: object) -> str:
    """Return the type as it is signed: lower case, without parameters, by its usual name."""
    if value is None:
        return UNKNOWN
    if not isinstance(value, str):
        raise UploadError(
            400, "invalid_content_type", '"content_type" must be a string such as "image/jpeg".'
        )
    name = value.partition(";")[0].strip().lower()
    name = OTHER_NAMES.get(name, name)
    if name in EXTENSIONS:
        return name
    what = NOT_READ.get(name.removesuffix("-sequence"))
    if what is None and name.startswith("image/"):
        return UNKNOWN
    if what is None:
        what = "Videos" if name.startswith("video/") else "Files of this type"
    raise UploadError(
        415,
        "unsupported_type",
        f"{what} are not read. Save or export it as JPEG, PNG, WebP or GIF.",
    )


def _signer() -> Signer:
    try:
        return Signer.from_environment()
    except NoCredentialsError as error:
        print(json.dumps({"level": "ERROR", "message": "no_credentials", "reason": str(error)}))
        raise UploadError(
            503, "signing_unavailable", "Uploads cannot be signed now; try again in a moment."
        ) from None


def _sign(signer: Signer, content_type: str, size_bytes: int) -> dict[str, Any]:
    now_s = time.time()
    day = time.strftime("%Y/%m/%d", time.gmtime(now_s))
    prefix = os.environ["UPLOAD_PREFIX"]
    token = new_token()
    file_path = f"{prefix}{day}/{name_of(token)}.{EXTENSIONS[content_type]}"
    expires_in = int(os.environ["UPLOAD_EXPIRES_S"])
    url, fields = presigned_post(
        signer,
        bucket=os.environ["IMAGES_BUCKET"],
        key=file_path,
        content_type=content_type,
        size_bytes=size_bytes,
        expires_in_s=expires_in,
        now_s=now_s,
    )
    return {
        "url": url,
        "fields": fields,
        "file_path": file_path,
        "delete_token": token,
        "expires_in": expires_in,
        "max_bytes": int(os.environ["MAX_IMAGE_BYTES"]),
    }


def _wake_fields(refusal: str | None) -> dict[str, object]:
    """Return log fields about a wakeup, from which CloudWatch creates a metric.

    Source: CloudWatch user guide, "Specification: Embedded metric format".

    Args:
        refusal: why the wakeup was not accepted; None if it was.
    """
    directive = {
        "Namespace": "Warmlens",
        "Dimensions": [["Environment"]],
        "Metrics": [{"Name": "WakeRefused", "Unit": "Count"}],
    }
    fields = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "Environment": os.environ["METRICS_ENVIRONMENT"],
        "WakeRefused": int(refusal is not None),
    }
    return fields if refusal is None else {**fields, "level": "WARNING", "reason": refusal}
