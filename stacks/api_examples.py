"""Examples of the HTTP API's requests and answers, for its OpenAPI document."""

from typing import Any

Example = dict[str, Any]

_GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"  # one pixel

CLASSIFICATION_REQUESTS: dict[str, Example] = {
    "uploaded": {
        "summary": "An uploaded photo, as in the paper",
        "value": {"method": "classification", "file_path": "test/20200118.jpg"},
    },
    "in_the_call": {
        "summary": "A photo in base64, and three classes",
        "value": {"method": "classification", "image": _GIF, "top": 3},
    },
}

WAKEUP_REQUESTS: dict[str, Example] = {
    "wake": {"summary": "Wake an instance", "value": {"method": "wakeup"}},
    "hold": {
        "summary": "Wake an instance and hold it for 0.8 s, as in the paper",
        "value": {"method": "wakeup", "sleep_time": "800"},
    },
}

UPLOADS_REQUESTS: dict[str, Example] = {
    "jpeg": {
        "summary": "A JPEG of 123,456 bytes",
        "value": {"content_type": "image/jpeg", "bytes": 123456},
    }
}

_ABOUT: Example = {
    "model": "products-resnet50",
    "version": "1.1.0",
    "instance_id": "5f0c0d7f9a3e4b6c8d1e2f3a4b5c6d7e",
    "cold_start": False,
    "init_ms": 74.1,
}

_CLASSES = (
    ("0013", "Mango can", 0.981),
    ("0004", "Peach can", 0.012),
    ("0021", "Orange juice", 0.004),
)

CLASSIFICATION_ANSWER: Example = {
    "method": "classification",
    **{f"TOP{rank}_ID": each[0] for rank, each in enumerate(_CLASSES, start=1)},
    **{f"TOP{rank}_softmax": each[2] for rank, each in enumerate(_CLASSES, start=1)},
    "time": 0.0131,
    **{f"TOP{rank}_label": each[1] for rank, each in enumerate(_CLASSES, start=1)},
    "predictions": [{"id": each[0], "label": each[1], "softmax": each[2]} for each in _CLASSES],
    "recognized": True,
    **_ABOUT,
    "stages_ms": {"fetch": 0.1, "decode": 3.9, "inference": 8.8},
}

WAKEUP_ANSWER: Example = {"method": "wakeup", "time": 0.8, **_ABOUT}

MODEL_ANSWER: Example = {
    "method": "model",
    "time": 0.0002,
    **_ABOUT,
    "title": "demo products",
    "class_count": 3,
    "threshold": 0.42,
    "labels": [each[1] for each in _CLASSES],
}

UPLOADS_ANSWER: Example = {
    "url": "https://BUCKET.s3.us-east-1.amazonaws.com/",
    "fields": {
        "key": "uploads/2026-11-30/8a7d0c3e.jpg",
        "Content-Type": "image/jpeg",
        "policy": "eyJleHBpcmF0aW9uIjog...",
        "x-amz-signature": "9c1f...",
    },
    "file_path": "uploads/2026-11-30/8a7d0c3e.jpg",
    "delete_token": "3f9a...",
    "expires_in": 300,
    "max_bytes": 10000000,
}

DELETION_ANSWER: Example = {"file_path": "uploads/2026-11-30/8a7d0c3e.jpg", "deleted": True}

ERRORS: dict[str, dict[str, str]] = {
    "400": {"invalid_top": '"top" must be a whole number from 1 to 10.'},
    "401": {},
    "403": {
        "invalid_api_key": "The header x-api-key with a key of this environment is missing or "
        "wrong."
    },
    "404": {"image_not_found": "There is no image at uploads/cup.jpg; upload it first."},
    "413": {
        "request_too_large": "The request is too large: a photo in it may have 4.4 MB. Ask "
        "/uploads where to upload a larger one."
    },
    "415": {
        "unsupported_type": "The file is a HEIC photo, as iPhones take them, which is not read. "
        "Save or export it as JPEG and send that."
    },
    "422": {"image_not_decodable": "The image is damaged or incomplete; send it again."},
    "429": {
        "throttled": "More requests at once, or in a second, than the API allows "
        "(throttle_rate_rps, throttle_burst; fewer uploads and wakeups). Try again in a moment."
    },
    "500": {"internal_error": "Request 6bc28136-7f1e-4a0c-9d5f-0e5e6bd5e5a1 failed."},
    "502": {"unavailable": "Internal server error"},
    "503": {
        "model_unavailable": "The model products-resnet50 1.1.0 cannot be served now; try again "
        "in a moment."
    },
    "504": {
        "timed_out": "The function has not answered within 29 s, the limit of API Gateway. Try "
        "again."
    },
}
"""A message of one code of each status."""
