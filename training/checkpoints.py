"""Checkpoints as people save them: weights inside of other things, under names with prefixes."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training.model_packages import import_model_package
from training.networks import SMALL_CNN_CHANNELS
from training.safe_load import load_document
from warmlens.console import printable
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")

# Segments that DataParallel, torch.compile, FSDP and others put anywhere into names.
_WRAPPERS = frozenset(
    {
        "module",
        "_orig_mod",
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
        "_forward_module",
    }
)
_PLAIN_KEYS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "weights",
)
_AVERAGED = re.compile(r"(^|[._])(ema|averaged|swa)([._]|$)")
_SKIPPED = re.compile(r"^(optim|sched|lr_|scaler|amp)")
_DEPTH = 5
# Tensors of losses and of averaging, which answer nothing.
_BESIDE = re.compile(r"(^|\.)(n_averaged|criterion|loss|loss_fn|loss_func|loss_function)(\.|$)")
_BODY = re.compile(r"(conv1|bn1|layer[1-4])\.")
# torch.nn.Sequential of a ResNet's parts: convolution, normalisation, ReLU, pooling, layers.
_SEQUENTIAL = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
# Architectures by the names of timm and torchvision; a dot begins the name of timm's weights.
_KNOWN = re.compile(r"(tv_)?resnet(18|34|50|101|152)(\..*)?|small-cnn")

Tensors = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The weights of a classifier.

    Attributes:
        body: tensors before the head by torchvision's names; of an unknown network all tensors.
        head: tensors of the head by their own names, in the order of the file.
        notes: sentences on what was taken, for the user.
    """

    body: Tensors
    head: Tensors
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """A set of weights in a file: its label, for `--key`, its prefix, and all tensors beside it."""

    label: str
    prefix: str
    tensors: Tensors

    @property
    def is_whole(self) -> bool:
        sequential = f"{self.prefix}1.running_mean"
        names = (f"{self.prefix}bn1.running_mean", sequential, f"{self.prefix}features.1.bias")
        return any(name in self.tensors for name in names)


def read_checkpoint(path: Path, key: str | None = None) -> Checkpoint:
    """Read the weights in a file of safetensors or `torch.save`.

    Args:
        path: the file.
        key: which weights to take where there are several, such as `state_dict_ema`; None takes
            averaged ones (EMA) if there are any.

    Raises:
        WarmlensError: `not_weights`, `ambiguous_weights`, `no_such_key`, `not_finite`,
            `bad_tensor`, or what :func:`training.safe_load.load_document` raises.
    """
    document = load_document(path)
    found = {label: _pruned(_unwrapped(tensors, path)) for label, tensors in _groups(document)}
    if not found:
        raise WarmlensError("not_weights", f"{path} does not hold tensors by name.")
    candidates = [
        _Candidate(".".join(filter(None, (label, prefix.rstrip(".")))), prefix, tensors)
        for label, tensors in found.items()
        for prefix in _prefixes(tensors)
    ]
    if not candidates:
        most = max(found.values(), key=len)
        return Checkpoint(_finite(most, path)[0], {})
    chosen, notes = _choose(candidates, key, path)
    others = [c.prefix for c in candidates if c.tensors is chosen.tensors and c is not chosen]
    body, head = _parts(chosen, others)
    body, types = _finite(body, path)
    head, more = _finite(head, path)
    if lower := sorted((types | more) - {"float32"}):
        notes += (f"Weights in {', '.join(lower)} are used in float32.",)
    arch = document.get("arch") if isinstance(document, Mapping) else None
    if isinstance(arch, str) and not _KNOWN.fullmatch(arch.lower()):
        notes += (
            f"The file is of {printable(arch)}, and is read as a ResNet of torchvision; if parts "
            "without weights differ, such as pooling, export it to ONNX instead.",
        )
    return Checkpoint(body, head, notes)


def _groups(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Tensors]]:
    """Yield each dict of tensors, with the keys that lead to it, joined by dots."""
    if isinstance(node, list | tuple):
        node = {str(number): value for number, value in enumerate(node)}
    if not isinstance(node, Mapping):
        return
    tensors = {
        name: value
        for name, value in node.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
    if any(not name.isdecimal() for name in tensors):
        yield ".".join(path), tensors
    for name, value in node.items():
        if isinstance(name, str) and len(path) < _DEPTH and not _SKIPPED.match(name):
            yield from _groups(value, (*path, name))


def _unwrapped(tensors: Tensors, path: Path) -> Tensors:
    plain: Tensors = {}
    for name, tensor in tensors.items():
        short = ".".join(part for part in name.split(".") if part not in _WRAPPERS)
        if short in plain:
            raise WarmlensError(
                "ambiguous_weights",
                f"{path} has the tensor {printable(short)} twice, once in a wrapper; save the "
                "weights that you mean alone.",
            )
        plain[short] = tensor
    return plain


def _prefixes(tensors: Tensors) -> list[str]:
    """Return the prefixes of the known networks; a file with a teacher has more than one."""
    found = []
    for name, tensor in tensors.items():
        for end, beside in (
            ("layer1.0.conv1.weight", "conv1.weight"),
            ("4.0.conv1.weight", "0.weight"),
            ("features.0.weight", "fc.weight"),
        ):
            prefix = name.removesuffix(end)
            own = tensor.ndim == 4 and tensor.shape[0] == SMALL_CNN_CHANNELS[0]
            if (
                name.endswith(end)
                and f"{prefix}{beside}" in tensors
                and (not prefix or prefix.endswith("."))
                and (end != "features.0.weight" or own)
            ):
                found.append(prefix)
    return found


def _choose(
    candidates: list[_Candidate], key: str | None, path: Path
) -> tuple[_Candidate, tuple[str, ...]]:
    labels = [printable(candidate.label) or "the top of the file" for candidate in candidates]
    if key is not None:
        for candidate in candidates:
            if key == candidate.label:
                return candidate, (f"Taken: {printable(key)}.",)
        inside = [c for c in candidates if c.label.startswith(f"{key}.")]
        if len(inside) == 1:
            return inside[0], (f"Taken: {printable(inside[0].label)}.",)
        raise WarmlensError(
            "no_such_key",
            f'{path} has no weights under "{printable(key)}"; allowed: {", ".join(labels)}.',
        )
    whole = [candidate for candidate in candidates if candidate.is_whole] or candidates
    averaged = [candidate for candidate in whole if _AVERAGED.search(candidate.label.lower())]
    known = [
        candidate
        for candidate in whole
        if candidate.label.split(".")[0] in _PLAIN_KEYS or not candidate.label
    ]
    for kind, found in (("averaged (EMA)", averaged), ("", whole), ("", known)):
        if len(found) != 1:
            continue
        chosen = found[0]
        rest = [
            label
            for candidate, label in zip(candidates, labels, strict=True)
            if candidate is not chosen
        ]
        if not chosen.label and not rest:
            return chosen, ()
        note = f"Taken: {printable(chosen.label) or 'the top of the file'}"
        note += f", the {kind} weights" if kind else ""
        if rest:
            note += f"; --key takes others instead: {', '.join(rest)}"
        return chosen, (f"{note}.",)
    raise WarmlensError(
        "ambiguous_weights",
        f"{path} has the weights of several networks: {', '.join(labels)}; choose one with --key.",
    )


def _parts(chosen: _Candidate, others: list[str]) -> tuple[Tensors, Tensors]:
    """Return body and head, with names without the prefix; the head may lie outside of it."""
    body: Tensors = {}
    head: Tensors = {}
    prefix = chosen.prefix
    apart = [_diverging(prefix, other) for other in others]
    sequential = f"{prefix}4.0.conv1.weight" in chosen.tensors
    own = f"{prefix}features.0.weight" in chosen.tensors
    for name, tensor in chosen.tensors.items():
        inside = name.startswith(prefix)
        if any(name.startswith(other) and not prefix.startswith(other) for other in apart):
            continue
        short = name.removeprefix(prefix)
        first, _, rest = short.partition(".")
        if inside and sequential and first in _SEQUENTIAL:
            body[f"{_SEQUENTIAL[first]}.{rest}"] = tensor
        elif inside and (_BODY.match(short) or (own and first == "features")):
            body[short] = tensor
        elif not _BESIDE.search(name):
            head[short] = tensor
    return body, head


def _diverging(prefix: str, other: str) -> str:
    """Return the part of another prefix up to where it differs: `teacher.` of `teacher.body.`."""
    parts = other.split(".")
    same = 0
    for own, part in zip(prefix.split("."), parts, strict=False):
        if own != part or not part:
            break
        same += 1
    return ".".join(parts[: same + 1]) + "."


def _pruned(tensors: Tensors) -> Tensors:
    """Return tensors with the masks of torch.nn.utils.prune applied."""
    whole = dict(tensors)
    for name in tensors:
        if name.endswith("_orig") and (mask := f"{name.removesuffix('_orig')}_mask") in tensors:
            whole[name.removesuffix("_orig")] = whole.pop(name) * whole.pop(mask)
    return whole


def _finite(tensors: Tensors, path: Path) -> tuple[Tensors, set[str]]:
    """Return tensors in float32, and the types that they had; counters stay whole numbers."""
    types: set[str] = set()
    made: Tensors = {}
    for name, tensor in tensors.items():
        counter = name.endswith("num_batches_tracked")
        kind = str(tensor.dtype).removeprefix("torch.")
        if counter:
            made[name] = tensor
            continue
        if tensor.is_meta or tensor.layout is not torch.strided:
            raise _bad(path, name, "has no values in this file" if tensor.is_meta else "is sparse")
        if tensor.is_quantized or not tensor.is_floating_point():
            raise _bad(path, name, f"has numbers of the type {kind}, not floating-point weights")
        types.add(kind)
        made[name] = tensor.detach().to(torch.float32).contiguous()
        wrong = int((~torch.isfinite(made[name])).sum())
        if wrong:
            what = "NaN" if bool(torch.isnan(tensor.to(torch.float64)).any()) else "infinity"
            raise WarmlensError(
                "not_finite",
                f"{path}: {wrong:,} of {tensor.numel():,} values of the tensor {printable(name)} "
                f"are {what}, as after a training that diverged; give an earlier checkpoint.",
            )
    return made, types


def _bad(path: Path, name: str, why: str) -> WarmlensError:
    return WarmlensError(
        "bad_tensor",
        f"{path}: the tensor {printable(name)} {why}; save the weights of the network as it was "
        "trained, or export it to ONNX.",
    )
