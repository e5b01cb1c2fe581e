"""Checkpoints as people save them: names, nesting, and averaged weights."""

import argparse
import collections
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.resnet_weights import FEATURES, State, prefixed, same, taken
from training.checkpoints import read_checkpoint
from training.file_kinds import kind_of
from training.model_packages import import_model_package
from training.weights import initial_weights
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")
nn: Any = torch.nn
save_file: Any = import_model_package("safetensors.torch").save_file


def renamed(weights: State, prefix: str, head: str = "fc.") -> State:
    body = {f"{prefix}{name}": w for name, w in weights.items() if not name.startswith("fc.")}
    return {**body, f"{head}weight": weights["fc.weight"], f"{head}bias": weights["fc.bias"]}


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
