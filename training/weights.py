"""Files of weights and checkpoints, and the initial weights of a run."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

from training.checkpoints import Checkpoint, read_checkpoint
from training.config import LITES
from training.efficientnet_lite import imagenet_weights
from training.file_kinds import kind_of
from training.history import read_history
from training.model_packages import import_model_package, import_torchvision
from training.networks import architecture_of
from training.run_folder import RunFolder, write_whole
from training.safe_load import load_pickle
from warmlens.errors import WarmlensError
from warmlens.registry.verify import sha256_of

torch: Any = import_model_package("torch")
safetensors: Any = (
    import_model_package("safetensors"),
    import_model_package("safetensors.torch"),
)[1]

NONE, TORCHVISION, IMAGENET = "none", "torchvision", "imagenet"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint: tensors, numbers, texts, and lists and dicts of these."""
    write_whole(path, lambda part: torch.save(state, part))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of :func:`save_checkpoint`.

    Raises:
        WarmlensError: what :func:`training.safe_load.load_pickle` raises.
    """
    state: dict[str, Any] = load_pickle(path)
    return state


def save_weights(path: Path, weights: dict[str, Any]) -> None:
    """Write tensors by name as safetensors."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    write_whole(path, lambda part: safetensors.save_file(plain, part))


def load_weights_file(path: Path) -> dict[str, Any]:
    """Read the weights of a known network by torchvision's names, with its head under `fc`.

    A head of several layers keeps its own names, behind `fc.`.

    Raises:
        WarmlensError: what :func:`training.checkpoints.read_checkpoint` raises.
    """
    if kind_of(path) == "safetensors":
        tensors: dict[str, Any] = safetensors.load_file(path)
        if "body.conv_stem.weight" in tensors:  # of this project alone
            return tensors
    return _tensors(read_checkpoint(path))


def _tensors(checkpoint: Checkpoint) -> dict[str, Any]:
    head = checkpoint.head
    plain = {name.rpartition(".")[2] for name in head} <= {"weight", "bias"} and len(head) < 3
    named = {f"fc.{name.rpartition('.')[2] if plain else name}": head[name] for name in head}
    return {**checkpoint.body, **named}


@dataclasses.dataclass(frozen=True)
class InitialWeights:
    """The initial weights of a run: tensors by name (None: random) and their provenance.

    `taught_ids` are the classes that a teacher taught them: training on the same classes keeps the
    last layer.
    """

    tensors: dict[str, Any] | None
    provenance: dict[str, Any]
    taught_ids: tuple[str, ...] | None = None


def initial_weights(source: str, architecture: str) -> InitialWeights:
    """Return the initial weights of a run.

    Args:
        source: `none`, `imagenet`, a file of weights, or the folder of a run. ImageNet weights of
            a ResNet are torchvision's, those of an EfficientNet-Lite come with a package.
        architecture: the network that they must be for.

    Raises:
        WarmlensError: `offline` when torchvision's weights cannot be downloaded,
            `other_architecture`, or what reading a file or a run raises.
    """
    if source == NONE:
        provenance = {"kind": NONE, "description": "random weights, drawn from the seed"}
        return InitialWeights(None, provenance)
    if source == IMAGENET and architecture in LITES:
        tensors, description = imagenet_weights(architecture)
        return InitialWeights(tensors, {"kind": "package", "description": description})
    if source == IMAGENET:
        tensors, description = torchvision_weights(architecture)
        return InitialWeights(tensors, {"kind": TORCHVISION, "description": description})
    path = Path(source)
    if path.is_dir():
        return _from_run(RunFolder(path), architecture)
    checkpoint = read_checkpoint(path)
    tensors = _tensors(checkpoint)
    _require_architecture(tensors, architecture, path)
    notes = "".join(f" ({note.rstrip('.')})" for note in checkpoint.notes)
    provenance = {"kind": "file", "description": f"the file {path.name}{notes}"}
    return InitialWeights(tensors, {**provenance, "sha256": sha256_of(path)})


def torchvision_weights(architecture: str) -> tuple[dict[str, Any], str]:
    """Return torchvision's default ImageNet weights, downloaded or from torch's cache.

    Raises:
        WarmlensError: `no_torchvision_weights` or `offline`.
    """
    import_torchvision()
    models = import_model_package("torchvision.models")
    try:
        weights = models.get_model_weights(architecture).DEFAULT
    except ValueError:
        raise WarmlensError(
            "no_torchvision_weights",
            f"torchvision has no weights of {architecture}; allowed: --pretrained none, a file "
            "or an earlier run.",
        ) from None
    try:
        tensors: dict[str, Any] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise WarmlensError(
            "offline",
            f"torchvision's weights of {architecture} could not be downloaded from {weights.url} "
            f"({error}). This step needs the network; without it, start from a file or an "
            "earlier run.",
        ) from None
    version = import_model_package("torchvision").__version__
    return tensors, f"{weights} of torchvision {version} (BSD-3-Clause), trained on ImageNet"


def _from_run(run: RunFolder, architecture: str) -> InitialWeights:
    record = run.read()
    if not run.best.exists():
        raise WarmlensError(
            "run_unfinished", f"{run.path} has no weights yet; finish that run first."
        )
    tensors = load_weights_file(run.best)
    _require_architecture(tensors, architecture, run.path)
    config = record.config
    done = Counter(epoch.size for epoch in read_history(run))
    stages = ", ".join(f"{epochs} epochs at {size} px" for size, epochs in done.items())
    if (count := sum(done.values())) < config.epochs:
        stages += f" (ended after {count} of {config.epochs})"
    photos = f"{record.data['counts']['train']} photos"
    if record.teacher is None:
        photos += f" of {len(record.ids)} classes"
    else:
        taught = f"the {len(record.ids)} classes" if record.ids else "the features"
        photos += f" without classes, which learned {taught} of a teacher"
        photos += f" ({record.teacher['description']})"
    description = (
        f"an earlier run of warmlens, {record.name}: {config.mode} of {config.architecture} "
        f"on {photos}, {stages}, "
        f"seed {config.seed}; started from {record.initial_weights['description']}"
    )
    provenance = {
        "kind": "run",
        "description": description,
        "sha256": sha256_of(run.best),
        "data_sha256": record.data["sha256"],
    }
    taught_ids = record.ids if record.teacher is not None else None
    return InitialWeights(tensors, provenance, taught_ids)


def _require_architecture(tensors: dict[str, Any], architecture: str, where: Path) -> None:
    found = architecture_of(tensors, str(where))
    if found != architecture:
        raise WarmlensError(
            "other_architecture", f"{where} has weights of {found}; this run needs {architecture}."
        )
