"""A whole training run: folder of photos and settings in, run folder with best weights out."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from training.augment import stored_side
from training.device import pick_device
from training.folder import PhotoFolder, read_photo_folder
from training.history import Epoch
from training.initial_weights import InitialWeights, initial_weights
from training.loop import Hooks, StageData, Training, TrainingData
from training.model_packages import import_model_package
from training.networks import build_network, load_weights
from training.pixels import OnDecoded, decoded
from training.run_folder import RunFolder, RunRecord
from training.settings import Settings
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")

VERSIONED_PACKAGES = ("numpy", "pillow", "safetensors", "torch", "torchvision")


def train(
    *,
    name: str,
    data: Path,
    out: Path,
    settings: Settings,
    pretrained: str,
    command: str,
    cache: Path,
    workers: int | None = None,
    threads: int | None = None,
    checkpoint_s: float = 300,
    hooks: Hooks | None = None,
    on_decoded: OnDecoded | None = None,
) -> list[Epoch]:
    """Train as ``settings`` say, or go on with the run that ``out`` holds.

    Args:
        pretrained: ``none``, ``torchvision``, a file of weights, or the folder of an earlier run.
        command: what the person asked for, for the record.
        cache: folder for decoded photos; files there are used again by later runs.
        workers: processes that load batches; None picks a number.
        threads: compute threads; None leaves torch's choice, one for each core. They wait for each
            other many times a step, so while other programs use the cores 1 is faster.

    Returns:
        The measurements of every epoch, also of those before an interruption.

    Raises:
        WarmlensError: bad data, settings, weights or checkpoint; nothing is written then, but for
            decoded photos.
    """
    if threads is not None:
        if threads < 1:
            raise WarmlensError("bad_setting", f"threads is {threads}; allowed: 1 or more.")
        torch.set_num_threads(threads)
    photos = read_photo_folder(data)
    start = initial_weights(pretrained, settings.architecture)
    network = _network(settings, len(photos.ids), start)
    pixels = _training_data(photos, settings, cache, on_decoded)
    run = RunFolder(out)
    run.begin(_record(name, photos, settings, start, command))
    device = pick_device()
    training = Training(
        run,
        settings,
        pixels,
        network,
        device=device,
        workers=default_workers(device, settings) if workers is None else workers,
        checkpoint_s=checkpoint_s,
        hooks=hooks or Hooks(),
    )
    return training.run()


def best_network(run: RunFolder) -> Any:
    """Return the network of a run with its best weights, on the CPU, ready to infer.

    Raises:
        WarmlensError: ``no_run``, ``run_unfinished``, or what reading the weights raises.
    """
    record = run.read()
    start = initial_weights(str(run.path), record.settings.architecture)
    network = build_network(record.settings.architecture, len(record.ids))
    load_weights(network, start.tensors or {}, new_head=False, where=str(run.best))
    return network.eval()


def default_workers(device: Any, settings: Settings) -> int:
    """Return how many processes load batches: none where only stored pixels are copied.

    On a CPU a second process would take time from the training itself, whose threads wait for
    each other; a GPU leaves the cores free.
    """
    if not settings.augment or device.type == "cpu":
        return 0
    return min(8, os.cpu_count() or 1)


def _network(settings: Settings, class_count: int, start: InitialWeights) -> Any:
    torch.manual_seed(settings.seed)
    network = build_network(settings.architecture, class_count, to_train=True)
    if start.tensors is not None:
        load_weights(network, start.tensors, new_head=True, where=start.provenance["description"])
    return network


def _training_data(
    photos: PhotoFolder, settings: Settings, cache: Path, on_decoded: OnDecoded | None
) -> TrainingData:
    train, val = photos.splits["train"], photos.splits["val"]
    sizes = {stage.size for stage in settings.stages}
    # One file for all sizes: a smaller crop of the largest stored pixels is as good.
    stored = (
        decoded(train, stored_side(max(sizes)), cache, on_decoded) if settings.augment else None
    )
    return TrainingData(
        by_size={
            size: StageData(
                train=stored or decoded(train, size, cache, on_decoded),
                val=decoded(val, size, cache, on_decoded),
            )
            for size in sorted(sizes)
        },
        train_targets=[photo.target for photo in train],
        val_targets=[photo.target for photo in val],
    )


def _record(
    name: str, photos: PhotoFolder, settings: Settings, start: InitialWeights, command: str
) -> RunRecord:
    return RunRecord(
        name=name,
        settings=settings,
        ids=photos.ids,
        labels=photos.labels,
        data={"path": str(photos.root), "sha256": photos.sha256, "counts": photos.counts},
        initial_weights=start.provenance,
        command=command,
        versions={
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in VERSIONED_PACKAGES},
        },
    )
