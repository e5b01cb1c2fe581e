"""Weights with the names of a ResNet18 and few values, and reading them back."""

from pathlib import Path
from typing import Any

from training.checkpoints import read_checkpoint
from training.heads import read_head
from training.model_packages import import_model_package
from training.networks import architecture_of, build_network

torch: Any = import_model_package("torch")
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


def prefixed(weights: State, prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


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
