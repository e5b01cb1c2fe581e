"""Checkpoints and other files that are refused, each with a sentence on the file."""

import gzip
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.resnet_weights import FEATURES, State, taken
from training.checkpoints import read_checkpoint
from training.model_packages import import_model_package
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")
nn: Any = torch.nn

REFUSED: dict[str, tuple[Callable[[State], Any], str, str]] = {
    "NaN": (
        lambda w: {**w, "conv1.weight": torch.full((2, 2), torch.nan)},
        "not_finite",
        r"4 of 4 values of the tensor conv1\.weight are NaN",
    ),
    "infinity in the head": (
        lambda w: {**w, "fc.bias": torch.tensor([0.0, torch.inf, 0])},
        "not_finite",
        r"1 of 3 values of the tensor fc\.bias are infinity",
    ),
    "too large for float32": (
        lambda w: {**w, "fc.bias": torch.tensor([0.0, 1e300, 0], dtype=torch.float64)},
        "not_finite",
        "are infinity",
    ),
    "one class": (
        lambda w: {**w, "fc.weight": torch.zeros(1, FEATURES), "fc.bias": torch.zeros(1)},
        "one_class",
        r"has one output \(fc\.weight is \[1, 512\]\); allowed: 2 or more .* a row of zeros",
    ),
    "a sizes of bias": (
        lambda w: {**w, "fc.bias": torch.zeros(4)},
        "weights_differ",
        "the tensors of the layer fc differ in size",
    ),
    "no head": (
        lambda w: {n: t for n, t in w.items() if not n.startswith("fc.")},
        "weights_differ",
        r"fc\.weight is missing; these are weights without a last layer",
    ),
    "another pooling": (
        lambda w: {**w, "fc.weight": torch.zeros(3, 2 * FEATURES)},
        "weights_differ",
        "the layer fc of the head takes 1024 values; it gets 512",
    ),
    "two heads": (
        lambda w: {**w, "aux.weight": torch.zeros(9, FEATURES)},
        "weights_differ",
        "the layer aux of the head takes 512 values; it gets 3",
    ),
    "whole numbers": (
        lambda w: {**w, "conv1.weight": torch.zeros(2, dtype=torch.int8)},
        "bad_tensor",
        r"the tensor conv1\.weight has numbers of the type int8",
    ),
    "meta": (
        lambda w: {**w, "conv1.weight": torch.zeros(2, device="meta")},
        "bad_tensor",
        r"conv1\.weight has no values in this file",
    ),
    "twice": (
        lambda w: {**w, "module.conv1.weight": w["conv1.weight"]},
        "ambiguous_weights",
        r"has the tensor conv1\.weight twice",
    ),
    "a network as it is": (lambda _: nn.Linear(2, 2), "unsafe_pickle", r"torch\.nn\.modules"),
    "a network in a dict": (
        lambda w: {"model": nn.Sequential(nn.ReLU()), "epoch": 1},
        "unsafe_pickle",
        r"\(it names torch\.nn\.modules\.container\.Sequential\).*weights_only=False",
    ),
    "an optimizer alone": (
        lambda w: {"optimizer": {"state": {0: {"step": torch.tensor(1)}}}},
        "not_weights",
        "does not hold tensors by name",
    ),
    "another network": (
        lambda _: {"features.0.0.weight": torch.zeros(8, 3, 3, 3)},
        "unknown_architecture",
        r"no known architecture.* Export another network to ONNX",
    ),
}


@pytest.mark.parametrize("form", REFUSED)
def test_other_checkpoints_are_refused_in_a_sentence(
    weights: State, tmp_path: Path, form: str
) -> None:
    make, code, words = REFUSED[form]
    file = tmp_path / "w.pt"
    torch.save(make(weights), file)
    with pytest.raises(WarmlensError, match=words) as refused:
        taken(file)
    assert refused.value.code == code
    assert str(file) in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize("protocol", [4, 5])
def test_a_later_protocol_of_pickle_is_refused_without_a_warning(
    weights: State, tmp_path: Path, protocol: int, recwarn: pytest.WarningsRecorder
) -> None:
    torch.save(weights, tmp_path / "w.pt", pickle_protocol=protocol)
    with pytest.raises(WarmlensError, match="is a pickle of protocol 4 or later") as refused:
        read_checkpoint(tmp_path / "w.pt")
    assert refused.value.code == "unsafe_pickle"
    assert not recwarn.list


def zipped(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")


OTHER_FILES: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "Keras": (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n"), "bad_weights_type", "HDF5"),
    "new Keras": (lambda p: zipped(p, "model.weights.h5"), "bad_weights_type", "tf2onnx"),
    "TensorFlow Lite": (lambda p: p.write_bytes(b"\x1c\0\0\0TFL3"), "bad_weights_type", "Lite"),
    "zipped weights": (lambda p: zipped(p, "w.pt", "a.txt"), "bad_weights_type", "unpack it first"),
    "NumPy": (lambda p: zipped(p, "a.npy"), "bad_weights_type", "NumPy"),
    "gzip": (lambda p: p.write_bytes(gzip.compress(b"x")), "bad_weights_type", "gzip; unpack"),
    "Git LFS": (
        lambda p: p.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "bad_weights_type",
        "run `git lfs pull`",
    ),
    "a website": (lambda p: p.write_text("\n<!DOCTYPE html><html>"), "bad_weights_type", "website"),
    "an index": (lambda p: p.write_text('{"weight_map": {}}'), "bad_weights_type", "is JSON"),
    "text": (lambda p: p.write_text("hello"), "bad_weights_type", "of no known kind"),
    "nothing": (lambda p: p.write_bytes(b""), "unreadable_weights", "it is empty"),
    "a folder": (lambda p: p.mkdir(), "weights_missing", "is a folder"),
    "no file": (lambda p: None, "weights_missing", "is not a file"),
    "another pickle": (
        lambda p: p.write_bytes(pickle.dumps({"a": 1})),
        "unsafe_pickle",
        "is a pickle of protocol 4 or later, as pickle.dump",
    ),
}


@pytest.mark.parametrize("form", OTHER_FILES)
def test_files_of_other_kinds_are_refused_by_their_content(tmp_path: Path, form: str) -> None:
    make, code, words = OTHER_FILES[form]
    file = tmp_path / "weights.safetensors"
    make(file)
    with pytest.raises(WarmlensError, match=words) as refused:
        read_checkpoint(file)
    assert refused.value.code == code
    assert str(file) in refused.value.message
