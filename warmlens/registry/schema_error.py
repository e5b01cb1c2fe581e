"""One plain sentence for a document that a JSON Schema refuses."""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

SHOWN_VALUE_CHARACTERS = 80


@dataclasses.dataclass(frozen=True)
class SchemaFault:
    """``code`` is ``missing_field``, ``unknown_field``, ``unsafe_path`` or ``bad_field``."""

    code: str
    message: str


def explain(validator: Draft202012Validator, document: Any) -> SchemaFault | None:
    """Return what is most wrong with ``document``, or None when the schema accepts it.

    The message names the field, its value and what is allowed; the latter is the ``description``
    that the schema gives the field.
    """
    error = best_match(validator.iter_errors(document))
    if error is None:
        return None
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return SchemaFault("missing_field", f"{_name([*error.absolute_path, missing])} is missing.")
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = next(name for name in error.instance if name not in known)
        return SchemaFault(
            "unknown_field",
            f"{_name([*error.absolute_path, unknown])} is unknown; allowed: {', '.join(known)}.",
        )
    code = "unsafe_path" if list(error.absolute_path)[-1:] == ["path"] else "bad_field"
    return SchemaFault(
        code, f"{_name(error.absolute_path)} is {_shown(error.instance)}; allowed: {_rule(error)}."
    )


def _name(path: Iterable[str | int]) -> str:
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}"
    return name.removeprefix(".") or "the document"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_VALUE_CHARACTERS else text[:SHOWN_VALUE_CHARACTERS] + "..."


def _rule(error: ValidationError) -> str:
    described = isinstance(error.schema, dict) and error.schema.get("description")
    return str(described or error.message)
