"""Atomic writing of new model versions to a folder."""

import hashlib
import json
import tempfile
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.registry.manifest import MANIFEST_NAME, FileEntry, Manifest
from warmlens.registry.manifest_file import manifest_bytes, read_manifest
from warmlens.registry.verify import require_verified


def file_entry(name: str, raw: bytes) -> FileEntry:
    """Return the entry of a file in a manifest."""
    return FileEntry(path=name, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())


def labels_json(ids: tuple[str, ...], labels: tuple[str, ...]) -> bytes:
    """Return the bytes of `labels.json`: class ids and names in the order of the outputs."""
    document = {"ids": ids, "labels": labels}
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def install_version(root: Path, manifest: Manifest, contents: dict[str, bytes]) -> bool:
    """Write a version to `<root>/<name>/<version>/`.

    Args:
        root: folder of model versions.
        manifest: of the version.
        contents: content of each file, by name.

    Returns:
        True when the version is new, False when it exists with the same files.

    Raises:
        WarmlensError: `version_differs` when it exists with other files, or what verifying raises
            when the contents do not match the manifest.
    """
    folder = root / manifest.name / manifest.version
    if (folder / MANIFEST_NAME).exists():
        _require_same_files(folder, manifest)
        return False
    root.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that moving a file there is one atomic step.
    with tempfile.TemporaryDirectory(dir=root, prefix=".staging-") as staging:
        staged = Path(staging) / manifest.name / manifest.version
        staged.mkdir(parents=True)
        # The manifest comes last: a version without one does not exist.
        for name, raw in {**contents, MANIFEST_NAME: manifest_bytes(manifest)}.items():
            (staged / name).write_bytes(raw)
        require_verified(staged)
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*contents, MANIFEST_NAME):
            (staged / name).replace(folder / name)
    return True


def _require_same_files(folder: Path, manifest: Manifest) -> None:
    existing = {entry.path: entry.sha256 for entry in read_manifest(folder).files.entries}
    new = {entry.path: entry.sha256 for entry in manifest.files.entries}
    for path in sorted(existing.keys() | new.keys()):
        if existing.get(path) != new.get(path):
            raise WarmlensError(
                "version_differs",
                f"{path} has SHA-256 {new.get(path, 'none')}, in {folder} "
                f"{existing.get(path, 'none')}. A version never changes: give this one a new "
                "number.",
            )
