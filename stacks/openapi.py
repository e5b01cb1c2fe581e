"""The OpenAPI document of the HTTP API: `python -m stacks.openapi > docs/openapi.json`."""

import json
from typing import Any

from stacks import api_schema as schema

_CALLS = {
    "/classification": (
        "Classify an image, in the request or in the images bucket",
        schema.CLASSIFICATION_REQUEST,
        schema.CLASSIFICATION_ANSWER,
    ),
    "/wakeup": (
        "Wake an instance, and hold it if asked to",
        schema.WAKEUP_REQUEST,
        schema.WAKEUP_ANSWER,
    ),
    "/uploads": ("Sign the upload of one image", schema.UPLOADS_REQUEST, schema.UPLOADS_ANSWER),
}


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the API."""
    schemas = {part["title"]: part for _, *parts in _CALLS.values() for part in parts}
    schemas |= {each["title"]: each for each in (schema.DELETION_ANSWER, schema.ERROR_ANSWER)}
    paths = {path: {"post": _operation(path, *call)} for path, call in _CALLS.items()}
    paths["/uploads"]["delete"] = {
        "operationId": "deletion",
        "summary": "Delete one uploaded image with the token that its upload got",
        "parameters": schema.DELETION_PARAMETERS,
        "responses": _responses(schema.DELETION_ANSWER),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Warmlens",
            "version": "1.0.0",
            "summary": "Image recognition on AWS Lambda that does not start cold.",
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operation(
    path: str, summary: str, request: schema.Schema, answer: schema.Schema
) -> dict[str, Any]:
    content = _json(request["title"])
    parameters: list[dict[str, Any]] = []
    if path == "/classification":
        content |= {
            each: {"schema": {"type": "string", "minLength": 1}} for each in schema.PHOTO_TYPES
        }
        top = request["properties"]["top"]
        parameters = [{"name": "top", "in": "query", "schema": top}]
    if path == "/uploads":
        start = {
            "description": "Only starts an instance of this call; the classifier is not woken.",
            "schema": {"type": "string"},
            "allowEmptyValue": True,
        }
        parameters = [{"name": "start", "in": "query", **start}]
    return {
        "operationId": path.strip("/"),
        "summary": summary,
        "parameters": parameters,
        "requestBody": {"required": True, "content": content},
        "responses": _responses(answer),
    }


def _responses(answer: schema.Schema) -> dict[str, Any]:
    errors = {
        status: {"description": text, "content": _json("ErrorAnswer")}
        for status, text in schema.ERROR_STATUSES.items()
    }
    answered = {"description": answer["description"], "content": _json(answer["title"])}
    return {"200": answered, **errors}


def _json(title: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{title}"}}}


if __name__ == "__main__":
    print(json.dumps(openapi_document(), indent=2))
