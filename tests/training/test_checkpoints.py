"""Checkpoints as people save them: the right weights, or a sentence on the file."""

import argparse
import collections
import gzip
import pathlib
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.checkpoints import read_checkpoint
from training.file_kinds import kind_of
from training.heads import read_head
from training.model_packages import import_model_package
from training.networks import architecture_of, build_network
from training.weights import initial_weights
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")
nn: Any = torch.nn
save_file: Any = import_model_package("safetensors.torch").save_file
FEATURES = 512

State = dict[str, Any]


def network(seed: int = 0, classes: int = 3) -> Any:
    torch.manual_seed(seed)
    return build_network("resnet18", classes).eval()


def small(seed: int) -> State:
    """Return weights with all names of a ResNet18 and few values; their head is whole."""
    state = network(seed).state_dict()
    made = {}
    for name, tensor in state.items():
        few = tuple(slice(2) for _ in tensor.shape)
        made[name] = tensor if name.startswith("fc.") else tensor[few].clone()
    return made


@pytest.fixture(scope="module")
def weights() -> State:
    return small(0)


@pytest.fixture(scope="module")
def others() -> State:
    return small(1)


def renamed(weights: State, prefix: str, head: str = "fc.") -> State:
    body = {f"{prefix}{name}": w for name, w in weights.items() if not name.startswith("fc.")}
    return {**body, f"{head}weight": weights["fc.weight"], f"{head}bias": weights["fc.bias"]}


def prefixed(weights: State, prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


def sequential(weights: State, prefix: str, head: str) -> State:
    places = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
    made = {}
    for name, tensor in weights.items():
        first, _, rest = name.partition(".")
        made[f"{head}{rest}" if first == "fc" else f"{prefix}{places[first]}.{rest}"] = tensor
    return made


def parts_wrapped(weights: State) -> State:
    """Return names as of layers that were compiled or checkpointed one by one."""
    return {
        name.replace("layer1.", "layer1._orig_mod.").replace(
            "layer2.0.", "layer2.0._checkpoint_wrapped_module."
        ): tensor
        for name, tensor in weights.items()
    }


SAVED: dict[str, Callable[[State], Any]] = {
    "plain": lambda w: w,
    "DataParallel": lambda w: prefixed(w, "module."),
    "torch.compile": lambda w: prefixed(w, "_orig_mod."),
    "compiled DataParallel": lambda w: prefixed(w, "_orig_mod.module."),
    "compiled in DataParallel": lambda w: prefixed(w, "module._orig_mod."),
    "FSDP": lambda w: prefixed(w, "_fsdp_wrapped_module."),
    "wrapped parts": parts_wrapped,
    "Lightning's model": lambda w: {"state_dict": prefixed(w, "model."), "epoch": 1},
    "Lightning's net": lambda w: {"state_dict": prefixed(w, "net.")},
    "Lightning, compiled": lambda w: {"state_dict": prefixed(w, "model._orig_mod.")},
    "backbone and head": lambda w: renamed(w, "backbone.", "head."),
    "backbone and classifier": lambda w: renamed(w, "backbone.", "classifier."),
    "encoder and a sequential head": lambda w: renamed(w, "encoder.", "classifier.1."),
    "mmpretrain": lambda w: {"state_dict": renamed(w, "backbone.", "head.fc."), "meta": {}},
    "another name of the head": lambda w: renamed(w, "", "last_linear."),
    "dropout before the head": lambda w: renamed(w, "", "fc.1."),
    "a sequence of parts": lambda w: sequential(w, "features.", "fc."),
    "a sequence in a wrapper": lambda w: {"model": sequential(w, "module.backbone.", "module.fc.")},
    "state_dict": lambda w: {"state_dict": w},
    "model_state_dict": lambda w: {"model_state_dict": w, "optimizer_state_dict": {"state": {}}},
    "model": lambda w: {"model": w, "epoch": 3, "best": 0.9},
    "net": lambda w: {"net": prefixed(w, "module."), "acc": 90.1},
    "nested twice": lambda w: {"model": {"state_dict": prefixed(w, "module.")}},
    "a list": lambda w: {"models": [prefixed(w, "module.")], "epoch": 1},
    "another key": lambda w: {"my_classifier": w, "step": 1},
    "values beside tensors": lambda w: {**w, "epoch": 7, "arch": "resnet18"},
    "averaged": lambda w: {"n_averaged": torch.tensor(3), **prefixed(w, "module.")},
    "a loss with weights": lambda w: {**prefixed(w, "model."), "criterion.weight": torch.ones(3)},
    "old, without counters": lambda w: {n: t for n, t in w.items() if "num_batches" not in n},
    "double": lambda w: {n: t.double() if t.is_floating_point() else t for n, t in w.items()},
    "options": lambda w: {"model": w, "args": argparse.Namespace(lr=0.1, out=pathlib.Path("x"))},
    "NumPy's numbers": lambda w: {
        "model": w,
        "best": np.float64(0.5),
        "rows": np.arange(3),
        "log": collections.defaultdict(list),
    },
    "parameters": lambda w: {
        n: nn.Parameter(t) if t.is_floating_point() else t for n, t in w.items()
    },
}


def taken(path: Path, key: str | None = None) -> tuple[State, tuple[str, ...]]:
    checkpoint = read_checkpoint(path, key)
    assert architecture_of(checkpoint.body, str(path)) == "resnet18"
    head, classes = read_head(checkpoint.head, FEATURES, None, path)
    assert classes == 3
    return {**checkpoint.body, "fc.weight": head.weight, "fc.bias": head.bias}, checkpoint.notes


def same(found: State, weights: State, *, within: float = 0) -> bool:
    found = {name: tensor for name, tensor in found.items() if "num_batches" not in name}
    wanted = {name: tensor for name, tensor in weights.items() if "num_batches" not in name}
    return found.keys() == wanted.keys() and all(
        found[name].dtype == torch.float32
        and torch.allclose(found[name], wanted[name], atol=within, rtol=within)
        for name in wanted
    )


@pytest.mark.parametrize("form", SAVED)
def test_weights_are_found_under_every_name(weights: State, tmp_path: Path, form: str) -> None:
    torch.save(SAVED[form](weights), tmp_path / "w.pt")
    found, _ = taken(tmp_path / "w.pt")
    assert same(found, weights)


@pytest.mark.parametrize("form", ["plain", "compiled DataParallel", "a sequence of parts"])
def test_safetensors_have_prefixes_too(weights: State, tmp_path: Path, form: str) -> None:
    save_file(SAVED[form](weights), tmp_path / "model.bin")
    assert same(taken(tmp_path / "model.bin")[0], weights)


@pytest.mark.parametrize("name", ["w.ckpt", "w.bin", "w.tar", "w", "w.pth.tar", "w.safetensors"])
@pytest.mark.parametrize("old", [True, False])
def test_the_kind_follows_from_the_bytes(
    weights: State, tmp_path: Path, name: str, old: bool
) -> None:
    torch.save(weights, tmp_path / name, _use_new_zipfile_serialization=not old)
    assert kind_of(tmp_path / name) == "pickle"
    assert same(taken(tmp_path / name)[0], weights)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_weights_in_half_precision_are_used_in_float32(
    weights: State, tmp_path: Path, kind: str
) -> None:
    half = getattr(torch, kind)
    torch.save(
        {n: t.to(half) if t.is_floating_point() else t for n, t in weights.items()},
        tmp_path / "w.pt",
    )
    found, notes = taken(tmp_path / "w.pt")
    assert same(found, weights, within=1e-2)
    assert notes == (f"Weights in {kind} are used in float32.",)


AVERAGED: dict[str, Callable[[State, State], Any]] = {
    "state_dict_ema": lambda w, o: {"state_dict": o, "state_dict_ema": w},
    "ema_state_dict": lambda w, o: {"model": o, "ema_state_dict": prefixed(w, "module.")},
    "ema": lambda w, o: {"net": o, "ema": w},
    "model_ema": lambda w, o: {"model": o, "model_ema": {"state_dict": w}},
    "ema_model": lambda w, o: {
        "state_dict": {**prefixed(o, "model."), **prefixed(w, "ema_model.module.")}
    },
}


@pytest.mark.parametrize("form", AVERAGED)
def test_averaged_weights_are_taken_which_is_said_and_others_by_key(
    weights: State, others: State, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "w.pt"
    torch.save(AVERAGED[form](weights, others), file)
    found, (note,) = taken(file)
    assert same(found, weights)
    assert "the averaged (EMA) weights; --key takes others instead: " in note
    other = note.rpartition(": ")[2].rstrip(".")
    found, (note,) = taken(file, other)
    assert same(found, others)
    assert note == f"Taken: {other}."


@pytest.mark.parametrize(
    ("arch", "is_noted"),
    [("resnetaa50", True), ("my_net", True), ("resnet18", False), ("tv_resnet18.a1", False)],
)
def test_a_file_of_another_architecture_with_the_same_names_is_noted(
    weights: State, tmp_path: Path, arch: str, is_noted: bool
) -> None:
    torch.save({"arch": arch, "state_dict": weights}, tmp_path / "w.pt")
    found, notes = taken(tmp_path / "w.pt")
    assert same(found, weights)
    assert any(f"is of {arch}, and is read as" in note for note in notes) is is_noted


def test_averages_without_running_means_are_not_taken(weights: State, tmp_path: Path) -> None:
    parameters = {name: tensor for name, tensor in weights.items() if "running" not in name}
    torch.save({"model": weights, "ema": parameters}, tmp_path / "w.pt")
    assert same(taken(tmp_path / "w.pt")[0], weights)


def test_several_networks_without_an_average_need_a_key(
    weights: State, others: State, tmp_path: Path
) -> None:
    file = tmp_path / "w.pt"
    torch.save({"teacher": weights, "student": others}, file)
    with pytest.raises(WarmlensError, match="teacher, student; choose one with --key") as refused:
        read_checkpoint(file)
    assert refused.value.code == "ambiguous_weights"
    assert same(taken(file, "student")[0], others)
    with pytest.raises(WarmlensError, match="allowed: teacher, student"):
        read_checkpoint(file, "pupil")
    both = {**prefixed(weights, "teacher."), **prefixed(others, "student.")}
    torch.save(both, file)
    assert same(taken(file, "student")[0], others)
    parts = (
        renamed(others, "student.body.", "student.head."),
        renamed(weights, "teacher.body.", "teacher.head."),
    )
    torch.save({**parts[0], **parts[1]}, file)
    assert same(taken(file, "student")[0], others)


def test_masks_of_pruning_are_applied(weights: State, tmp_path: Path) -> None:
    prune = import_model_package("torch.nn.utils.prune")
    layer = nn.Conv2d(2, 2, 2, bias=False)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    name = "layer1.0.conv1.weight"
    state = {n: t for n, t in weights.items() if n != name}
    torch.save({**state, **prefixed(layer.state_dict(), "layer1.0.conv1.")}, tmp_path / "w.pt")
    found, _ = taken(tmp_path / "w.pt")
    assert (layer.weight == 0).sum() == 8
    assert same(found, {**weights, name: layer.weight})


def test_a_head_without_bias_is_kept(weights: State, tmp_path: Path) -> None:
    torch.save({n: t for n, t in weights.items() if n != "fc.bias"}, tmp_path / "w.pt")
    found, _ = taken(tmp_path / "w.pt")
    assert same(found, {**weights, "fc.bias": torch.zeros(3)})


HEADS: dict[str, tuple[Callable[[], Any], str | None]] = {
    "two layers": (
        lambda: nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3)),
        "relu",
    ),
    "normalisation": (
        lambda: nn.Sequential(
            nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(), nn.Linear(8, 3)
        ),
        "gelu",
    ),
    "normalisation first": (
        lambda: nn.Sequential(nn.BatchNorm1d(FEATURES), nn.Linear(FEATURES, 3)),
        None,
    ),
    "nothing between": (
        lambda: nn.Sequential(nn.Dropout(), nn.Linear(FEATURES, 8), nn.Linear(8, 3)),
        None,
    ),
    "names": (
        lambda: nn.Sequential(
            collections.OrderedDict(
                fc1=nn.Linear(FEATURES, 8), act=nn.Tanh(), fc2=nn.Linear(8, 3), out=nn.LogSoftmax(1)
            )
        ),
        "tanh",
    ),
    "eleven parts": (
        lambda: nn.Sequential(
            nn.Linear(FEATURES, 8), *(nn.Identity() for _ in range(9)), nn.Linear(8, 3)
        ),
        "none",
    ),
}


@pytest.mark.parametrize("saved", ["pt", "safetensors"])
@pytest.mark.parametrize("form", HEADS)
def test_a_head_of_several_layers_is_kept(
    weights: State, tmp_path: Path, form: str, saved: str
) -> None:
    make, activation = HEADS[form]
    own = make().eval()
    for norm in own.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.running_mean.uniform_(-1, 1)
    file = tmp_path / "w"
    body = {name: tensor for name, tensor in weights.items() if not name.startswith("fc.")}
    save = save_file if saved == "safetensors" else torch.save
    save({**body, **prefixed(own.state_dict(), "fc.")}, file)
    checkpoint = read_checkpoint(file)
    if activation:
        with pytest.raises(WarmlensError, match="add --head-activation relu") as refused:
            read_head(checkpoint.head, FEATURES, None, file)
        assert refused.value.code == "head_activation"
        assert "export the network to ONNX" in refused.value.message
    head, classes = read_head(checkpoint.head, FEATURES, activation, file)  # type: ignore[arg-type]
    features = torch.rand(5, FEATURES)
    with torch.inference_mode():
        expected, answer = own(features), head.eval()(features)
        if form == "names":
            answer = torch.log_softmax(answer, 1)
        assert torch.allclose(answer, expected, atol=1e-5)
    assert classes == 3


class Named(nn.Module):  # type: ignore[misc]
    """A head whose layers have names that sort otherwise than they run."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.second = nn.Linear(FEATURES, width)
        self.first = nn.Linear(width, width)
        self.classes = nn.Linear(width, 3)


@pytest.mark.parametrize("width", [8, FEATURES])
def test_the_order_of_a_head_in_safetensors_follows_from_sizes_or_is_refused(
    tmp_path: Path, width: int
) -> None:
    own = Named(width)
    if width != FEATURES:
        del own.first  # one order fits
    save_file(own.state_dict(), tmp_path / "w")
    tensors = dict(sorted(prefixed(own.state_dict(), "fc.").items()))
    if width == FEATURES:
        with pytest.raises(WarmlensError, match=r"fit in several orders.*torch\.save") as refused:
            read_head(tensors, FEATURES, "relu", tmp_path / "w")
        assert refused.value.code == "weights_differ"
        return
    head, _ = read_head(tensors, FEATURES, "relu", tmp_path / "w")
    features = torch.rand(2, FEATURES)
    with torch.inference_mode():
        assert torch.allclose(head(features), own.classes(own.second(features).relu()), atol=1e-5)


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


def test_a_head_with_two_gaps_is_refused(tmp_path: Path) -> None:
    head = nn.Sequential(
        nn.Linear(FEATURES, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
    )
    with pytest.raises(WarmlensError, match=r"what is between fc\.2 and fc\.4") as refused:
        read_head(prefixed(head.state_dict(), "fc."), FEATURES, "relu", tmp_path)
    assert refused.value.code == "head_activation"


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


def test_training_starts_from_such_weights_and_says_which(
    weights: State, others: State, tmp_path: Path
) -> None:
    head = prefixed(nn.Sequential(nn.Linear(FEATURES, 8), nn.Linear(8, 9)).state_dict(), "fc.")
    body = {name: tensor for name, tensor in weights.items() if not name.startswith("fc.")}
    torch.save({"state_dict": others, "state_dict_ema": {**body, **head}}, tmp_path / "w.ckpt")
    start = initial_weights(str(tmp_path / "w.ckpt"), "resnet18")
    assert start.tensors is not None
    assert torch.equal(start.tensors["conv1.weight"], weights["conv1.weight"])
    assert "Taken: state_dict_ema, the averaged (EMA) weights" in start.provenance["description"]
