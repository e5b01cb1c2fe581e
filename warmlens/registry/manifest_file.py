"""Reading and writing of a model version's manifest.json."""

import codecs
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from warmlens.errors import WarmlensError
from warmlens.registry.manifest import MANIFEST_NAME, SCHEMA_ID, Manifest
from warmlens.registry.manifest_schema import explain
from warmlens.text_files import STRICT_JSON

MAX_MANIFEST_BYTES = 1_000_000  # the function reads no more


def read_manifest(folder: Path) -> Manifest:
    """Read `manifest.json` of the version folder `<name>/<version>`.

    Raises:
        WarmlensError: `folder_missing`, `manifest_missing`, `not_regular_file`, what
            :func:`parse_manifest` raises, or `wrong_folder` when the manifest names another model
            or version than its folder.
    """
    folder = folder.resolve()
    where = f"{folder.parent.name}/{folder.name}/{MANIFEST_NAME}"
    if not folder.is_dir():
        raise WarmlensError(
            "folder_missing",
            f"{folder} does not exist or is not a folder <name>/<version>; `warmlens model list` "
            "shows the versions.",
        )
    path = folder / MANIFEST_NAME
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise WarmlensError("not_regular_file", f"{where} is a link or not a regular file.")
    if not path.exists():
        raise WarmlensError("manifest_missing", f"{where} does not exist.")
    manifest = parse_manifest(path.read_bytes(), where)
    for field, value, allowed in (
        ("name", manifest.name, folder.parent.name),
        ("version", manifest.version, folder.name),
    ):
        if value != allowed:
            raise WarmlensError(
                "wrong_folder", f'{where}: {field} is "{value}"; its folder says "{allowed}".'
            )
    return manifest


def parse_manifest(raw: bytes, where: str) -> Manifest:
    """Build a manifest from the bytes of its file; `where` names the file in messages.

    Raises:
        WarmlensError: `manifest_too_large`, `not_json`, `unknown_schema`, `missing_field`,
            `unknown_field`, `unsafe_path` or `bad_field`.
    """
    if len(raw) > MAX_MANIFEST_BYTES:
        raise WarmlensError(
            "manifest_too_large",
            f"{where} has {len(raw)} bytes; the function reads at most {MAX_MANIFEST_BYTES}.",
        )
    document = parse_json(raw, where)
    if not isinstance(document, dict):
        raise WarmlensError("not_json", f"{where} is not a JSON object.")
    if document.get("schema") != SCHEMA_ID:
        raise WarmlensError(
            "unknown_schema",
            f'{where}: schema is {json.dumps(document.get("schema"))}; allowed: "{SCHEMA_ID}".',
        )
    with manifest_errors(where):
        return Manifest.model_validate_json(raw)


@contextmanager
def manifest_errors(where: str) -> Iterator[None]:
    """Turn validation errors of a manifest into a WarmlensError of one sentence.

    Args:
        where: name of the manifest in the message.

    Raises:
        WarmlensError: `missing_field`, `unknown_field`, `unsafe_path` or `bad_field`.
    """
    try:
        yield
    except ValidationError as error:
        raise explain(error, where) from None


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as the bytes of its file: JSON, indented by two, in UTF-8."""
    document = manifest.model_dump(by_alias=True, exclude_none=True)
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def parse_json(raw: bytes, where: str) -> Any:
    """Parse JSON in UTF-8 strictly, without repeated keys, NaN or infinity.

    Raises:
        WarmlensError: `not_json`.
    """
    if raw.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise WarmlensError(
            "not_json", f"{where} has a byte order mark; save it as UTF-8 without one."
        )
    try:
        return STRICT_JSON.decode(raw.decode())
    except UnicodeDecodeError as error:
        raise WarmlensError("not_json", f"{where} is not text in UTF-8: {error}.") from None
    except (ValueError, RecursionError) as error:
        raise WarmlensError("not_json", f"{where} is not valid JSON: {error}.") from None
