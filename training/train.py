"""Training of a network on a folder of photos."""

import dataclasses
import platform
import shlex
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from training.batches import stored_side
from training.config import TrainingConfig
from training.dataset import Dataset, read_dataset
from training.device import pick_device
from training.history import Epoch
from training.loop import Hooks, StageData, TrainingData, TrainingLoop
from training.model_packages import import_model_package
from training.networks import build_network, load_weights
from training.objectives import Objective, labels
from training.pixels import OnDecoded, decode_photos
from training.run_folder import RunFolder, RunRecord
from training.weights import InitialWeights, initial_weights
from warmlens.errors import WarmlensError
from warmlens.processors import usable_processors

torch: Any = import_model_package("torch")

VERSIONED_PACKAGES = ("numpy", "pillow", "safetensors", "torch", "torchvision")


@dataclasses.dataclass(frozen=True)
class RunRequest:
    """The parameters of a run, whatever its network learns.

    Attributes:
        name: name of the run, for the record.
        out: folder of the run.
        config: configuration of the run.
        pretrained: `none`, `imagenet`, a file of weights, or the folder of an earlier run.
        command: the command line, for the record.
        cache: folder of decoded photos, shared by runs.
        workers: processes that load batches; None chooses a number.
        threads: compute threads; None is torch's choice, one for each core. They wait for each
            other many times a step, so 1 is faster while other programs use the cores.
        checkpoint_s: seconds between checkpoints within an epoch.
        hooks: callbacks of the training loop.
        on_decoded: called with the number of decoded photos and of all photos.
        on_start: called with the photos before they are decoded.
    """

    name: str
    out: Path
    config: TrainingConfig
    pretrained: str
    command: str
    cache: Path
    workers: int | None = None
    threads: int | None = None
    checkpoint_s: float = 300
    hooks: Hooks = dataclasses.field(default_factory=Hooks)
    on_decoded: OnDecoded | None = None
    on_start: Callable[[Dataset], None] = lambda photos: None


def train(request: RunRequest, data: Path) -> list[Epoch]:
    """Train a network on labelled photos, or continue the request's run.

    Args:
        request: the parameters of the run.
        data: folder of photos.

    Returns:
        The measurements of every epoch, including those before an interruption.

    Raises:
        WarmlensError: invalid data, configuration, weights or checkpoint; only decoded photos are
            written then.
    """
    use_threads(request.threads)
    photos = read_dataset(data)
    start = initial_weights(request.pretrained, request.config.architecture)
    network = initial_network(
        request.config, len(photos.ids), start, keep_head=start.taught_ids == photos.ids
    )
    request.on_start(photos)
    objective = labels(request.config.label_smoothing)
    record = run_record(request, photos, start, classes=(photos.ids, photos.labels))
    try:
        return train_network(request, photos, network, objective, record, pick_device())
    except WarmlensError as error:
        if error.code != "unreadable_photo":
            raise
        every = f"`warmlens model data check {shlex.quote(str(data))}` lists every such photo."
        raise WarmlensError(error.code, f"{error.message} {every}") from None


def train_network(
    request: RunRequest,
    photos: Dataset,
    network: Any,
    objective: Objective,
    record: RunRecord,
    device: Any,
) -> list[Epoch]:
    """Train a network with an objective, or continue the request's run.

    Args:
        request: the parameters of the run.
        photos: the photos.
        network: the network with the run's initial weights.
        objective: what the network learns.
        record: from :func:`run_record`.
        device: device of the training.

    Returns:
        The measurements of every epoch, including those before an interruption.

    Raises:
        WarmlensError: `unreadable_photo`, `run_in_use`, or an invalid checkpoint.
    """
    pixels = _training_data(photos, request.config, request.cache, request.on_decoded)
    run = RunFolder(request.out)
    workers = _workers(device, request.config) if request.workers is None else request.workers
    with run.held():
        run.begin(record)
        training = TrainingLoop(
            run,
            request.config,
            pixels,
            network,
            objective=objective,
            device=device,
            workers=workers,
            checkpoint_s=request.checkpoint_s,
            hooks=request.hooks,
        )
        return training.run()


def best_network(run: RunFolder) -> Any:
    """Return the network of a run with its best weights, on the CPU, ready to infer.

    Raises:
        WarmlensError: `no_run`, `run_unfinished`, `run_of_teacher`, or what reading the weights
            raises.
    """
    record = run.read()
    if record.teacher is not None:
        raise WarmlensError(
            "run_of_teacher",
            f"{run.path} was pretrained with a teacher and has no classes of its own photos yet; "
            f"fine-tune it first: warmlens model train --pretrained {run.path}.",
        )
    start = initial_weights(str(run.path), record.config.architecture)
    network = build_network(record.config.architecture, len(record.ids))
    load_weights(network, start.tensors or {}, new_head=False, where=str(run.best))
    return network.eval()


def _workers(device: Any, config: TrainingConfig) -> int:
    """Return the number of processes that load batches.

    It is 0 without augmentation, where loading only copies pixels, and on a CPU, where other
    processes would take time from the training itself.
    """
    if not config.augment or device.type == "cpu":
        return 0
    return min(8, usable_processors())


def use_threads(threads: int | None) -> None:
    """Set the number of compute threads; None leaves torch's choice.

    Raises:
        WarmlensError: `bad_setting`.
    """
    if threads is not None:
        if threads < 1:
            raise WarmlensError("bad_setting", f"threads is {threads}; allowed: 1 or more.")
        torch.set_num_threads(threads)


def initial_network(
    config: TrainingConfig, outputs: int, start: InitialWeights, *, keep_head: bool
) -> Any:
    """Return the network of a run before its first step.

    Args:
        config: configuration of the run.
        outputs: number of outputs of the last layer.
        start: the run's initial weights.
        keep_head: take the last layer from these weights too, instead of a random one.

    Raises:
        WarmlensError: `unknown_architecture`, or `weights_differ`.
    """
    torch.manual_seed(config.seed)
    network = build_network(config.architecture, outputs, to_train=True)
    if start.tensors is not None:
        where = start.provenance["description"]
        load_weights(network, start.tensors, new_head=not keep_head, where=where)
    return network


def _training_data(
    photos: Dataset, config: TrainingConfig, cache: Path, on_decoded: OnDecoded | None
) -> TrainingData:
    """Return the photos of a run, decoded at the sizes of its stages.

    Raises:
        WarmlensError: `unreadable_photo`.
    """
    train, val = photos.splits["train"], photos.splits["val"]
    sizes = {stage.size: config.crop_size(stage.size) for stage in config.stages}
    # One file for all sizes: smaller inputs are crops of the largest photos.
    largest = stored_side(max(sizes.values()))
    stored = decode_photos(train, largest, cache, on_decoded) if config.augment else None
    return TrainingData(
        by_size={
            size: StageData(
                train=stored or decode_photos(train, crop, cache, on_decoded),
                val=decode_photos(val, crop, cache, on_decoded),
            )
            for size, crop in sorted(sizes.items())
        },
        train_targets=[photo.target for photo in train],
        val_targets=[photo.target for photo in val],
    )


def run_record(
    request: RunRequest,
    photos: Dataset,
    start: InitialWeights,
    *,
    classes: tuple[tuple[str, ...], tuple[str, ...]],
    teacher: dict[str, Any] | None = None,
) -> RunRecord:
    """Return the record of a run.

    Args:
        request: the parameters of the run.
        photos: its photos.
        start: its initial weights.
        classes: ids and labels of the classes that it learns.
        teacher: provenance of the teacher, if it has one.
    """
    return RunRecord(
        name=request.name,
        config=request.config,
        ids=classes[0],
        labels=classes[1],
        data={"path": str(photos.root), "sha256": photos.sha256, "counts": photos.counts},
        initial_weights=start.provenance,
        command=request.command,
        versions={
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in VERSIONED_PACKAGES},
        },
        teacher=teacher,
    )
