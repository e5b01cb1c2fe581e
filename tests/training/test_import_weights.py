"""Import of checkpoints: only weights, never code."""

import argparse
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.program_file import program_file
from training.import_weights import ImportRequest, import_file, import_resnet50_imagenet
from training.model_packages import import_model_package
from training.networks import build_network
from training.torch_export import load_program, require_logits
from warmlens.errors import WarmlensError
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import verify_model

torch: Any = import_model_package("torch")
save_file: Any = import_model_package("safetensors.torch").save_file


@pytest.fixture(scope="module")
def weights() -> dict[str, Any]:
    torch.manual_seed(0)
    state: dict[str, Any] = build_network("resnet18", 3).state_dict()
    return state


Save = Callable[[dict[str, Any], Path], object]
SAVED: dict[str, tuple[str, Save]] = {
    "safetensors": ("w.safetensors", save_file),
    "pt": ("w.pt", torch.save),
    "averaged": (
        "w.ckpt",
        lambda state, path: torch.save(
            {
                "state_dict": {f"model.{k}": torch.zeros_like(v) for k, v in state.items()},
                "ema": {f"module._orig_mod.{k}": v for k, v in state.items()},
                "args": argparse.Namespace(lr=0.1),
            },
            path,
        ),
    ),
    "data_parallel": (
        "w.pt",
        lambda state, path: torch.save({f"module.{k}": v for k, v in state.items()}, path),
    ),
}


class Attack:
    """An object whose unpickling calls `os.mkdir`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", SAVED)
def test_a_checkpoint_becomes_a_version(
    request_: ImportRequest, labels: Path, weights: dict[str, Any], tmp_path: Path, form: str
) -> None:
    name, save = SAVED[form]
    save(weights, tmp_path / name)
    said: list[str] = []
    assert import_file(tmp_path / name, labels, request_, said.append)
    folder = request_.out / "mine" / "1.0.0"
    assert verify_model(folder) == []
    manifest = read_manifest(folder)
    assert (manifest.architecture, manifest.class_count) == ("resnet18", 3)
    assert manifest.parity is not None
    assert manifest.parity.top1_agreement == 1
    assert name in manifest.provenance.source
    if form == "averaged":
        (note,) = said
        assert "Taken: ema, the averaged (EMA) weights; --key takes others" in note
        assert note in manifest.provenance.source
    assert has_head_of(folder, weights)


def has_head_of(folder: Path, weights: dict[str, Any]) -> bool:
    """Return True if the version's graph has the last layer of these weights."""
    onnx: Any = import_model_package("onnx")
    graph = onnx.load(folder / "model.onnx").graph
    arrays = [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer]
    head = weights["fc.weight"].numpy()
    return any(array.shape == head.shape and (array == head).all() for array in arrays)


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(
    request_: ImportRequest, labels: Path, weights: dict[str, Any], tmp_path: Path
) -> None:
    made, checkpoint = tmp_path / "made-by-the-pickle", tmp_path / "w.pt"
    torch.save({**weights, "extra": Attack(made)}, checkpoint)
    with pytest.raises(WarmlensError, match="would import or run code") as refused:
        import_file(checkpoint, labels, request_)
    assert refused.value.code == "unsafe_pickle"
    assert not made.exists()
    assert not request_.out.exists()
    # The file is a real one: read without care, it does what it is made for.
    torch.load(checkpoint, weights_only=False)
    assert made.exists()


def test_a_whole_network_as_a_pickle_is_refused(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    torch.save(build_network("resnet18", 3), tmp_path / "w.pt")
    with pytest.raises(WarmlensError, match=r"network\.state_dict\(\)") as refused:
        import_file(tmp_path / "w.pt", labels, request_)
    assert refused.value.code == "unsafe_pickle"


@pytest.mark.parametrize("form", ["safetensors", "pt"])
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_part_of_a_checkpoint_is_refused(
    request_: ImportRequest,
    labels: Path,
    weights: dict[str, Any],
    tmp_path: Path,
    form: str,
    share: float,
) -> None:
    name, save = SAVED[form]
    path = tmp_path / name
    save(weights, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(WarmlensError, match="is damaged or incomplete") as refused:
        import_file(path, labels, request_)
    assert refused.value.code == "unreadable_weights"
    assert not request_.out.exists()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (
            "apple\npear\n",
            "wrong_label_count",
            "has 2 labels; w.pt has 3 classes. Give a line for each class",
        ),
        ("a\nb\nc\nd\n", "wrong_label_count", "has 4 labels; w.pt has 3 classes"),
        ("apple\n\nplum\n", "bad_labels", "line 2 is ''"),
        ("1\tapple\n1\tpear\n2\tplum\n", "bad_labels", 'has the id "1" twice'),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    request_: ImportRequest,
    labels: Path,
    weights: dict[str, Any],
    tmp_path: Path,
    text: str,
    code: str,
    words: str,
) -> None:
    torch.save(weights, tmp_path / "w.pt")
    labels.write_text(text)
    with pytest.raises(WarmlensError, match=words) as refused:
        import_file(tmp_path / "w.pt", labels, request_)
    assert refused.value.code == code
    assert not request_.out.exists()


def without(weights: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: tensor for name, tensor in weights.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda w: without(w, "layer1.0.bn1.weight"), "weights_differ", "layer1.0.bn1.weight is m"),
        (lambda w: {**w, "more": torch.zeros(1)}, "weights_differ", "more is unknown"),
        (lambda w: {**w, "conv1.weight": torch.zeros(1)}, "weights_differ", r"conv1.weight is \[1"),
        (lambda w: without(w, "fc.weight"), "weights_differ", "fc.weight is missing"),
        (lambda _: {"x": torch.zeros(1)}, "unknown_architecture", "no known architecture"),
        (lambda _: {"x": 1}, "not_weights", "does not hold tensors by name"),
        (lambda _: [torch.zeros(1)], "not_weights", "does not hold tensors by name"),
    ],
)
def test_weights_that_are_of_no_known_network_are_refused(
    request_: ImportRequest,
    labels: Path,
    weights: dict[str, Any],
    tmp_path: Path,
    change: Callable[[dict[str, Any]], Any],
    code: str,
    words: str,
) -> None:
    torch.save(change(weights), tmp_path / "w.pt")
    with pytest.raises(WarmlensError, match=words) as refused:
        import_file(tmp_path / "w.pt", labels, request_)
    assert refused.value.code == code


MEANS = "    x = torch.stack([x.mean((1, 2, 3)), x.amax((1, 2, 3)), x.std((1, 2, 3))], 1)\n"
# The last lines of programs that compute probabilities themselves, and what they are called.
PROBABILITIES = {
    "return torch.softmax(x, 1)": "softmax (they sum to 1)",
    "return torch.softmax(x, 1) * 100": "softmax (they sum to 100)",
    "return torch.softmax(x.half().float() * 0.01, 1)": "softmax (they sum to 1)",
    "return torch.sigmoid(x)": "sigmoid",
}


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # decision 35
@pytest.mark.parametrize("last", PROBABILITIES)
def test_a_program_that_applies_a_softmax_itself_is_refused(
    request_: ImportRequest, labels: Path, tmp_path: Path, last: str
) -> None:
    file = tmp_path / "program.pt"
    program_file(file, f"def forward(self, x):\n{MEANS}    {last}")
    with pytest.raises(WarmlensError, match="Save it without its last layer") as refused:
        import_file(file, labels, dataclasses.replace(request_, engine="torch"))
    assert refused.value.code == "not_logits"
    assert PROBABILITIES[last] in refused.value.message
    assert not request_.out.exists()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # decision 35
@pytest.mark.parametrize("last", ["return x * float('nan')", "return x / 0"])
def test_a_program_of_nan_is_refused(
    request_: ImportRequest, labels: Path, tmp_path: Path, last: str
) -> None:
    file = tmp_path / "program.pt"
    program_file(file, f"def forward(self, x):\n{MEANS}    {last}")
    with pytest.raises(WarmlensError, match=r"program\.pt gives NaN or infinity") as refused:
        import_file(file, labels, dataclasses.replace(request_, engine="torch"))
    assert refused.value.code == "not_finite"
    assert not request_.out.exists()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # decision 35
@pytest.mark.parametrize("last", ["return x", "return torch.log_softmax(x, 1)", "return x.abs()"])
def test_a_program_of_logits_is_taken(tmp_path: Path, last: str) -> None:
    file = tmp_path / "program.pt"
    program_file(file, f"def forward(self, x):\n{MEANS}    {last}")
    require_logits(load_program(file), 32, "program.pt")


def test_another_kind_of_file_is_refused(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    (tmp_path / "w.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(WarmlensError, match=r"is an HDF5 file, .* tf2onnx; allowed: safetensors"):
        import_file(tmp_path / "w.h5", labels, request_)


def test_torchvisions_weights_without_a_network_say_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No cache, and a proxy where nothing listens: the same as being offline.
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WarmlensError, match="This step needs the network") as refused:
        import_resnet50_imagenet("1.0.0", tmp_path / "artifacts", "warmlens model import")
    assert refused.value.code == "offline"
    assert not (tmp_path / "artifacts").exists()
