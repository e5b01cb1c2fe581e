from pathlib import Path

import pytest

from tests.unit.registry.version_copy import NAME, SHIPPED, VERSION
from training.install import file_entry, install_version, labels_json
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import Manifest
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import verify_model

FILES = ("model.onnx", "labels.json", "LICENSE")


def shipped() -> tuple[Manifest, dict[str, bytes]]:
    return read_manifest(SHIPPED), {name: (SHIPPED / name).read_bytes() for name in FILES}


def with_model(manifest: Manifest, raw: bytes) -> Manifest:
    files = manifest.files.model_copy(update={"model": file_entry("model.onnx", raw)})
    return manifest.model_copy(update={"files": files})


def everything_in(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_new_version_is_written_whole(tmp_path: Path) -> None:
    manifest, contents = shipped()
    assert install_version(tmp_path / "models", manifest, contents)
    folder = tmp_path / "models" / NAME / VERSION
    assert verify_model(folder) == []
    assert {path.name for path in folder.iterdir()} == {*FILES, "manifest.json"}
    assert [path.name for path in (tmp_path / "models").iterdir()] == [NAME]


def test_making_the_same_version_again_writes_nothing(tmp_path: Path) -> None:
    manifest, contents = shipped()
    install_version(tmp_path, manifest, contents)
    before = everything_in(tmp_path)
    later = manifest.provenance.model_copy(update={"date": "2030-01-01"})
    again = manifest.model_copy(update={"provenance": later})
    assert not install_version(tmp_path, again, contents)
    assert everything_in(tmp_path) == before


def test_another_model_under_the_same_number_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    manifest, contents = shipped()
    install_version(tmp_path, manifest, contents)
    before = everything_in(tmp_path)
    other = {**contents, "model.onnx": b"another model"}
    with pytest.raises(WarmlensError, match="A version never changes") as refused:
        install_version(tmp_path, with_model(manifest, b"another model"), other)
    assert refused.value.code == "version_differs"
    assert everything_in(tmp_path) == before


def test_a_label_that_cannot_be_seen_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    manifest, contents = shipped()
    names = tuple(f"class {number}" for number in range(999))
    raw = labels_json(("0", *names), ("god\u202e", *names))
    files = manifest.files.model_copy(update={"labels": file_entry("labels.json", raw)})
    manifest = manifest.model_copy(update={"files": files})
    with pytest.raises(WarmlensError, match=r"labels\[0\] has the character U\+202E"):
        install_version(tmp_path, manifest, {**contents, "labels.json": raw})
    assert everything_in(tmp_path) == {}


def test_contents_that_differ_from_the_manifest_leave_no_files(tmp_path: Path) -> None:
    manifest, contents = shipped()
    with pytest.raises(WarmlensError) as refused:
        install_version(tmp_path, manifest, {**contents, "labels.json": b"{}"})
    assert refused.value.code == "wrong_bytes"
    assert list(tmp_path.iterdir()) == []
