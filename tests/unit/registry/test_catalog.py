import shutil
from pathlib import Path

import pytest

from tests.unit.registry.version_copy import NAME, copy_version, edit_manifest
from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.catalog import list_models


def add_version(root: Path, name: str, version: str) -> Path:
    copy = copy_version(root / "copies")
    edit_manifest(copy, "name", name)
    edit_manifest(copy, "version", version)
    folder = shutil.copytree(copy, root / "models" / name / version)
    shutil.rmtree(root / "copies")
    return folder


def test_the_shipped_models_are_listed_with_their_size() -> None:
    catalog = list_models(MODEL_ARTIFACTS)
    assert catalog.faults == ()
    model = next(model for model in catalog.versions if model.name == NAME)
    sizes = [(model.folder / name).stat().st_size for name in ("model.onnx", "labels.json")]
    assert model.bytes == sum(sizes)
    assert (model.version, model.architecture, model.precision) == (
        "1.1.0",
        "efficientnet-lite0",
        "fp32",
    )


def test_versions_are_ordered_by_name_then_by_number(tmp_path: Path) -> None:
    for name, version in (("b", "1.0.0"), ("a", "10.0.0"), ("a", "9.0.0"), ("a", "9.0.10")):
        add_version(tmp_path, name, version)
    listed = [(model.name, model.version) for model in list_models(tmp_path / "models").versions]
    assert listed == [("a", "9.0.0"), ("a", "9.0.10"), ("a", "10.0.0"), ("b", "1.0.0")]


def test_a_broken_version_is_reported_and_does_not_hide_the_others(tmp_path: Path) -> None:
    add_version(tmp_path, "good", "1.0.0")
    edit_manifest(add_version(tmp_path, "broken", "1.0.0"), "precision", "fp7")
    catalog = list_models(tmp_path / "models")
    assert [model.name for model in catalog.versions] == ["good"]
    assert [(fault.file, fault.code) for fault in catalog.faults] == [
        ("broken/1.0.0/manifest.json", "bad_field")
    ]


def test_a_folder_without_a_manifest_is_no_version(tmp_path: Path) -> None:
    (tmp_path / "name" / "1.0.0").mkdir(parents=True)
    assert list_models(tmp_path).versions == ()


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WarmlensError, match="nowhere is not a folder"):
        list_models(tmp_path / "nowhere")
