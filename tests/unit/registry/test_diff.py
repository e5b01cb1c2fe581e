"""Differences between the manifests of two versions."""

from typing import Any

from tests.unit.registry.version_copy import set_field, shipped_manifest
from warmlens.registry.diff import Difference, diff_manifests
from warmlens.registry.manifest import Manifest
from warmlens.registry.manifest_file import manifest_bytes, parse_manifest


def manifest(**changes: Any) -> Manifest:
    import json

    document = shipped_manifest()
    for path, value in changes.items():
        set_field(document, path.replace("__", "."), value)
    return parse_manifest(json.dumps(document).encode(), "test")


def test_a_version_does_not_differ_from_itself() -> None:
    same = manifest()
    assert diff_manifests(same, parse_manifest(manifest_bytes(same), "test")) == []


def test_each_changed_field_is_listed_once_with_both_values() -> None:
    changed = manifest(version="1.2.0", files__model__bytes=20_000_000)
    before = manifest()
    assert diff_manifests(before, changed) == [
        Difference("version", "1.1.0", "1.2.0"),
        Difference("files.model.bytes", before.files.model.bytes, 20_000_000),
    ]


def test_a_metric_that_one_version_has_alone_has_no_value_in_the_other() -> None:
    metrics = shipped_manifest()["metrics"]
    more = {**metrics[0], "name": "another", "value": 0.5}
    (difference,) = diff_manifests(manifest(), manifest(metrics=[*metrics, more]))
    assert difference == Difference(f"metrics.another ({more['data']})", None, 0.5)


def test_the_order_of_metrics_is_no_difference() -> None:
    metrics = shipped_manifest()["metrics"]
    assert diff_manifests(manifest(), manifest(metrics=metrics[::-1])) == []
