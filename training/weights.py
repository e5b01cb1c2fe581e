"""Files of weights and checkpoints, and the initial weights of a run."""

import dataclasses
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

from training.history import read_history
from training.model_packages import import_model_package, import_torchvision
from training.networks import architecture_of, class_count_of
from training.run_folder import RunFolder, write_whole
from warmlens.errors import WarmlensError
from warmlens.registry.verify import sha256_of

torch: Any = import_model_package("torch")
safetensors: Any = (
    import_model_package("safetensors"),
    import_model_package("safetensors.torch"),
)[1]

NONE, TORCHVISION = "none", "torchvision"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint: tensors, numbers, texts, and lists and dicts of these."""
    write_whole(path, lambda part: torch.save(state, part))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of :func:`save_checkpoint`.

    Raises:
        WarmlensError: what :func:`load_pickle` raises.
    """
    state: dict[str, Any] = load_pickle(path)
    return state


def save_weights(path: Path, weights: dict[str, Any]) -> None:
    """Write tensors by name as safetensors."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    write_whole(path, lambda part: safetensors.save_file(plain, part))


def load_weights_file(path: Path) -> dict[str, Any]:
    """Read tensors by name from a `.safetensors`, `.pt` or `.pth` file.

    The tensors may be under `state_dict` or `model`, and may be named `module.*`. No code in the
    file is run.

    Raises:
        WarmlensError: `weights_missing`, `bad_weights_type`, `not_weights`, or what
            :func:`load_pickle` raises.
    """
    if not path.is_file():
        raise WarmlensError("weights_missing", f"{path} is not a file; allowed: a file of weights.")
    if path.suffix == ".safetensors":
        try:
            document: Any = safetensors.load_file(path)
        except Exception as error:  # SafetensorError on content, OSError on reading
            raise _unreadable(path, error) from None
    elif path.suffix in (".pt", ".pth"):
        document = load_pickle(path)
    else:
        raise WarmlensError(
            "bad_weights_type", f"{path} ends in {path.suffix}; allowed: .safetensors, .pt, .pth."
        )
    for wrapper in ("state_dict", "model"):
        if isinstance(document, dict) and isinstance(document.get(wrapper), dict):
            document = document[wrapper]
    if not isinstance(document, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in document.items()
    ):
        raise WarmlensError("not_weights", f"{path} does not hold tensors by name.")
    return {name.removeprefix("module."): tensor for name, tensor in document.items()}


def load_pickle(path: Path) -> Any:
    """Read a file of `torch.save` that has only tensors and plain values.

    Raises:
        WarmlensError: `unsafe_pickle` when the file holds anything else,
            `unreadable_weights` when it is damaged.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "nsupported" not in str(error):
            raise _unreadable(path, error) from None
        raise WarmlensError(
            "unsafe_pickle",
            f"{path} would import or run code when read, so it was not read; allowed: "
            "tensors and plain values. Save the weights alone: "
            "torch.save(network.state_dict(), path), or as safetensors.",
        ) from None
    except Exception as error:  # RuntimeError, EOFError and others on damaged files
        raise _unreadable(path, error) from None


@dataclasses.dataclass(frozen=True)
class InitialWeights:
    """The initial weights of a run: tensors by name (None: random) and their provenance."""

    tensors: dict[str, Any] | None
    provenance: dict[str, Any]


def initial_weights(source: str, architecture: str) -> InitialWeights:
    """Return the initial weights of a run.

    Args:
        source: `none`, `torchvision`, a file of weights, or the folder of a run.
        architecture: the network that they must be for.

    Raises:
        WarmlensError: `offline` when torchvision's weights cannot be downloaded,
            `other_architecture`, or what reading a file or a run raises.
    """
    if source == NONE:
        provenance = {"kind": NONE, "description": "random weights, drawn from the seed"}
        return InitialWeights(None, provenance)
    if source == TORCHVISION:
        tensors, description = torchvision_weights(architecture)
        return InitialWeights(tensors, {"kind": TORCHVISION, "description": description})
    path = Path(source)
    if path.is_dir():
        return _from_run(RunFolder(path), architecture)
    tensors = load_weights_file(path)
    _require_architecture(tensors, architecture, path)
    provenance = {"kind": "file", "description": f"the file {path.name}"}
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
    description = (
        f"an earlier run of warmlens, {record.name}: {config.mode} of {config.architecture} "
        f"on {record.data['counts']['train']} photos of {len(record.ids)} classes, {stages}, "
        f"seed {config.seed}; started from {record.initial_weights['description']}"
    )
    provenance = {
        "kind": "run",
        "description": description,
        "sha256": sha256_of(run.best),
        "data_sha256": record.data["sha256"],
    }
    return InitialWeights(tensors, provenance)


def _require_architecture(tensors: dict[str, Any], architecture: str, where: Path) -> None:
    found = architecture_of(tensors, str(where))
    class_count_of(tensors, str(where))
    if found != architecture:
        raise WarmlensError(
            "other_architecture", f"{where} has weights of {found}; this run needs {architecture}."
        )


def _unreadable(path: Path, error: Exception) -> WarmlensError:
    reason = str(error).split("\n", 1)[0].rstrip(".") or type(error).__name__
    return WarmlensError("unreadable_weights", f"{path} is damaged or incomplete: {reason}.")
