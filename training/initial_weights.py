"""Where a run's network starts from: random, torchvision's weights, a file, or an earlier run."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

from training.checkpoint import load_weights_file
from training.history import read_history
from training.model_packages import import_model_package, import_torchvision
from training.networks import architecture_of, class_count_of
from training.run_folder import RunFolder
from warmlens.errors import WarmlensError
from warmlens.registry.verify import sha256_of

NONE, TORCHVISION = "none", "torchvision"


@dataclasses.dataclass(frozen=True)
class InitialWeights:
    """Tensors by name (None: random) and what the manifest says about them."""

    tensors: dict[str, Any] | None
    provenance: dict[str, Any]


def initial_weights(source: str, architecture: str) -> InitialWeights:
    """Get the weights that ``source`` names: none, torchvision, a file, or a run's folder.

    Raises:
        WarmlensError: ``offline`` when torchvision's weights cannot be downloaded,
            ``other_architecture``, or what reading a file or a run raises.
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
    """Download torchvision's default ImageNet weights, or take them from torch's cache.

    Raises:
        WarmlensError: ``no_torchvision_weights`` or ``offline``.
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
            f"({error}). This step needs the network; without it, start from a file or from an "
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
    settings = record.settings
    done = Counter(epoch.size for epoch in read_history(run))
    stages = ", ".join(f"{epochs} epochs at {size} px" for size, epochs in done.items())
    if (count := sum(done.values())) < settings.epochs:
        stages += f" (ended after {count} of {settings.epochs})"
    description = (
        f"an earlier run of warmlens, {record.name}: {settings.mode} of {settings.architecture} "
        f"on {record.data['counts']['train']} photos of {len(record.ids)} classes, {stages}, "
        f"seed {settings.seed}; started from {record.initial_weights['description']}"
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
