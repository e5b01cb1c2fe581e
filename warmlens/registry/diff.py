"""Differences between the manifests of two model versions."""

import dataclasses
from typing import Any

from warmlens.registry.manifest import Manifest


@dataclasses.dataclass(frozen=True)
class Difference:
    """A field that differs, with its value in each version, or None where it is missing."""

    field: str
    before: Any
    after: Any


def diff_manifests(before: Manifest, after: Manifest) -> list[Difference]:
    """Return the differing fields in the order of the manifest.

    Metrics are compared by their name and data, not by their place; other lists as a whole.
    """
    old, new = _fields(before), _fields(after)
    names = [*old, *(name for name in new if name not in old)]
    return [
        Difference(name, old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    ]


def _fields(manifest: Manifest) -> dict[str, Any]:
    document = manifest.model_dump(by_alias=True, exclude_none=True)
    metrics = {
        f"metrics.{metric['name']} ({metric['data']})": metric["value"]
        for metric in document.pop("metrics")
    }
    return {**_flat(document, ""), **metrics}


def _flat(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            fields |= _flat(value, f"{prefix}{name}.")
        else:
            fields[prefix + name] = value
    return fields
