"""The OpenAPI document of the HTTP API: `python -m stacks.openapi > docs/openapi.json`."""

import json
import tomllib
from pathlib import Path
from typing import Any

from stacks import api_examples as examples
from stacks import api_schema as schema

_PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
_DESCRIPTION = """\
Classifies photos. A photo is in the call (up to 4.4 MB), or it is uploaded to S3 first, with a
form that `/uploads` signs, and the call names its path. `/model` describes the model that is
served. `/wakeup` starts an instance before it is needed.

Errors are `{"error": {"code", "message"}}`: programs compare the code, people read the message. An
HTTP API answers what reaches no function with `{"message"}`."""
_TAGS = {
    "photos": "Classification.",
    "models": "The model that is served.",
    "uploads": "Signed uploads to S3, and their deletion.",
    "instances": "Instances that are awake before they are needed.",
}
_SERVERS: list[dict[str, Any]] = [
    {"url": "http://127.0.0.1:8080", "description": "The local cloud, which `make run` starts."},
    {
        "url": "https://{api_id}.execute-api.{region}.amazonaws.com/v1",
        "description": "AWS: the output `ApiUrl` of a deployment.",
        "variables": {
            "api_id": {"default": "a1b2c3d4e5", "description": "The output `ApiId`."},
            "region": {"default": "us-east-1", "description": "AWS region of the deployment."},
        },
    },
]
_SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": 'Key of the environment, with the setting auth = "api_key".',
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": 'Token of the issuer in the settings, with auth = "jwt".',
    },
    # As API Gateway's exports have it: developer guide, "x-amazon-apigateway-authtype property".
    "sigv4": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": "AWS Signature Version 4 of an identity that may invoke the API, for the "
        'service execute-api, with auth = "iam".',
    },
}
_PHOTO = {
    "type": "string",
    "format": "binary",
    "minLength": 1,
    "description": "The bytes of a JPEG, PNG, WebP or GIF file. They decide the type.",
}


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the API."""
    answers = (
        schema.CLASSIFICATION_ANSWER,
        schema.WAKEUP_ANSWER,
        schema.MODEL_ANSWER,
        schema.UPLOADS_ANSWER,
        schema.DELETION_ANSWER,
        schema.ERROR_ANSWER,
        schema.GATEWAY_MESSAGE,
    )
    photo = _classification("image", "ClassificationRequestWithImage")
    path = _classification("file_path", "ClassificationRequestNamingImage")
    requests = (photo, path, schema.WAKEUP_REQUEST, schema.UPLOADS_REQUEST)
    either = {
        "title": schema.CLASSIFICATION_REQUEST["title"],
        "description": schema.CLASSIFICATION_REQUEST["description"],
        "oneOf": [_ref(photo["title"]), _ref(path["title"])],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Warmlens",
            "version": tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"],
            "summary": "Image recognition on AWS Lambda that hides most cold starts.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": _SERVERS,
        # One of them, as the environment is set; the local cloud asks for none.
        "security": [{}, *({name: []} for name in _SECURITY_SCHEMES)],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": _paths(),
        "components": {
            "schemas": {each["title"]: each for each in (*requests, either, *map(_open, answers))},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _open(part: Any) -> Any:
    """Return an answer's schema that allows keys which a later minor version adds."""
    if isinstance(part, list):
        return [_open(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _open(value)
        for key, value in part.items()
        if (key, value) != ("additionalProperties", False)
    }


def _paths() -> dict[str, Any]:
    fields = schema.CLASSIFICATION_REQUEST["properties"]
    start = {
        "description": "Only starts an instance of this call; the classifier is not woken.",
        "schema": {"type": "string"},
        "allowEmptyValue": True,
    }
    return {
        "/classification": {
            "post": {
                "operationId": "classification",
                "tags": ["photos"],
                "summary": "Classify a photo, in the call or uploaded before",
                "description": "The body is the photo, or JSON with the photo in base64 or the "
                "path of an uploaded one. Of a photo in the call nothing is stored.",
                "parameters": [
                    {
                        "name": name,
                        "in": "query",
                        "description": f"{fields[name]['description']} In JSON it is a field, "
                        "too, which then counts.",
                        "schema": fields[name],
                    }
                    for name in ("top", "explain")
                ],
                "requestBody": _body(
                    schema.CLASSIFICATION_REQUEST,
                    examples.CLASSIFICATION_REQUESTS,
                    *schema.PHOTO_TYPES,
                    "application/octet-stream",
                ),
                "responses": _responses(
                    schema.CLASSIFICATION_ANSWER, examples.CLASSIFICATION_ANSWER
                ),
            }
        },
        "/wakeup": {
            "post": {
                "operationId": "wakeup",
                "tags": ["instances"],
                "summary": "Wake an instance, and hold it if asked to",
                "requestBody": _body(schema.WAKEUP_REQUEST, examples.WAKEUP_REQUESTS),
                "responses": _responses(schema.WAKEUP_ANSWER, examples.WAKEUP_ANSWER),
            }
        },
        "/model": {
            "get": {
                "operationId": "model",
                "tags": ["models"],
                "summary": "Describe the model that is served: its classes, and its threshold",
                "responses": _responses(schema.MODEL_ANSWER, examples.MODEL_ANSWER),
            }
        },
        "/uploads": {
            "post": {
                "operationId": "uploads",
                "tags": ["uploads"],
                "summary": "Sign the upload of one photo",
                "description": "Then POST the answer's `fields` and after them the photo, as "
                "`file`, to its `url` as multipart/form-data, without the credentials of this "
                "API; and name its `file_path` in `/classification`.",
                "parameters": [{"name": "start", "in": "query", **start}],
                "requestBody": _body(schema.UPLOADS_REQUEST, examples.UPLOADS_REQUESTS),
                "responses": _responses(schema.UPLOADS_ANSWER, examples.UPLOADS_ANSWER),
            },
            "delete": {
                "operationId": "deletion",
                "tags": ["uploads"],
                "summary": "Delete one uploaded photo with the token that its upload got",
                "parameters": schema.DELETION_PARAMETERS,
                "responses": _responses(schema.DELETION_ANSWER, examples.DELETION_ANSWER),
            },
        },
    }


def _classification(image_field: str, title: str) -> schema.Schema:
    """Return the schema of a classification whose image is in one of the two fields for it."""
    request = dict(schema.CLASSIFICATION_REQUEST)
    fields = {name for each in request.pop("oneOf") for name in each["required"]}
    others = fields - {image_field}
    return {
        **request,
        "title": title,
        "required": [*request["required"], image_field],
        "properties": {
            name: value for name, value in request["properties"].items() if name not in others
        },
    }


def _body(
    request: schema.Schema, bodies: dict[str, dict[str, Any]], *photo_types: str
) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(request["title"]), "examples": bodies}}
    return {
        "required": True,
        "content": {**content, **{each: {"schema": _PHOTO} for each in photo_types}},
    }


def _responses(answer: schema.Schema, example: dict[str, Any]) -> dict[str, Any]:
    answered = {
        "description": answer["description"],
        "content": {"application/json": {"schema": _ref(answer["title"]), "example": example}},
    }
    return {"200": answered, **{status: _error(status) for status in schema.ERROR_STATUSES}}


def _error(status: str) -> dict[str, Any]:
    """Return the response of an error, with the codes that it has."""
    codes = schema.ERROR_CODES[status]
    form = _ref("ErrorAnswer")
    content: dict[str, Any] = {"schema": form}
    if status in schema.GATEWAY_STATUSES:
        content["schema"] = (
            {"oneOf": [form, _ref("GatewayMessage")]} if codes else _ref("GatewayMessage")
        )
    content["examples"] = {
        code: {"value": {"error": {"code": code, "message": message}}}
        for code, message in examples.ERRORS[status].items()
    } or {"unauthorized": {"value": {"message": "Unauthorized"}}}
    listed = ", ".join(f"`{code}`" for code in codes)
    description = schema.ERROR_STATUSES[status]
    return {
        "description": f"{description} Codes: {listed}." if codes else description,
        "content": {"application/json": content},
    }


def _ref(title: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{title}"}


if __name__ == "__main__":
    print(json.dumps(openapi_document(), indent=2))
