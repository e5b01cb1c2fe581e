"""The JSON Schema of manifests, and validation errors as one sentence.

`python -m warmlens.registry.manifest_schema` writes model_artifacts/manifest.schema.json.
"""

import json
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import ErrorDetails, core_schema

from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.manifest import Manifest

SCHEMA_PATH = MODEL_ARTIFACTS / "manifest.schema.json"
SHOWN_VALUE_CHARACTERS = 80


class _WithoutNull(GenerateJsonSchema):
    """A schema generator for optional fields that are left out instead of null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest."""
    schema = Manifest.model_json_schema(schema_generator=_WithoutNull)
    head = {"$schema": GenerateJsonSchema.schema_dialect, "$id": "urn:warmlens:model:1"}
    return {**head, **schema}


def explain(error: ValidationError, where: str) -> WarmlensError:
    """Turn a validation error into one sentence: the field, its value and what is allowed.

    Of several errors it takes the first of those nearest to the root.

    Args:
        error: of a manifest, or of a part of one.
        where: name of the manifest in the message.

    Returns:
        `missing_field`, `unknown_field`, `unsafe_path`, `bad_field` or `not_json`.
    """
    schema = manifest_schema()
    errors = error.errors(include_url=False)
    # A list with a wrong item is also reported as too short.
    own = [each for each in errors if not any(_contains(each, other) for other in errors)]
    details = min(own, key=lambda each: len(each["loc"]))
    part = schema if error.title == schema["title"] else schema["$defs"][error.title]
    code, message = _sentence(details, part, schema["$defs"])
    return WarmlensError(code, f"{where}: {message}")


def _contains(outer: ErrorDetails, inner: ErrorDetails) -> bool:
    depth = len(outer["loc"])
    return depth < len(inner["loc"]) and inner["loc"][:depth] == outer["loc"]


def _sentence(
    details: ErrorDetails, part: dict[str, Any], definitions: dict[str, Any]
) -> tuple[str, str]:
    path, kind = details["loc"], details["type"]
    if kind == "null":
        return "bad_field", f"{_name((*path, details['ctx']['field']))} is null; leave it out."
    if kind == "json_invalid":  # such as half of a surrogate pair
        return "not_json", f"{details['msg']}."
    name = _name(path)
    if kind == "unprintable":
        found = f"{name.removesuffix('.[key]')} has the character {details['ctx']['character']}"
        return "bad_field", f"{found}, which cannot be seen; remove it."
    if kind == "rule":
        return "bad_field", details["msg"]
    if kind == "missing":
        return "missing_field", f"{name} is missing."
    if kind == "extra_forbidden":
        known = _inner(part, path[:-1], definitions)["properties"]
        return "unknown_field", f"{name} is unknown; allowed: {', '.join(known)}."
    field = _inner(part, path, definitions)
    if "properties" in field:
        allowed = f"an object with {', '.join(field['properties'])}"
    else:
        allowed = field.get("description", details["msg"])
    code = "unsafe_path" if path[-1] == "path" else "bad_field"
    return code, f"{name} is {_shown(details['input'])}; allowed: {allowed}."


def _inner(
    schema: dict[str, Any], path: tuple[int | str, ...], definitions: dict[str, Any]
) -> dict[str, Any]:
    """Return the schema of the field at a path."""
    for step in path:
        schema = _resolved(schema, definitions)
        if isinstance(step, int):
            schema = schema["items"]
        else:
            schema = (
                schema["properties"][step]
                if "properties" in schema
                else schema["additionalProperties"]
            )
    return _resolved(schema, definitions)


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return definitions[reference.rpartition("/")[2]] if reference else schema


def _name(path: tuple[int | str, ...]) -> str:
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return name.removeprefix(".") or "the document"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_VALUE_CHARACTERS else text[:SHOWN_VALUE_CHARACTERS] + "..."


def schema_text() -> str:
    """Return the content of the schema's file."""
    return json.dumps(manifest_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
