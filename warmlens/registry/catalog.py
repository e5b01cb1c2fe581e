"""Listing of the model versions in a folder."""

import dataclasses
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.registry.manifest import MANIFEST_NAME
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import Finding


@dataclasses.dataclass(frozen=True)
class ModelVersion:
    """A readable version; `bytes` is the size of the files in its manifest.

    `title`, `threshold`, the shares of photos kept and found, and `auroc` are None where the
    manifest leaves them out.
    """

    name: str
    version: str
    architecture: str
    precision: str
    bytes: int
    folder: Path
    title: str | None
    threshold: float | None
    kept: float | None
    found: float | None
    auroc: float | None


@dataclasses.dataclass(frozen=True)
class Catalog:
    """The readable versions, and a finding for each version with an unreadable manifest."""

    versions: tuple[ModelVersion, ...]
    faults: tuple[Finding, ...]


def list_models(root: Path) -> Catalog:
    """Read the manifest of every `<name>/<version>/` in a folder, without checking hashes.

    Versions are ordered by name, then by number. Folders without a manifest are left out.

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
    """Return `NAME@VERSION` of the newest version of `NAME`, or of an existing `NAME@VERSION`.

    Raises:
        WarmlensError: `folder_missing`, or `no_such_model` with the existing ones.
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
    recognition = manifest.recognition
    return ModelVersion(
        name=manifest.name,
        version=manifest.version,
        architecture=manifest.architecture,
        precision=manifest.precision,
        bytes=manifest.files.bytes,
        folder=folder,
        title=manifest.title,
        threshold=recognition.threshold if recognition else None,
        kept=recognition.kept.share if recognition else None,
        found=recognition.found.share if recognition else None,
        auroc=recognition.auroc if recognition else None,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
