"""Which model versions a folder of model artifacts holds."""

import dataclasses
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.registry.manifest import MANIFEST_NAME, read_manifest
from warmlens.registry.verify import Finding


@dataclasses.dataclass(frozen=True)
class ModelVersion:
    """One readable version; `bytes` is the size of the files its manifest lists."""

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
    """Read the manifest of every `<name>/<version>/` under `root`; hashes are not checked.

    Versions are ordered by name, then by number. A folder without a manifest is no version.

    Raises:
        WarmlensError: `folder_missing`.
    """
    if not root.is_dir():
        raise WarmlensError(
            "folder_missing", f"{root} is not a folder; allowed: a folder of model artifacts."
        )
    versions, faults = [], []
    for path in sorted(root.glob(f"*/*/{MANIFEST_NAME}")):
        try:
            versions.append(_version(path.parent))
        except WarmlensError as error:
            faults.append(Finding(error.code, str(path.relative_to(root)), error.message))
    versions.sort(key=lambda model: (model.name, _numbers(model.version)))
    return Catalog(tuple(versions), tuple(faults))


def find_version(root: Path, model: str) -> str:
    """Return `NAME@VERSION` for `NAME`, its newest version, or for itself if it is there.

    Raises:
        WarmlensError: `folder_missing`, or `no_such_model` with those that there are.
    """
    name, _, version = model.partition("@")
    known = [(each.name, each.version) for each in list_models(root).versions]
    fitting = [each for each in known if each[0] == name and version in ("", each[1])]
    if not fitting:
        names = ", ".join("@".join(each) for each in known) or "none"
        raise WarmlensError("no_such_model", f'There is no model "{model}"; there are: {names}.')
    return "@".join(fitting[-1])


def _version(folder: Path) -> ModelVersion:
    manifest = read_manifest(folder)
    return ModelVersion(
        name=manifest.name,
        version=manifest.version,
        architecture=manifest.architecture,
        precision=manifest.precision,
        bytes=manifest.files.bytes,
        folder=folder,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
