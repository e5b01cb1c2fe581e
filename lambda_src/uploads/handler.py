"""Lambda handler that presigns uploads to S3 for one key, type and size."""

import json
import os
import time
import uuid
from typing import Any

import boto3
from botocore.config import Config

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

# By default boto3 names S3's global address. Outside us-east-1 that redirects uploads to a new
# bucket for up to a day (307), and in newer regions refuses them (400); S3 user guide, "Virtual
# hosting of general purpose buckets".
_s3 = boto3.client(
    "s3",
    config=Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    ),
)


class UploadError(Exception):
    """An error returned to the caller, with HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer `{"content_type", "bytes"}` with a presigned POST.

    Args:
        event: API Gateway's proxy event.
        context: Lambda's context, not used.

    Returns:
        API Gateway's proxy answer; its body is `{"url", "fields", "file_path", "expires_in",
        "max_bytes"}`, or `{"error": {"code", "message"}}`.
    """
    try:
        content_type, size_bytes = _read(event.get("body"))
        status, answer = 200, _sign(content_type, size_bytes)
    except UploadError as error:
        status, answer = error.status, {"error": {"code": error.code, "message": error.message}}
    print(json.dumps({"level": "INFO", "message": "upload", "status": status}))
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        **_cors_headers(event.get("headers") or {}),
    }
    return {"statusCode": status, "headers": headers, "body": json.dumps(answer)}


def _cors_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the CORS headers that allow a page of one of the origins to read the answer."""
    origins = os.environ.get("CORS_ORIGINS", "").split()
    if not origins:
        return {}
    origin = headers.get("origin") or headers.get("Origin")
    if origin not in origins:
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def _read(body: object) -> tuple[str, int]:
    if not isinstance(body, str) or not body:
        raise UploadError(
            400, "empty_body", 'Send JSON such as {"content_type": "image/jpeg", "bytes": 123456}.'
        )
    if len(body) > MAX_BODY_CHARACTERS:
        raise UploadError(
            413, "request_too_large", f"The body has more than {MAX_BODY_CHARACTERS} characters."
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
            f"The image has {size_bytes} bytes; at most {max_bytes} are accepted.",
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
        f"{what} are not read, but JPEG, PNG, WebP and GIF are. Save or export it as JPEG.",
    )


def _sign(content_type: str, size_bytes: int) -> dict[str, Any]:
    day = time.strftime("%Y/%m/%d", time.gmtime())
    prefix = os.environ["UPLOAD_PREFIX"]
    file_path = f"{prefix}{day}/{uuid.uuid4().hex}.{EXTENSIONS[content_type]}"
    expires_in = int(os.environ["UPLOAD_EXPIRES_S"])
    post = _s3.generate_presigned_post(
        os.environ["IMAGES_BUCKET"],
        file_path,
        Fields={"Content-Type": content_type},
        Conditions=[
            {"Content-Type": content_type},
            ["content-length-range", size_bytes, size_bytes],
        ],
        ExpiresIn=expires_in,
    )
    return {
        "url": post["url"],
        "fields": post["fields"],
        "file_path": file_path,
        "expires_in": expires_in,
        "max_bytes": int(os.environ["MAX_IMAGE_BYTES"]),
    }
