"""JSON Schemas of the HTTP API's requests and answers.

The API's request models, its validator and `docs/openapi.json` are generated from these; tests
check the functions' answers against them.
"""

from typing import Any

Schema = dict[str, Any]

MAX_TOP = 10
_B = "[A-Za-z0-9+/]"  # a character of base64
PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")

CLASSIFICATION_REQUEST: Schema = {
    "type": "object",
    "title": "ClassificationRequest",
    "description": "Has an image in it, or names one in the images bucket.",
    "required": ["method"],
    "oneOf": [{"required": ["file_path"]}, {"required": ["image"]}],
    "properties": {
        "method": {"type": "string", "enum": ["classification"]},
        "image": {
            "type": "string",
            "pattern": f"^({_B}{{4}})*({_B}{{4}}|{_B}{{3}}=|{_B}{{2}}==)$",
            "contentEncoding": "base64",
            "description": "The image in base64, up to 4.4 MB before; larger ones are uploaded.",
        },
        "top": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_TOP,
            # Without "default": generated types would make a field that has one a required one.
            "description": "Number of classes in the answer, the most probable first; 5 by "
            "default.",
        },
        "explain": {
            "type": "boolean",
            "description": "True asks for the class-activation map of the first class; false "
            "by default.",
        },
        "file_path": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            # The characters that S3's user guide calls safe in object keys.
            "pattern": "^([A-Za-z0-9!_.*'()-]+/)+[A-Za-z0-9!_.*'()-]+$",
            "description": "The image's key: the file_path that /uploads gave, or a sample's.",
        },
    },
}

WAKEUP_REQUEST: Schema = {
    "type": "object",
    "title": "WakeupRequest",
    "description": "Wakes an instance, and holds it for sleep_time or until hold_until if given.",
    "required": ["method"],
    "properties": {
        "method": {"type": "string", "enum": ["wakeup"]},
        "sleep_time": {
            "description": "Milliseconds to hold the instance, as a string or a number; "
            "at most the environment's max_hold_ms. Not together with hold_until.",
            "oneOf": [
                {"type": "string", "pattern": "^[0-9]{1,9}$"},
                {"type": "integer", "minimum": 0},
            ],
        },
        "hold_until": {
            "type": "integer",
            "minimum": 0,
            "description": "Unix time in milliseconds until which the instance is held.",
        },
    },
}

UPLOADS_REQUEST: Schema = {
    "type": "object",
    "title": "UploadsRequest",
    "description": "Asks for a signed upload of one image.",
    "required": ["bytes"],
    "properties": {
        "content_type": {
            "type": ["string", "null"],
            "description": "image/jpeg, image/png, image/webp, image/gif or another name of these; "
            "without it the type is read from the first bytes when the image is classified.",
        },
        "bytes": {"type": "integer", "minimum": 1, "description": "The image's exact size."},
    },
}


def gateway_model(request: Schema) -> Schema:
    """Return the part of a request's schema that API Gateway checks: the required fields.

    The gateway has one error message for all that its model refuses, the functions have one for
    each field. So the fields' values are left to the functions.
    """
    return {key: request[key] for key in ("type", "title", "description", "required")}


_INSTANCE: Schema = {
    "model": {"type": "string", "description": "Name of the model that the instance serves."},
    "version": {"type": "string", "description": "Its version."},
    "instance_id": {"type": "string", "description": "The instance that answered."},
    "cold_start": {"type": "boolean", "description": "True for the first call of an instance."},
    "init_ms": {
        "type": "number",
        "minimum": 0,
        "description": "Time of the instance's init in the function's own code.",
    },
}

_TIME: Schema = {"type": "number", "minimum": 0, "description": "Seconds in the function."}


def _ranks(suffix: str, schema: Schema) -> Schema:
    return {f"TOP{rank}_{suffix}": schema for rank in range(1, MAX_TOP + 1)}


_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_SIDE: Schema = {"type": "integer", "minimum": 1, "maximum": 64}

_EXPLANATION: Schema = {
    "type": "object",
    "required": ["id", "rows", "columns", "values", "area"],
    "properties": {
        "id": {"type": "string", "description": "The class's id."},
        "rows": _SIDE,
        "columns": _SIDE,
        "values": {
            "type": "array",
            "items": _SHARE,
            "description": "Row by row: 1 is the cell that supports the class most, 0 one that "
            "does not support it.",
        },
        "area": {
            "type": "object",
            "description": "The part of the upright photo that the rows and columns cover and the "
            "model saw, as shares of the photo's width and height.",
            "required": ["left", "top", "width", "height"],
            "properties": dict.fromkeys(("left", "top", "width", "height"), _SHARE),
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}

CLASSIFICATION_ANSWER: Schema = {
    "type": "object",
    "title": "ClassificationAnswer",
    "description": "The top classes, five unless asked otherwise; fewer if the model has fewer.",
    "required": [
        "method",
        "TOP1_ID",
        "TOP1_softmax",
        "TOP1_label",
        "time",
        "predictions",
        "recognized",
        *_INSTANCE,
        "stages_ms",
    ],
    "properties": {
        "method": {"type": "string", "enum": ["classification"]},
        **_ranks("ID", {"type": "string", "description": "Class id."}),
        **_ranks(
            "softmax",
            {"type": "number", "minimum": 0, "maximum": 1, "description": "Over all classes."},
        ),
        "time": _TIME,
        **_ranks("label", {"type": "string", "description": "Class name."}),
        "predictions": {
            "type": "array",
            "description": "The same classes as a list, the most probable first.",
            "minItems": 1,
            "maxItems": MAX_TOP,
            "items": {
                "type": "object",
                "required": ["id", "label", "softmax"],
                "properties": {
                    "id": {"type": "string"},
                    "label": {"type": "string"},
                    "softmax": {"type": "number", "minimum": 0, "maximum": 1},
                },
                "additionalProperties": False,
            },
        },
        "recognized": {
            "type": ["boolean", "null"],
            "description": "False if the photo probably shows none of the model's classes: the "
            "first softmax is below the model's threshold. Null for a model without a threshold.",
        },
        "explains": {
            "type": "boolean",
            "description": "False for a model without class-activation maps; else left out.",
        },
        "explanation": {
            "oneOf": [_EXPLANATION, {"type": "null"}],
            "description": "The class-activation map of the first class: the parts of the photo "
            "that support it. Only if it was asked for; null for a model without maps.",
        },
        **_INSTANCE,
        "stages_ms": {
            "type": "object",
            "description": "Time of each stage: fetch, decode, inference, and explain if a "
            "map was asked for. An image in the request is not fetched but only read.",
            "additionalProperties": {"type": "number", "minimum": 0},
        },
    },
    "additionalProperties": False,
}

WAKEUP_ANSWER: Schema = {
    "type": "object",
    "title": "WakeupAnswer",
    "description": "The instance that is awake.",
    "required": ["method", "time", *_INSTANCE],
    "properties": {
        "method": {"type": "string", "enum": ["wakeup"]},
        "time": _TIME,
        **_INSTANCE,
    },
    "additionalProperties": False,
}

MODEL_ANSWER: Schema = {
    "type": "object",
    "title": "ModelAnswer",
    "description": "The model that is served, with its classes and its threshold.",
    "required": ["method", "time", *_INSTANCE, "title", "class_count", "threshold", "labels"],
    "properties": {
        "method": {"type": "string", "enum": ["model"]},
        "time": _TIME,
        **_INSTANCE,
        "title": {
            "type": ["string", "null"],
            "description": "A word or two for all its classes, such as groceries.",
        },
        "class_count": {"type": "integer", "minimum": 2, "description": "Number of classes."},
        "threshold": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "description": "The softmax below which a photo counts as not recognized.",
        },
        "labels": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 2,
            "description": "Names of all classes, in the order of the model's outputs.",
        },
    },
    "additionalProperties": False,
}

UPLOADS_ANSWER: Schema = {
    "type": "object",
    "title": "UploadsAnswer",
    "description": "A signed upload: POST `fields`, then `file`, to `url` as multipart/form-data.",
    "required": ["url", "fields", "file_path", "delete_token", "expires_in", "max_bytes"],
    "properties": {
        "url": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
        "file_path": {"type": "string", "description": "Name it in /classification."},
        "delete_token": {"type": "string", "description": "Deletes this photo, and no other."},
        "expires_in": {"type": "integer", "description": "Seconds until the upload is refused."},
        "max_bytes": {"type": "integer", "description": "Largest image that is accepted."},
    },
    "additionalProperties": False,
}

DELETION_PARAMETERS: list[Schema] = [
    {
        "name": "file_path",
        "in": "query",
        "required": True,
        "description": "The file_path that /uploads returned.",
        "schema": {"type": "string", "minLength": 1},
    },
    {
        "name": "x-delete-token",
        "in": "header",
        "required": True,
        "description": "The delete_token that /uploads returned with it.",
        "schema": {"type": "string", "minLength": 1},
    },
]

DELETION_ANSWER: Schema = {
    "type": "object",
    "title": "DeletionAnswer",
    "description": "The photo is not stored, whether or not it was before.",
    "required": ["file_path", "deleted"],
    "properties": {
        "file_path": {"type": "string"},
        "deleted": {"type": "boolean", "enum": [True]},
    },
    "additionalProperties": False,
}

ERROR_ANSWER: Schema = {
    "type": "object",
    "title": "ErrorAnswer",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "A word that programs compare."},
                "message": {"type": "string", "description": "What is wrong, for a person."},
            },
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}

GATEWAY_MESSAGE: Schema = {
    "type": "object",
    "title": "GatewayMessage",
    "description": "The answer of an HTTP API to a call that reaches no function.",
    "required": ["message"],
    "properties": {"message": {"type": "string"}},
    "additionalProperties": False,
}

ERROR_STATUSES: dict[str, str] = {
    "400": "The request is malformed.",
    "401": "The token is missing, wrong or expired.",
    "403": "The path is outside the allowed prefixes, or the call is not allowed.",
    "404": "There is no such image, or no such call.",
    "413": "The request, the image or the answer is too large.",
    "415": "The image's type is not supported.",
    "422": "The image cannot be decoded, or has too many pixels or takes too long for it.",
    "429": "Too many requests; try again later.",
    "500": "An unexpected error.",
    "502": "The function failed without an answer.",
    "503": "The model or the storage is unavailable; try again later.",
    "504": "The request timed out.",
}

ERROR_CODES: dict[str, tuple[str, ...]] = {
    "400": (
        "empty_body",
        "invalid_bytes",
        "invalid_content_type",
        "invalid_explain",
        "invalid_file_path",
        "invalid_hold_until",
        "invalid_image",
        "invalid_json",
        "invalid_method",
        "invalid_request",
        "invalid_sleep_time",
        "invalid_top",
        "invalid_wakeup",
        "refused",
    ),
    "401": (),
    "403": (
        "blocked",
        "invalid_api_key",
        "not_signed",
        "path_not_allowed",
        "refused",
        "wrong_delete_token",
    ),
    "404": ("image_not_found", "no_such_call"),
    "413": ("answer_too_large", "image_too_large", "request_too_large"),
    "415": ("unsupported_coding", "unsupported_type"),
    "422": ("image_not_decodable", "image_too_slow", "too_many_pixels"),
    "429": ("quota_exceeded", "throttled"),
    "500": ("internal_error", "unavailable"),
    "502": ("unavailable",),
    "503": ("model_unavailable", "signing_unavailable", "storage_unavailable", "unavailable"),
    "504": ("timed_out",),
}
"""The codes of each status; a gateway's `refused` and `unavailable` are for what has no other."""

GATEWAY_STATUSES = ("400", "401", "403", "404", "413", "429", "500", "503", "504")
"""Statuses that an HTTP API gives with a message alone."""
