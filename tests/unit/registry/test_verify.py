from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.registry.version_copy import SHIPPED, edit_labels, edit_manifest, replace_labels
from warmlens.errors import WarmlensError
from warmlens.registry.verify import require_verified, verify_model


def codes(folder: Path) -> list[tuple[str, str]]:
    return [(finding.file, finding.code) for finding in verify_model(folder)]


def flip_a_byte(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_the_shipped_version_is_sound() -> None:
    assert verify_model(SHIPPED) == []
    assert require_verified(SHIPPED).class_count == 1000


def test_a_sound_copy_is_sound(version: Path) -> None:
    assert verify_model(version) == []


@pytest.mark.parametrize("name", ["model.onnx", "labels.json"])
def test_a_missing_file_is_found(version: Path, name: str) -> None:
    (version / name).unlink()
    assert codes(version) == [(name, "file_missing")]


@pytest.mark.parametrize("name", ["model.onnx", "labels.json"])
def test_a_cut_or_longer_file_is_found(version: Path, name: str) -> None:
    whole = (version / name).read_bytes()
    for wrong in (whole[:-1], whole + b"\n", b""):
        (version / name).write_bytes(wrong)
        assert codes(version) == [(name, "wrong_bytes")]


@pytest.mark.parametrize("name", ["model.onnx", "labels.json"])
def test_a_single_changed_bit_is_found(version: Path, name: str) -> None:
    flip_a_byte(version / name)
    assert codes(version) == [(name, "wrong_sha256")]


@pytest.mark.parametrize("name", ["model.onnx", "labels.json"])
def test_a_link_is_found_even_to_the_right_content(version: Path, name: str) -> None:
    (version / name).unlink()
    (version / name).symlink_to(SHIPPED / name)
    assert codes(version) == [(name, "not_regular_file")]


def test_a_folder_in_a_files_place_is_found(version: Path) -> None:
    (version / "model.onnx").unlink()
    (version / "model.onnx").mkdir()
    assert codes(version) == [("model.onnx", "not_regular_file")]


def test_everything_wrong_is_found_at_once(version: Path) -> None:
    (version / "model.onnx").unlink()
    flip_a_byte(version / "labels.json")
    assert codes(version) == [("model.onnx", "file_missing"), ("labels.json", "wrong_sha256")]


def test_an_unreadable_manifest_is_the_one_finding(version: Path) -> None:
    edit_manifest(version, "files.model.path", "../../model.onnx")
    assert codes(version) == [("manifest.json", "unsafe_path")]
    edit_manifest(version, "schema", "other/1")
    assert codes(version) == [("manifest.json", "unknown_schema")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda labels: labels["labels"].pop(), "wrong_label_count"),
        (lambda labels: labels["ids"].append("n99999999"), "wrong_label_count"),
        (lambda labels: labels["ids"].__setitem__(7, labels["ids"][8]), "duplicate_id"),
        (lambda labels: labels.pop("ids"), "bad_labels"),
        (lambda labels: labels.update(colours=[]), "bad_labels"),
        (lambda labels: labels.update(labels="tench"), "bad_labels"),
        (lambda labels: labels["labels"].__setitem__(0, ""), "bad_labels"),
        (lambda labels: labels["labels"].__setitem__(0, 1), "bad_labels"),
    ],
)
def test_wrong_labels_are_found(
    version: Path, change: Callable[[dict[str, Any]], object], code: str
) -> None:
    edit_labels(version, change)
    assert codes(version) == [("labels.json", code)]


@pytest.mark.parametrize("raw", [b"no json", b"[]", b'{"ids": [], "ids": [], "labels": []}'])
def test_labels_that_are_no_json_object_are_found(version: Path, raw: bytes) -> None:
    replace_labels(version, raw)
    assert codes(version) == [("labels.json", "bad_labels")]


def test_a_class_count_that_the_labels_do_not_have_is_found(version: Path) -> None:
    edit_manifest(version, "class_count", 999)
    assert codes(version) == [("labels.json", "wrong_label_count")] * 2


def test_a_version_with_a_finding_is_refused_with_its_code_and_message(version: Path) -> None:
    flip_a_byte(version / "model.onnx")
    with pytest.raises(WarmlensError) as refused:
        require_verified(version)
    assert refused.value.code == "wrong_sha256"
    assert "model.onnx has SHA-256" in refused.value.message
