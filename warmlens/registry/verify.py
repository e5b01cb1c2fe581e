"""Verification of the files of a model version against its manifest."""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

from warmlens.characters import first_unprintable
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import MANIFEST_NAME, FileEntry, Manifest
from warmlens.registry.manifest_file import parse_json, read_manifest


@dataclasses.dataclass(frozen=True)
class Finding:
    """A problem of a version; `file` is a name inside its folder."""

    code: str
    file: str
    message: str


def verify_model(folder: Path) -> list[Finding]:
    """Return all problems of a version; the list is empty if it is valid.

    The codes are those of :func:`warmlens.registry.manifest.read_manifest` and `file_missing`,
    `not_regular_file`, `wrong_bytes`, `wrong_sha256`, `bad_labels`,
    `wrong_label_count` and `duplicate_id`.
    """
    try:
        manifest = read_manifest(folder)
    except WarmlensError as error:
        return [Finding(error.code, MANIFEST_NAME, error.message)]
    return _file_findings(folder, manifest)


def require_verified(folder: Path) -> Manifest:
    """Return the manifest of a version, after its verification.

    Raises:
        WarmlensError: with the code and message of the first finding.
    """
    manifest = read_manifest(folder)
    for finding in _file_findings(folder, manifest):
        raise WarmlensError(finding.code, finding.message)
    return manifest


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_findings(folder: Path, manifest: Manifest) -> list[Finding]:
    findings: list[Finding] = []
    for entry in manifest.files.entries:
        findings += _entry_findings(folder / entry.path, entry)
    # Labels are read only from a file that matches the manifest.
    if not any(finding.file == manifest.files.labels.path for finding in findings):
        findings += _label_findings(folder / manifest.files.labels.path, manifest.class_count)
    return findings


def _entry_findings(path: Path, entry: FileEntry) -> Iterator[Finding]:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        yield Finding(
            "not_regular_file", entry.path, f"{entry.path} is a link or not a regular file."
        )
    elif not path.exists():
        yield Finding(
            "file_missing", entry.path, f"{entry.path} does not exist; the manifest lists it."
        )
    elif (size := path.stat().st_size) != entry.bytes:
        yield Finding(
            "wrong_bytes",
            entry.path,
            f"{entry.path} has {size} bytes; the manifest says {entry.bytes}.",
        )
    elif (digest := sha256_of(path)) != entry.sha256:
        yield Finding(
            "wrong_sha256",
            entry.path,
            f"{entry.path} has SHA-256 {digest}; the manifest says {entry.sha256}.",
        )


def _label_findings(path: Path, class_count: int) -> Iterator[Finding]:
    try:
        document = parse_json(path.read_bytes(), path.name)
    except WarmlensError as error:
        yield Finding("bad_labels", path.name, error.message)
        return
    if not isinstance(document, dict) or set(document) != {"ids", "labels"}:
        yield Finding(
            "bad_labels", path.name, f'{path.name} must be an object of just "ids" and "labels".'
        )
        return
    for field, values in document.items():
        if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
            yield Finding(
                "bad_labels", path.name, f"{path.name}: {field} must be a list of non-empty texts."
            )
        elif len(values) != class_count:
            yield Finding(
                "wrong_label_count",
                path.name,
                f"{path.name}: {field} has {len(values)} entries; class_count is {class_count}.",
            )
        elif field == "ids" and len(set(values)) != len(values):
            twice = next(value for value in values if values.count(value) > 1)
            yield Finding(
                "duplicate_id", path.name, f'{path.name}: ids has the id "{twice}" twice.'
            )
        else:
            yield from _unprintable_findings(path.name, field, values)


def _unprintable_findings(file: str, field: str, values: list[str]) -> Iterator[Finding]:
    for number, value in enumerate(values):
        if character := first_unprintable(value):
            message = f"{file}: {field}[{number}] has the character {character}, which cannot be "
            yield Finding("bad_labels", file, f"{message}seen; remove it.")
