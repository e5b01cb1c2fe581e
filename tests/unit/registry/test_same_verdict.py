"""The function and `warmlens model verify` take the same manifests and labels."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from lambda_src.classifier import manifest as in_function
from lambda_src.classifier import model_files
from lambda_src.classifier.errors import ModelError
from tests.unit.registry.version_copy import (
    NAME,
    SHIPPED,
    VERSION,
    replace_labels,
    set_field,
    shipped_manifest,
)
from warmlens import characters
from warmlens.registry import manifest as in_commands
from warmlens.registry import manifest_file
from warmlens.registry.verify import verify_model

LABELS: dict[str, list[str]] = json.loads((SHIPPED / "labels.json").read_bytes())
REFUSED_TEXTS = {
    "NUL": "te\0nch",
    "line end": "te\nnch",
    "tab": "te\tnch",
    "ESC": "te\x1b[2Jnch",
    "delete": "te\x7fnch",
    "C1": "te\x9b31mnch",
    "soft hyphen": "te\xadnch",
    "zero-width blank": "te\u200bnch",
    "line separator": "te\u2028nch",
    "paragraph separator": "te\u2029nch",
    "override": "te\u202ench",
    "embedding": "te\u202anch",
    "isolate": "te\u2066nch\u2069",
    "word joiner": "te\u2060nch",
    "half a pair": "te\ud83dnch",
    "private use": "te\ue000nch",
    "byte order mark": "\ufefftench",
    "tags": "tench\U000e0041",
    "no character": "tench\uffff",
}
TAKEN_TEXTS = {
    "emoji of a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "emoji with a skin and a selector": "\U0001f44d\U0001f3fd \u2764\ufe0f",
    "a flag": "\U0001f1e8\U0001f1ff",
    "Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Hindi with a joiner": "\u0915\u094d\u200d\u0937",
    "Arabic with marks of direction": "\u061c\u0643\u0644\u0628 (C++\u200e)",
    "Hebrew with marks of direction": "\u05db\u05dc\u05d1\u200f!",
    "combining marks": "a\u0301\u0328",
    "blanks of other kinds": "5\u00a0l\u202fd'eau\u3000\u6c34",
    "not yet assigned": "\U0001facc\U0001fadd\u0378",
    "a replaced character": "caf\ufffd",
}


def changed(field: str, value: object) -> bytes:
    fields = copy.deepcopy(shipped_manifest())
    set_field(fields, field, value)
    return json.dumps(fields).encode()


def with_threshold(value: object) -> dict[str, object]:
    """Return the manifest's object `recognition` with this threshold."""
    photos = {"share": 0.9, "images": 100, "data": "test photos"}
    fields = {"temperature": 1.4, "score": "top1_softmax", "auroc": 0.97}
    return {**fields, "threshold": value, "kept": photos, "found": photos}


def replaced(before: str, after: str) -> bytes:
    text = json.dumps(shipped_manifest())
    assert text.count(before) == 1
    return text.replace(before, after).encode()


def encoded(document: object, encoding: str, **options: Any) -> bytes:
    return json.dumps(document, **options).encode(encoding, "surrogatepass")


ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "latin-1")
WRONG_VALUES: dict[str, tuple[object, ...]] = {
    "class_count": (1000.0, True, "1000", 0, 1, -1000, 100_001, 10**30, None, [1000]),
    "files.labels.bytes": (7.0, 1e3, True, "7", 0, 5 * 2**30 + 1, 10**4000, None),
    "input.width": (224.0, True, "224", 0, 4097, 10**19),
    "input.resize_shorter_side": (256.0, 1, 10**19),
    "files.labels.path": ("", "-a", ".a", "a/b", "a\\b", "a b", "\xe9", "a" * 128, "\u0661", 5),
    "files.labels.sha256": ("", "A" * 64, "a" * 63, "g" * 64, "\u0661" * 64, 5),
    "files.weights": (None, {}),
    "output.name": ("", "a" * 2001, None, ["a"]),
    "engine": ("Torch", None, ["onnxruntime"]),
    "title": ("", "a" * 61, None, ["groceries"], 5),
    "recognition": (None, {}, [], 0.5,
                    *map(with_threshold, (None, True, "0.5", -0.01, 1.01, 2, [0.5], 10**400))),
}  # fmt: skip
EXPLAIN: dict[str, Any] = {
    "features": {"name": "relu", "type": "uint8", "channels": 1280, "rows": 7, "columns": 7},
    "last_layer": {"file": "model", "offset": 0, "type": "float32"},
}
ROOM = shipped_manifest()["files"]["model"]["bytes"] - 1000 * 1280 * 4
WRONG_EXPLAIN: dict[str, tuple[object, ...]] = {
    "features": (None, {}, "relu"),
    "features.name": ("", None, 7, "re\u202elu"),
    "features.type": ("int8", "FLOAT", None, 1),
    "features.channels": (0, 1280.0, True, 65_537, 5120, None),
    "features.rows": (0, 7.0, 65, "7", None),
    "features.columns": (0, -7, 65, None),
    "last_layer": (None, {}, []),
    "last_layer.file": ("weights", "labels", "", None, ["model"]),
    "last_layer.offset": (-1, 1.0, True, ROOM + 1, 10**30, None),
    "last_layer.type": ("uint8", "", None, 4),
}


def explained(field: str | None = None, value: object = None, **others: object) -> bytes:
    fields, explain = shipped_manifest(), copy.deepcopy(EXPLAIN)
    if field is not None:
        set_field(explain, field, value)
    return json.dumps({**fields, "explain": explain, **others}).encode()


MANIFESTS: dict[str, bytes] = {
    "empty": b"",
    "deep": b"[" * 100_000,
    "deep in a field": replaced('"name": "softmax"', f'"name": {"[" * 100_000}'),
    "two documents": json.dumps(shipped_manifest()).encode() * 2,
    "too large": json.dumps(shipped_manifest()).encode() + b" " * 1_000_000,
    "a key twice": replaced('"class_count": 1000', '"class_count": 999, "class_count": 1000'),
    "a key twice within": replaced('"name": "softmax"', '"name": "a", "name": "softmax"'),
    "a number in exponents": replaced('"class_count": 1000', '"class_count": 1E3'),
    "a number of 5,000 digits": replaced('"class_count": 1000', f'"class_count": {"1" * 5000}'),
    "NaN": replaced('"class_count": 1000', '"class_count": NaN'),
    "NaN where the function reads nothing": changed("parity.tolerance", float("nan")),
    "infinity": changed("parity.tolerance", float("inf")),
    "a comment": replaced('"class_count"', '/* */ "class_count"'),
    "half a pair in UTF-8": encoded({**shipped_manifest(), "architecture": "\ud83d"}, "utf-8"),
    **{encoding: encoded(shipped_manifest(), encoding) for encoding in ENCODINGS[:-1]},
    "latin-1": changed("architecture", "caf\xe9").replace(b"\\u00e9", b"\xe9"),
    **{f"{field} {value!r:.80}": changed(field, value) for field in WRONG_VALUES
       for value in WRONG_VALUES[field]},
    **{f"{name} in {field}": changed(field, text) for name, text in REFUSED_TEXTS.items()
       for field in ("output.name", "provenance.licence", "title")},
    "NaN as a threshold": changed("recognition", with_threshold(float("nan"))),
    "a threshold above all numbers": replaced('"class_count": 1000', '"class_count": 1000, '
        f'"recognition": {json.dumps(with_threshold(7)).replace("7,", "1e400,", 1)}'),
    "explain null": changed("explain", None),
    "explain for PyTorch": explained(engine="torch"),
    **{f"explain.{field} {value!r:.30}": explained(field, value) for field in WRONG_EXPLAIN
       for value in WRONG_EXPLAIN[field]},
    "ESC in a key": changed("provenance.versions", {"a\x1b": "1"}),
    "an override in a list": changed("metrics", [{"name": "\u202e"}]),
}  # fmt: skip
TAKEN_MANIFESTS = {
    "as shipped": (SHIPPED / "manifest.json").read_bytes(),
    "explain": explained(),
    "explain at the end of the file": explained("last_layer.offset", ROOM),
    "explain in int8": explained("last_layer.type", "int8"),
    "explain with features in float32": explained("features.type", "float32"),
    "explain with the largest map": explained("features.rows", 64),
    **{name: changed("output.name", text) for name, text in TAKEN_TEXTS.items()},
    "not escaped": encoded({**shipped_manifest(), "architecture": "caf\xe9 \u200d"}, "utf-8",
                           ensure_ascii=False),
    **{f"threshold {value}": changed("recognition", with_threshold(value))
       for value in (0, 0.0, 0.42, 1, 1.0, 1e-300)},
    "a title": changed("title", "groceries"),
    "the longest title": changed("title", "\U0001f468" * 60),
    "the longest path": changed("files.model.path", "_" + "a" * 126),
    "most classes": json.dumps({
        key: value for key, value in {**shipped_manifest(), "class_count": 100_000}.items()
        if key != "explain"  # the last layer would be longer than the file
    }).encode(),
}  # fmt: skip


def with_label(text: str, key: str = "labels") -> dict[str, list[str]]:
    return {**LABELS, key: [text, *LABELS[key][1:]]}


LABEL_FILES: dict[str, bytes] = {
    "empty": b"",
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "a key twice": b'{"ids": [],' + json.dumps(LABELS).encode()[1:],
    "another key": json.dumps({**LABELS, "colours": []}).encode(),
    "NaN": json.dumps({**LABELS, "labels": [float("nan"), *LABELS["labels"][1:]]}).encode(),
    "a number": json.dumps({**LABELS, "labels": [5, *LABELS["labels"][1:]]}).encode(),
    "one too few": json.dumps({**LABELS, "labels": LABELS["labels"][1:]}).encode(),
    "an empty label": json.dumps(with_label("")).encode(),
    "an id twice": json.dumps(with_label(LABELS["ids"][1], "ids")).encode(),
    "half a pair in UTF-8": encoded(with_label("\ud83d"), "utf-8", ensure_ascii=False),
    **{encoding: encoded(LABELS, encoding) for encoding in ENCODINGS[:-1]},
    "latin-1": encoded(with_label("caf\xe9"), "latin-1", ensure_ascii=False),
    **{f"{name} in {key}": json.dumps(with_label(text, key)).encode()
       for name, text in REFUSED_TEXTS.items() for key in ("ids", "labels")},
}  # fmt: skip
TAKEN_LABELS = {
    "as shipped": (SHIPPED / "labels.json").read_bytes(),
    **{f"{name} in {key}": encoded(with_label(text, key), "utf-8", ensure_ascii=escaped)
       for name, text in TAKEN_TEXTS.items()
       for key, escaped in (("ids", True), ("labels", False))},
}  # fmt: skip


def function_takes_manifest(raw: bytes) -> bool:
    if len(raw) > model_files.MAX_MANIFEST_BYTES:  # the store returns no more
        return False
    try:
        in_function.read_manifest(raw, name=NAME, version=VERSION)
    except ModelError:
        return False
    return True


def function_takes_labels(raw: bytes) -> bool:
    try:
        in_function.read_labels(raw, class_count=1000)
    except ModelError:
        return False
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a version without its model of 18 MB, which no case below needs."""
    folder = tmp_path_factory.mktemp("models") / NAME / VERSION
    folder.mkdir(parents=True)
    return folder


def findings(folder: Path, file: str) -> list[str]:
    return [each.message for each in verify_model(folder) if each.file == file]


@pytest.mark.parametrize("case", [*MANIFESTS, *TAKEN_MANIFESTS])
def test_a_manifest_gets_the_same_verdict(folder: Path, case: str) -> None:
    raw = MANIFESTS[case] if case in MANIFESTS else TAKEN_MANIFESTS[case]
    (folder / "manifest.json").write_bytes(raw)
    found = findings(folder, "manifest.json")
    assert (not found, function_takes_manifest(raw)) == (case in TAKEN_MANIFESTS,) * 2, found


@pytest.mark.parametrize("case", [*LABEL_FILES, *TAKEN_LABELS])
def test_labels_get_the_same_verdict(folder: Path, case: str) -> None:
    raw = LABEL_FILES[case] if case in LABEL_FILES else TAKEN_LABELS[case]
    (folder / "manifest.json").write_bytes((SHIPPED / "manifest.json").read_bytes())
    replace_labels(folder, raw or b" ")
    found = findings(folder, "labels.json")
    assert (not found, function_takes_labels(raw)) == (case in TAKEN_LABELS,) * 2, found


def test_both_name_the_place_and_the_character(folder: Path) -> None:
    labels = {**LABELS, "labels": [*LABELS["labels"][:7], "hen\u202e", *LABELS["labels"][8:]]}
    raw = json.dumps(labels).encode()
    (folder / "manifest.json").write_bytes((SHIPPED / "manifest.json").read_bytes())
    replace_labels(folder, raw)
    (message,) = findings(folder, "labels.json")
    assert message == "labels.json: labels[7] has the character U+202E, which cannot be seen; " \
        "remove it."  # fmt: skip
    with pytest.raises(ModelError, match=r"labels\.json: 'labels\[7\]' has .* U\+202E.*; publish"):
        in_function.read_labels(raw, class_count=1000)
    raw = changed("provenance.versions", {"torch\x1b": "2"})
    (folder / "manifest.json").write_bytes(raw)
    (message,) = findings(folder, "manifest.json")
    assert "provenance.versions.torch" in message
    assert "U+001B" in message
    with pytest.raises(ModelError, match=r"provenance\.versions\.torch.* U\+001B"):
        in_function.read_manifest(raw, name=NAME, version=VERSION)


def test_both_refuse_the_same_characters() -> None:
    assert in_function.UNPRINTABLE == characters.UNPRINTABLE
    assert manifest_file.MAX_MANIFEST_BYTES == model_files.MAX_MANIFEST_BYTES
    assert in_commands.MAX_TITLE_CHARACTERS == in_function.MAX_TITLE_CHARACTERS
    for first, last in characters.UNPRINTABLE:  # else the fast way would let them pass
        assert not any(map(str.isprintable, map(chr, range(first, last + 1))))


def test_the_function_reads_title_and_threshold_where_a_version_has_them() -> None:
    fields = {**shipped_manifest(), "title": "groceries", "recognition": with_threshold(0.42)}
    read = in_function.read_manifest(json.dumps(fields).encode(), name=NAME, version=VERSION)
    assert (read.title, read.threshold) == ("groceries", 0.42)
    for field in ("title", "recognition"):
        del fields[field]
    read = in_function.read_manifest(json.dumps(fields).encode(), name=NAME, version=VERSION)
    assert (read.title, read.threshold) == (None, None)


def test_the_function_does_not_mind_fields_that_it_does_not_read(folder: Path) -> None:
    raw = changed("colour", "red")
    (folder / "manifest.json").write_bytes(raw)
    assert findings(folder, "manifest.json")
    assert function_takes_manifest(raw)
