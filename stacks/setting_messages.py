"""Messages about settings and the values that they allow."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError

REPLACED = {"any_model": 'other_models = ("*",)'}
"""Settings that a release renamed or removed, each with what to write instead."""


def schemas_of(settings: type) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each setting by name.

    Args:
        settings: the class of settings.
    """
    properties: dict[str, dict[str, Any]] = TypeAdapter(settings).json_schema()["properties"]
    return properties


def allowed_words(schema: dict[str, Any]) -> str:
    """Return a clause for messages about the values that a schema allows.

    Args:
        schema: the setting's JSON Schema.
    """
    if "anyOf" in schema:
        first, *others = schema["anyOf"]
        return (
            f"{allowed_words(first)}, or {' or '.join(repr(each.get('const')) for each in others)}"
        )
    if "enum" in schema:
        return f"allowed are {', '.join(map(repr, schema['enum']))}"
    if schema["type"] == "boolean":
        return "allowed are True, False"
    if schema["type"] == "integer":
        return f"allowed are whole numbers from {schema['minimum']} to {schema['maximum']}"
    if schema["type"] == "array":
        return f"for each value of the tuple, {allowed_words(schema['items'])}"
    return f"allowed is {schema['allowed']}"


def error_message(
    error: ValidationError, values: Mapping[str, Any], schemas: Mapping[str, dict[str, Any]]
) -> str:
    """Turn pydantic's first error into one sentence.

    Args:
        error: pydantic's error.
        values: values of the settings.
        schemas: JSON Schemas of the settings.
    """
    name = str(error.errors()[0]["loc"][0])
    env_name = values.get("env_name")
    schema = schemas.get(name)
    if schema is None:
        return f"environment {env_name}: there is no setting {name}{_instead(name, schemas)}"
    if name not in values:
        return f"environment {env_name}: {name} is missing; {allowed_words(schema)}"
    return f"environment {env_name}: {name} = {values[name]!r}; {allowed_words(schema)}"


def _instead(name: str, schemas: Mapping[str, Any]) -> str:
    if name in REPLACED:
        return f" any more; write {REPLACED[name]}"
    return "".join(f"; do you mean {close}?" for close in get_close_matches(name, schemas, n=1))
