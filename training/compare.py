"""Comparison of training modes on the same photos, with and without augmentation.

It repeats figure 3 of the paper: a small CNN, a fine-tuned ResNet50, and the same with
augmentation. Here ResNet50 is fine-tuned whole, or its last layer alone, and compared with other
networks as well.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from training.comparison_records import (
    PHOTOS,
    VARIANTS,
    Variant,
    photos_conditions,
    photos_of,
    run_records,
)
from training.config import Precision, TrainingConfig, config_for, stages_for
from training.dataset import Dataset, read_dataset
from training.device import pick_device, pick_precision
from training.groups import read_groups
from training.history import read_history
from training.loop import Hooks
from training.model_packages import import_model_package
from training.networks import normalization_of
from training.pixels import decode_photos
from training.run_folder import RunFolder
from training.train import RunRequest, best_network, train
from warmlens.errors import WarmlensError
from warmlens.records import Record, machine, today

torch: Any = import_model_package("torch")
BATCH = 64


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The parameters of a comparison.

    Attributes:
        data: folder of photos.
        pretrained: initial weights of the ResNets. EfficientNet-Lites start from ImageNet's.
        out: folder of the runs.
        seeds: runs of each variant.
        size: side of the input in pixels; the small CNN has its default.
        epochs: by mode; a mode that it lacks has its default.
        command: the command line, for the records.
        cache: folder of decoded photos.
        precision: precision of the computation.
        variants: what is trained.
        mirror: augmentation also mirrors photos.
        runs: folders of finished runs, which are measured as well.
        run_size: side of the photos in pixels that these are measured at; None is that of the
            last stage of their training.
    """

    data: Path
    pretrained: str
    out: Path
    seeds: int
    size: int
    epochs: dict[str, int]
    command: str
    cache: Path
    precision: Precision | Literal["auto"] = "auto"
    variants: tuple[Variant, ...] = VARIANTS
    mirror: bool = False
    runs: tuple[Path, ...] = ()
    run_size: int | None = None


def compare(
    comparison: Comparison,
    on_run: Callable[[str, int], None] = lambda name, seed: None,
    hooks: Hooks | None = None,
    known: Sequence[Record] = (),
    keep: Callable[[list[Record]], None] = lambda records: None,
) -> list[Record]:
    """Train every variant with every seed and evaluate it on the test photos.

    A run that exists, or whose records are known, is not trained again, so that an interrupted
    comparison continues.

    Args:
        comparison: the request.
        on_run: called with the variant's name and the seed before each run.
        hooks: callbacks of the training loop.
        known: records of runs on the same photos.
        keep: called with all records after each run.

    Returns:
        The known records and the new ones.

    Raises:
        WarmlensError: `data_missing` without test photos, `other_data` when a run or known records
            are of other photos, `run_unfinished`, or what training raises.
    """
    photos = read_dataset(comparison.data)
    splits = [name for name in ("test", "hard") if photos.splits.get(name)]
    if not splits:
        raise WarmlensError("data_missing", f"{comparison.data} has no folder test to evaluate on.")
    _require_same(known, photos, splits)
    records = list(known) or [_photos(comparison, photos, split) for split in splits]
    for path in comparison.runs:
        _require_finished(RunFolder(path), photos)

    def measure(run: RunFolder, variant: Variant, identity: dict[str, Any]) -> None:
        if not _measured(records, identity):
            for split in splits:
                records.extend(_measure(comparison, variant, run, photos, split, identity, records))
            keep(records)

    for path in comparison.runs:
        run = RunFolder(path)
        config = run.read().config
        variant = Variant(config.mode, config.augment)
        on_run(path.name, config.seed)
        measure(run, variant, _identity(run, config, variant, None, comparison.run_size))
    # All variants of a seed first: an interruption leaves a complete comparison of fewer seeds.
    for seed in range(comparison.seeds):
        for variant in comparison.variants:
            config = _config(comparison, variant, seed)
            pretrained = _pretrained(comparison, variant)
            run = RunFolder(comparison.out / f"{variant.slug}-{seed}")
            identity = _identity(run, config, variant, pretrained)
            if not _measured(records, identity):
                on_run(variant.name, seed)
                request = RunRequest(
                    name=run.path.name,
                    out=run.path,
                    config=config,
                    pretrained=pretrained,
                    command=comparison.command,
                    cache=comparison.cache,
                    hooks=hooks or Hooks(),
                )
                train(request, comparison.data)
                measure(run, variant, identity)
    return records


def _pretrained(comparison: Comparison, variant: Variant) -> str:
    if variant.mode == "small-cnn":
        return "none"
    return comparison.pretrained if variant.mode.startswith("resnet") else "imagenet"


def _config(comparison: Comparison, variant: Variant, seed: int) -> TrainingConfig:
    mode = variant.mode
    size = None if mode == "small-cnn" else comparison.size
    return config_for(
        mode,
        seed=seed,
        augment=variant.augment,
        precision=pick_precision(comparison.precision, pick_device()),
        stages=stages_for(mode, size, comparison.epochs.get(mode)),
        patience=0,
        mirror=comparison.mirror and variant.augment,
    )


def _require_same(known: Sequence[Record], photos: Dataset, splits: list[str]) -> None:
    for record in known:
        if record.name == PHOTOS and record.conditions["data_sha256"] != photos.sha256:
            raise WarmlensError(
                "other_data",
                f"The records are of other photos than those in {photos.root}. Name another file.",
            )
    described = {record.metric for record in known if record.name == PHOTOS}
    if known and not {f"{split}_photos" for split in splits} <= described:
        raise WarmlensError(
            "other_data", "The records do not say which photos they are of. Name another file."
        )


def _require_finished(run: RunFolder, photos: Dataset) -> None:
    record = run.read()
    if record.data["sha256"] != photos.sha256:
        raise WarmlensError(
            "other_data",
            f"{run.path} was trained on other photos than those in {photos.root}; leave it out.",
        )
    done = len(read_history(run))
    if done < record.config.epochs and not record.config.patience:
        raise WarmlensError(
            "run_unfinished",
            f"{run.path} has {done} of {record.config.epochs} epochs; finish it first.",
        )


def _photos(comparison: Comparison, photos: Dataset, split: str) -> Record:
    targets = [photo.target for photo in photos.splits[split]]
    return Record(
        name=PHOTOS,
        metric=f"{split}_photos",
        value=len(targets),
        unit="photos",
        kind="measured",
        conditions=photos_conditions(
            photos.ids, targets, read_groups(photos.root, photos.ids), photos.sha256
        ),
        command=comparison.command,
        machine=machine(),
        date=today(),
    )


def _identity(
    run: RunFolder,
    config: TrainingConfig,
    variant: Variant,
    pretrained: str | None,
    size: int | None = None,
) -> dict[str, Any]:
    """Return the conditions that identify a run in the records.

    `pretrained` is None for a finished run, which may be measured at another size in pixels than
    that of its last stage.
    """
    return {
        "run": run.path.name,
        "variant": variant.slug,
        "mode": config.mode,
        "augment": config.augment,
        "mirror": config.mirror,
        "seed": config.seed,
        "stages": ", ".join(f"{stage.epochs} epochs at {stage.size} px" for stage in config.stages),
        "pretrained": pretrained,
        "size_px": size or config.final_size,
    }


def _measured(records: list[Record], identity: dict[str, Any]) -> bool:
    return any(identity.items() <= record.conditions.items() for record in records)


def _measure(
    comparison: Comparison,
    variant: Variant,
    run: RunFolder,
    photos: Dataset,
    split: str,
    identity: dict[str, Any],
    records: list[Record],
) -> list[Record]:
    record = run.read()
    config = record.config
    pixels = decode_photos(photos.splits[split], identity["size_px"], comparison.cache)
    answers = _answers(best_network(run), config.architecture, pixels)
    conditions = {
        **identity,
        "initial_weights_kind": record.initial_weights["kind"],
        "initial_weights": record.initial_weights["description"],
        "epochs": config.epochs,
        "precision": config.precision,
        "minutes": round(sum(epoch.seconds for epoch in read_history(run)) / 60, 1),
    }
    return run_records(
        variant,
        split,
        photos_of(records, split),
        answers,
        conditions=conditions,
        command=comparison.command,
    )


def _answers(network: Any, architecture: str, pixels: Path) -> list[int]:
    """Return the best class of each photo."""
    stored = np.load(pixels, mmap_mode="r")
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in normalization_of(architecture))
    device = pick_device()
    network = network.to(device)
    answers: list[int] = []
    with torch.inference_mode():
        for start in range(0, len(stored), BATCH):
            images = torch.from_numpy(stored[start : start + BATCH].copy()).permute(0, 3, 1, 2)
            logits = network(((images - mean) / std).to(device))
            answers += logits.argmax(1).tolist()
    return answers
