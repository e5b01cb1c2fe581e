"""Invalid manifests raise an error that names the field."""

import copy
import json
from array import array
from hashlib import sha256
from typing import Any

import pytest

from lambda_src.classifier.errors import ModelError
from lambda_src.classifier.manifest import ModelFile, read_labels, read_manifest
from lambda_src.classifier.model import rank
from warmlens.paths import MODEL_ARTIFACTS

NAME, VERSION = "imagenet-efficientnet-lite0", "1.1.0"
SHIPPED: dict[str, Any] = json.loads(
    (MODEL_ARTIFACTS / NAME / VERSION / "manifest.json").read_text()
)


def read(fields: object) -> object:
    return read_manifest(json.dumps(fields).encode(), name=NAME, version=VERSION)


def test_the_shipped_manifest_is_understood() -> None:
    manifest = read_manifest(json.dumps(SHIPPED).encode(), name=NAME, version=VERSION)
    assert manifest.class_count == 1000
    assert (manifest.geometry.width, manifest.geometry.resize_shorter_side) == (224, 256)
    assert manifest.model.sha256 == SHIPPED["files"]["model"]["sha256"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("schema",), "warmlens.model/2", "schema"),
        (("schema",), None, "schema"),
        (("name",), "another", "name"),
        (("version",), "1.0.1", "version"),
        (("engine",), "tensorflow", "engine"),
        (("engine",), None, "engine"),
        (("class_count",), 0, "class_count"),
        (("class_count",), True, "class_count"),
        (("class_count",), "1000", "class_count"),
        (("input",), [], "input"),
        (("input", "name"), None, r'^manifest\.json: "input\.name" is missing'),
        (("input", "name"), "n" * 2001, r'^manifest\.json: "input\.name" has 2001 characters'),
        (("input", "width"), 0, r'^manifest\.json: "input\.width" is 0'),
        (("input", "height"), 10**6, "height"),
        (("input", "resize_shorter_side"), 100, "resize_shorter_side"),
        (("input", "interpolation"), "nearest", "interpolation"),
        (("output",), None, "output"),
        (("files", "model", "path"), "../model.onnx", "plain file name"),
        (("files", "model", "path"), "/model.onnx", "plain file name"),
        (("files", "model", "path"), ".model", "plain file name"),
        (("files", "model", "path"), "model\0.onnx", r"model\.path.* U\+0000"),
        (("files", "model", "path"), "\ud800.onnx", r"model\.path.* U\+D800"),
        (("output", "name"), "\ud800", r"output\.name.* U\+D800"),
        (("files", "model", "bytes"), -1, "bytes"),
        (("files", "labels"), None, "labels"),
        (("files", "weights"), "model.weights", "weights"),
        (("files", "weights"), {"path": "../w", "bytes": 1, "sha256": ""}, "plain file name"),
        (("files", "labels", "sha256"), 5, r'^manifest\.json: "files\.labels\.sha256" is missing'),
    ],
)
def test_a_wrong_field_is_refused_by_name(path: tuple[str, ...], value: object, said: str) -> None:
    fields = copy.deepcopy(SHIPPED)
    inner = fields
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(ModelError, match=said):
        read(fields)


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 5000, b"\xff", b"[]", b"null"])
def test_what_is_no_manifest_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        read_manifest(data, name=NAME, version=VERSION)


def test_a_file_is_checked_for_size_and_content() -> None:
    file = ModelFile("a", 5, sha256(b"hello").hexdigest())
    file.check(5, sha256(b"hello").hexdigest())
    with pytest.raises(ModelError, match="4 bytes; its manifest says 5"):
        file.check(4, sha256(b"hell").hexdigest())
    with pytest.raises(ModelError, match="SHA-256"):
        file.check(5, sha256(b"hallo").hexdigest())


def test_an_error_in_labels_names_their_file() -> None:
    with pytest.raises(ModelError, match=r'^labels\.json: "ids" is missing'):
        read_labels(b"{}", class_count=2)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"ids": ["1", "2"]},
        {"ids": ["1"], "labels": ["a"]},
        {"ids": ["1", 2], "labels": ["a", "b"]},
        [],
    ],
)
def test_labels_that_do_not_fit_the_classes_are_refused(labels: object) -> None:
    with pytest.raises(ModelError):
        read_labels(json.dumps(labels).encode(), class_count=2)


def test_with_fewer_than_five_classes_only_those_that_exist_are_ranked() -> None:
    softmax = array("f", [0.2, 0.5, 0.3])
    predictions = rank(softmax, ["001", "002", "003"], ["a", "b", "c"])
    assert [(each.class_id, each.label) for each in predictions] == [
        ("002", "b"),
        ("003", "c"),
        ("001", "a"),
    ]
    assert [each.softmax for each in predictions] == pytest.approx([0.5, 0.3, 0.2])


def test_classes_that_are_equal_keep_their_order() -> None:
    softmax = array("f", [0.125] * 8)
    ids = [str(number) for number in range(8)]
    assert [each.class_id for each in rank(softmax, ids, ids)] == ids[:5]
