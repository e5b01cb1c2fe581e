"""Which model versions a folder of model artifacts holds."""

import dataclasses
from pathlib import Path

from warmlens.models.errors import ModelError
from warmlens.models.manifest import MANIFEST_NAME, read_manifest
from warmlens.models.verify import Finding


@dataclasses.dataclass(frozen=True)
class ModelVersion:
    """One readable version; ``bytes`` is the size of the files its manifest lists."""

    name: str
    version: str
    architecture: str
    precision: str
    bytes: int
    folder: Path


@dataclasses.dataclass(frozen=True)
class Catalog:
    """The readable versions, and one finding for each version whose manifest is not readable."""

    versions: tuple[ModelVersion, ...]
    faults: tuple[Finding, ...]


def list_models(root: Path) -> Catalog:
    """Read the manifest of every ``<name>/<version>/`` under ``root``; hashes are not checked.

    Versions are ordered by name, then by number. A folder without a manifest is no version.

    Raises:
        ModelError: ``folder_missing``.
    """
    if not root.is_dir():
        raise ModelError(
            "folder_missing", f"{root} is not a folder; allowed: a folder of model artifacts."
        )
    versions, faults = [], []
    for path in sorted(root.glob(f"*/*/{MANIFEST_NAME}")):
        try:
            versions.append(_version(path.parent))
        except ModelError as error:
            faults.append(Finding(error.code, str(path.relative_to(root)), error.message))
    versions.sort(key=lambda model: (model.name, _numbers(model.version)))
    return Catalog(tuple(versions), tuple(faults))


def _version(folder: Path) -> ModelVersion:
    manifest = read_manifest(folder)
    return ModelVersion(
        name=manifest.name,
        version=manifest.version,
        architecture=manifest.architecture,
        precision=manifest.precision,
        bytes=manifest.files.model.bytes + manifest.files.labels.bytes,
        folder=folder,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
