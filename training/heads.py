"""Heads of networks, the layers after the pooled features, from the tensors of a checkpoint.

A checkpoint has the weights of layers but not what is between them. Where that is known, the head
is kept; where it is not, the user says it or exports the network to ONNX.
"""

import dataclasses
import itertools
from pathlib import Path
from typing import Any, Literal

from training.file_kinds import TO_ONNX, kind_of
from training.model_packages import import_model_package
from warmlens.console import printable
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")

Activation = Literal["none", "relu", "leaky-relu", "gelu", "silu", "elu", "tanh", "sigmoid"]
_MODULES = {
    "none": "Identity",
    "relu": "ReLU",
    "leaky-relu": "LeakyReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "elu": "ELU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}
_FIELDS = frozenset({"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})

Tensors = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Layer:
    """A layer: its name and its tensors by field."""

    name: str
    fields: Tensors

    @property
    def is_linear(self) -> bool:
        return bool(self.fields["weight"].ndim == 2)

    @property
    def inputs(self) -> int:
        return int(self.fields["weight"].shape[-1])

    @property
    def outputs(self) -> int:
        return int(self.fields["weight"].shape[0])

    def module(self) -> Any:
        if self.is_linear:
            made = torch.nn.Linear(self.inputs, self.outputs)
            fields = {"bias": torch.zeros(self.outputs), **self.fields}
        else:
            made = torch.nn.BatchNorm1d(self.outputs)
            fields = {"num_batches_tracked": torch.tensor(0), **self.fields}
        made.load_state_dict(fields)
        return made


def read_head(
    tensors: Tensors, features: int, activation: Activation | None, path: Path
) -> tuple[Any, int]:
    """Return the head of a network as a module, and its number of classes.

    Args:
        tensors: tensors of the head by name, in order.
        features: number of pooled features.
        activation: function between fully connected layers; None where none was given.
        path: the checkpoint, for messages.

    Raises:
        WarmlensError: `weights_differ` when the tensors are not a chain of fully connected layers
            and batch normalisation, `head_activation` when what is between them is not known,
            `one_class`.
    """
    layers = _layers(tensors, path)
    if path.is_file() and kind_of(path) == "safetensors":
        layers = _chained(layers, features, path)
    last = layers[-1]
    size = features
    for layer in layers:
        if layer.inputs != size:
            raise WarmlensError(
                "weights_differ",
                f"{path}: the layer {layer.name} of the head takes {layer.inputs} values; it gets "
                f"{size}. Another pooling or another order of layers cannot be taken from a "
                f"checkpoint; {TO_ONNX}.",
            )
        size = layer.outputs
    if not last.is_linear:
        raise _unknown(path, last.name)
    if last.outputs < 2:
        raise one_class(path, f"{last.name}.weight is {list(last.fields['weight'].shape)}")
    if len(layers) == 1:
        return last.module(), last.outputs
    return torch.nn.Sequential(*_with_activations(layers, activation, path)), last.outputs


def one_class(path: Path, found: str) -> WarmlensError:
    """Return the error for a network with one output."""
    return WarmlensError(
        "one_class",
        f"{path} has one output ({found}); allowed: 2 or more classes. A network that answers yes "
        "or no with a sigmoid becomes one of two classes, no and yes, with a row of zeros before "
        "its last layer's weight and bias: torch.cat([torch.zeros_like(w), w]).",
    )


def _layers(tensors: Tensors, path: Path) -> list[_Layer]:
    found: dict[str, Tensors] = {}
    for full, tensor in tensors.items():
        name, _, field = full.rpartition(".")
        if not name or field not in _FIELDS:
            raise _unknown(path, full)
        found.setdefault(name, {})[field] = tensor
    for name, fields in found.items():
        if "weight" not in fields:
            raise WarmlensError("weights_differ", f"{path}: the tensor {name}.weight is missing.")
        weight = fields["weight"]
        wanted = {"weight", "bias"} if weight.ndim == 2 else _FIELDS
        lacking = {"running_mean", "running_var", "bias"} - fields.keys()
        if not set(fields) <= wanted or weight.ndim > 2 or (weight.ndim < 2 and lacking):
            raise _unknown(path, f"{name}.weight")
        if any(field.ndim and field.shape[0] != weight.shape[0] for field in fields.values()):
            raise WarmlensError(
                "weights_differ", f"{path}: the tensors of the layer {name} differ in size."
            )
    if not found:
        raise WarmlensError(
            "weights_differ",
            f"{path}: the tensor fc.weight is missing; these are weights without a last layer, "
            "which features alone were trained for. Train one with `warmlens model train "
            "--pretrained`.",
        )
    layers = [_Layer(name, fields) for name, fields in found.items()]
    if len({_parent(layer) for layer in layers}) == 1 and all(
        _place(layer) is not None for layer in layers
    ):
        layers.sort(key=lambda layer: _place(layer) or 0)  # safetensors are sorted as text
    return layers


def _chained(layers: list[_Layer], features: int, path: Path) -> list[_Layer]:
    """Return layers in the one order that fits their sizes: safetensors are sorted by name.

    Raises:
        WarmlensError: `weights_differ` when several orders fit.
    """
    found: list[list[_Layer]] = []

    def extend(done: list[_Layer], rest: list[_Layer], size: int) -> None:
        if not rest:
            found.append(done)
        for layer in rest:
            first = all(_number(layer) <= _number(r) for r in rest if _stem(r) == _stem(layer))
            if layer.inputs == size and first and len(found) < 2:
                extend([*done, layer], [r for r in rest if r is not layer], layer.outputs)

    extend([], layers, features)
    if len(found) > 1:
        raise WarmlensError(
            "weights_differ",
            f"{path}: the layers {', '.join(layer.name for layer in layers)} of the head fit in "
            "several orders, and safetensors are sorted by name; save the weights with torch.save, "
            f"which keeps their order, or {TO_ONNX}.",
        )
    return found[0] if found else layers


def _stem(layer: _Layer) -> str:
    return layer.name.rstrip("0123456789")


def _number(layer: _Layer) -> int:
    return int(layer.name.removeprefix(_stem(layer)) or 0)


def _with_activations(layers: list[_Layer], activation: Activation | None, path: Path) -> list[Any]:
    modules = [layers[0].module()]
    may_follow = layers[0].is_linear  # an activation, once behind each linear layer
    for before, layer in itertools.pairwise(layers):
        room = _room(before, layer)
        if room and not may_follow:
            raise WarmlensError(
                "head_activation",
                f"{path}: what is between {before.name} and {layer.name} of the head is not in a "
                f"checkpoint; {TO_ONNX}.",
            )
        if room:
            if activation is None:
                shapes = ", ".join(f"{x.name}: {x.inputs} to {x.outputs}" for x in layers)
                raise WarmlensError(
                    "head_activation",
                    f"{path} has a head of several layers ({shapes}) and does not say which "
                    f"function is between them; add --head-activation relu, say (allowed: "
                    f"{', '.join(_MODULES)}), or {TO_ONNX}.",
                )
            modules.append(getattr(torch.nn, _MODULES[activation])())
            may_follow = False
        if layer.is_linear:
            may_follow = True
        modules.append(layer.module())
    return modules


def _room(before: _Layer, after: _Layer) -> bool:
    """Return True if something without weights may be between two layers.

    Numbers of torch.nn.Sequential count every part; other names do not.
    """
    numbers = _place(before), _place(after)
    if _parent(before) == _parent(after) and None not in numbers:
        return (numbers[1] or 0) - (numbers[0] or 0) > 1
    return True


def _place(layer: _Layer) -> int | None:
    number = layer.name.rpartition(".")[2]
    return int(number) if number.isdecimal() else None


def _parent(layer: _Layer) -> str:
    return layer.name.rpartition(".")[0]


def _unknown(path: Path, name: str) -> WarmlensError:
    return WarmlensError(
        "weights_differ",
        f"{path}: the tensor {printable(name)} is unknown to the architecture. If its network has "
        f"layers that torchvision's has not, {TO_ONNX}.",
    )
