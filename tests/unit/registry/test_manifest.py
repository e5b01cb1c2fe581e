from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.unit.registry.version_copy import SHIPPED, VERSION, edit_manifest
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import FileEntry
from warmlens.registry.manifest_file import (
    manifest_bytes,
    manifest_errors,
    parse_json,
    read_manifest,
)


def refusal(folder: Path) -> WarmlensError:
    with pytest.raises(WarmlensError) as refused:
        read_manifest(folder)
    return refused.value


def test_the_shipped_manifest_says_what_a_classifier_must_know() -> None:
    manifest = read_manifest(SHIPPED)
    assert (manifest.engine, manifest.precision, manifest.class_count) == (
        "onnxruntime",
        "fp32",
        1000,
    )
    assert (manifest.input.name, manifest.input.width, manifest.input.height) == ("image", 224, 224)
    assert (manifest.input.resize_shorter_side, manifest.input.interpolation) == (256, "bicubic")
    assert manifest.output.name == "softmax"


def test_a_manifest_that_is_read_and_written_keeps_its_bytes() -> None:
    assert manifest_bytes(read_manifest(SHIPPED)) == (SHIPPED / "manifest.json").read_bytes()


def test_a_manifest_without_parity_is_read_and_written(version: Path) -> None:
    manifest = read_manifest(version)
    raw = manifest_bytes(manifest)
    start, end = raw.index(b'  "parity"'), raw.index(b'  "provenance"')
    (version / "manifest.json").write_bytes(raw[:start] + raw[end:])
    without = read_manifest(version)
    assert without.parity is None
    assert manifest_bytes(without) == raw[:start] + raw[end:]


@pytest.mark.parametrize(
    ("field", "value", "code", "message"),
    [
        ("schema", "warmlens.model/2", "unknown_schema", 'allowed: "warmlens.model/1"'),
        ("engine", "tensorflow", "bad_field", 'engine is "tensorflow"; allowed: "onnxruntime"'),
        ("precision", "fp16", "bad_field", 'precision is "fp16"; allowed: "fp32" or "int8"'),
        ("input.width", 0, "bad_field", "input.width is 0; allowed: a whole number of pixels"),
        ("input.height", True, "bad_field", "input.height is true"),
        ("input.resize_shorter_side", 200, "bad_field", "is 200; allowed: at least the larger"),
        ("input.interpolation", "lanczos", "bad_field", 'allowed: "bicubic" or "bilinear"'),
        ("input.normalization.std", [1, 0, 1], "bad_field", "input.normalization.std[1] is 0"),
        ("input.normalization.in_graph", False, "bad_field", "in_graph is false"),
        ("class_count", "1000", "bad_field", 'class_count is "1000"; allowed: a whole number'),
        ("files.model.sha256", "A" * 64, "bad_field", "64 lower-case hexadecimal digits"),
        ("files.model.bytes", -1, "bad_field", "files.model.bytes is -1"),
        ("files.model.path", "labels.json", "bad_field", "differ in more than upper case"),
        ("files.model.path", "Labels.JSON", "bad_field", "differ in more than upper case"),
        ("files.labels.path", "manifest.json", "bad_field", "none of them manifest.json"),
        ("files.model.path", "../model.onnx", "unsafe_path", "no slash"),
        ("files.model.path", "/etc/passwd", "unsafe_path", '"/etc/passwd"'),
        ("files.labels.path", ".labels.json", "unsafe_path", "no leading dot"),
        ("files.labels.path", "a\\b", "unsafe_path", "a plain file name"),
        ("provenance.date", "yesterday", "bad_field", "a date such as"),
        ("name", "Model", "bad_field", 'name is "Model"; allowed: 1 to 63 lower-case'),
        ("version", "1.0", "bad_field", 'version is "1.0"; allowed: three numbers'),
        ("parity", None, "bad_field", "parity is null; leave it out."),
        ("parity.subject", None, "bad_field", "parity.subject is null; leave it out."),
        ("input", 7, "bad_field", "input is 7; allowed: an object with name, width, height"),
        ("metrics", {}, "bad_field", "metrics is {}; allowed: a list of figures"),
        ("colour", "red", "unknown_field", "colour is unknown; allowed: schema, name, version"),
        ("files.model.url", "x", "unknown_field", "files.model.url is unknown"),
        ("name", "another-model", "wrong_folder", 'its folder says "imagenet-efficientnet-lite0"'),
        ("version", "1.0.1", "wrong_folder", 'version is "1.0.1"; its folder says "1.1.0"'),
    ],
)
def test_a_wrong_field_is_refused_with_its_name_value_and_what_is_allowed(
    version: Path, field: str, value: object, code: str, message: str
) -> None:
    edit_manifest(version, field, value)
    error = refusal(version)
    assert error.code == code
    assert message in error.message
    assert f"{VERSION}/manifest.json" in error.message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("name", ["manifest.json", "labels.json"])
def test_a_file_of_another_encoding_is_refused_as_the_function_would(
    version: Path, name: str, encoding: str
) -> None:
    raw = (version / name).read_text(encoding="utf-8").encode(encoding)
    with pytest.raises(WarmlensError, match=r"byte order mark|not valid JSON|not text") as refused:
        parse_json(raw, name)
    assert refused.value.code == "not_json"


def test_a_missing_field_is_named(version: Path) -> None:
    edit_manifest(version, "input", {"name": "image"})
    error = refusal(version)
    assert (error.code, error.message.endswith("input.width is missing.")) == (
        "missing_field",
        True,
    )


def test_a_part_that_is_built_with_a_wrong_value_is_refused_in_one_sentence() -> None:
    with pytest.raises(WarmlensError) as refused, manifest_errors("mine/1.0.0/manifest.json"):
        FileEntry(path="../x", bytes=1, sha256="0" * 64)
    assert refused.value.code == "unsafe_path"
    assert refused.value.message.startswith('mine/1.0.0/manifest.json: path is "../x"; allowed: a')


@pytest.mark.parametrize("field", ["engine", "version"])
def test_a_manifest_does_not_change(field: str) -> None:
    with pytest.raises(ValidationError):
        setattr(read_manifest(SHIPPED), field, "other")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe\xff", b"[]", b'"text"', b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 9999],
)
def test_a_document_that_is_not_a_json_object_is_refused(version: Path, raw: bytes) -> None:
    (version / "manifest.json").write_bytes(raw)
    assert refusal(version).code == "not_json"


def test_a_long_value_is_cut_in_the_message(version: Path) -> None:
    edit_manifest(version, "precision", "x" * 100_000)
    assert len(refusal(version).message) < 300


def test_a_missing_folder_or_manifest_is_refused(version: Path) -> None:
    (version / "manifest.json").unlink()
    assert refusal(version).code == "manifest_missing"
    assert refusal(version / "nowhere").code == "folder_missing"


def test_a_manifest_that_is_a_link_or_a_folder_is_refused(version: Path) -> None:
    (version / "manifest.json").unlink()
    (version / "manifest.json").symlink_to(SHIPPED / "manifest.json")
    assert refusal(version).code == "not_regular_file"
    (version / "manifest.json").unlink()
    (version / "manifest.json").mkdir()
    assert refusal(version).code == "not_regular_file"


def test_a_version_is_read_from_its_own_folder_too(
    version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(version)
    assert read_manifest(Path()).version == VERSION
