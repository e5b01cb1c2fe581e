"""Copies of the shipped model version, for tests that damage them."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warmlens.paths import MODEL_ARTIFACTS

NAME = "imagenet-efficientnet-lite0"
VERSION = "1.1.0"
SHIPPED = MODEL_ARTIFACTS / NAME / VERSION


def copy_version(root: Path) -> Path:
    """Copy the shipped version to `<root>/<name>/<version>` and return that folder."""
    return shutil.copytree(SHIPPED, root / NAME / VERSION)


def shipped_manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((SHIPPED / "manifest.json").read_bytes())
    return manifest


def set_field(document: dict[str, Any], path: str, value: object) -> None:
    """Set the field at `path`, such as `files.model.bytes`."""
    *parents, field = path.split(".")
    for parent in parents:
        document = document[parent]
    document[field] = value


def edit_manifest(folder: Path, path: str, value: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    set_field(manifest, path, value)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def replace_graph(folder: Path, raw: bytes) -> None:
    """Write another graph and enter its size and hash; it has no class-activation map."""
    (folder / "model.onnx").write_bytes(raw)
    edit_manifest(folder, "files.model.bytes", len(raw))
    edit_manifest(folder, "files.model.sha256", hashlib.sha256(raw).hexdigest())
    remove_field(folder, "explain")


def serve_by_torch(folder: Path) -> None:
    """Name the engine `torch` in the manifest, which has no class-activation maps."""
    edit_manifest(folder, "engine", "torch")
    remove_field(folder, "explain")


def remove_field(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest[name]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def replace_labels(folder: Path, raw: bytes) -> None:
    """Write other labels and enter their size and hash, so that only their content is wrong."""
    (folder / "labels.json").write_bytes(raw)
    edit_manifest(folder, "files.labels.bytes", len(raw))
    edit_manifest(folder, "files.labels.sha256", hashlib.sha256(raw).hexdigest())


def edit_labels(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    labels = json.loads((folder / "labels.json").read_bytes())
    change(labels)
    replace_labels(folder, json.dumps(labels).encode())
