import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.unit.registry.version_copy import set_field, shipped_manifest
from warmlens.errors import WarmlensError
from warmlens.registry.manifest_file import parse_manifest
from warmlens.registry.manifest_schema import SCHEMA_PATH, schema_text

SCHEMA = json.loads(SCHEMA_PATH.read_bytes())
VALIDATOR = Draft202012Validator(SCHEMA)
# Anything may be a package's name, and not every model was exported from another.
FREE_OBJECTS = ("provenance.versions",)
OPTIONAL_FIELDS = ("parity", "title", "recognition", "chosen_on", "explain")
WRONG_VALUES: tuple[object, ...] = (None, [[]], {"x": []})


def is_accepted(manifest: dict[str, Any]) -> bool:
    """Check that schema and model agree on a manifest, and return whether they accept it."""
    try:
        parse_manifest(json.dumps(manifest).encode(), "manifest.json")
    except WarmlensError:
        accepted = False
    else:
        accepted = True
    assert VALIDATOR.is_valid(manifest) == accepted
    return accepted


def objects(document: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object of a document with its path; of a list, only the first element."""
    if isinstance(document, list) and document:
        yield from objects(document[0], f"{path}[0]")
    if isinstance(document, dict):
        yield path, document
        for key, value in document.items():
            yield from objects(value, f"{path}.{key}".lstrip("."))


def strict_objects(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, found) for path, found in objects(document) if path not in FREE_OBJECTS]


def test_the_schema_is_valid_for_its_draft() -> None:
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


def test_the_file_is_generated_from_the_model() -> None:
    assert SCHEMA_PATH.read_text() == schema_text(), (
        "run python -m warmlens.registry.manifest_schema"
    )


def test_the_schema_accepts_the_shipped_manifest() -> None:
    assert is_accepted(shipped_manifest())


def test_the_schema_refuses_an_unknown_field_in_every_object() -> None:
    for index, (path, _) in enumerate(strict_objects(shipped_manifest())):
        manifest = shipped_manifest()
        strict_objects(manifest)[index][1]["surprise"] = 1
        assert not is_accepted(manifest), path


def test_the_schema_refuses_a_missing_field_in_every_object() -> None:
    for index, (path, found) in enumerate(strict_objects(shipped_manifest())):
        for field in found:
            manifest = shipped_manifest()
            del strict_objects(manifest)[index][1][field]
            accepted = is_accepted(manifest)
            assert accepted == (field in OPTIONAL_FIELDS), f"{path}.{field}"


def test_the_schema_refuses_a_value_of_another_type_in_every_field() -> None:
    for index, (path, found) in enumerate(objects(shipped_manifest())):
        for field in found:
            for wrong in WRONG_VALUES:
                manifest = copy.deepcopy(shipped_manifest())
                list(objects(manifest))[index][1][field] = wrong
                assert not is_accepted(manifest), f"{path}.{field} = {wrong}"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["", "-a", "A", "a_b", "a.b", "a/b", "a" * 64]),
        ("version", ["", "1", "1.0", "1.0.0.0", "v1.0.0", "1.0.0-rc1", "latest"]),
        ("files.model.path", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-x", "a b", "é"]),
        ("files.model.sha256", ["", "0" * 63, "0" * 65, "g" * 64, "A" * 64]),
        ("input.width", [0, -1, 1.5, 4097]),
        ("class_count", [0, 1, 100_001]),
        ("metrics", [{}, [{}], ["x"]]),
    ],
)
def test_the_schema_refuses_values_outside_a_fields_rule(field: str, values: list[object]) -> None:
    for value in values:
        manifest = shipped_manifest()
        set_field(manifest, field, value)
        assert not is_accepted(manifest), value


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["a", "0", "a-b-", "a" * 63]),
        ("version", ["0.0.0", "10.20.30"]),
        ("files.model.path", ["m", "_model.int8-v2.onnx", "M" * 127]),
    ],
)
def test_the_schema_accepts_values_at_the_edge_of_a_fields_rule(
    field: str, values: list[object]
) -> None:
    for value in values:
        manifest = shipped_manifest()
        set_field(manifest, field, value)
        assert is_accepted(manifest), value
