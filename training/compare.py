"""Comparison of training modes on the same photos, with and without augmentation.

It repeats figure 3 of the paper: a small CNN, a fine-tuned ResNet50, and the same with
augmentation. Here ResNet50 is fine-tuned whole, or its last layer alone.
"""

import dataclasses
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from training.config import Precision, Stage, config_for
from training.dataset import Dataset, read_dataset
from training.device import pick_device, pick_precision
from training.loop import Hooks
from training.model_packages import import_model_package
from training.networks import normalization_of
from training.pixels import decode_photos
from training.run_folder import RunFolder
from training.train import best_network, train
from warmlens.errors import WarmlensError
from warmlens.records import Record, machine, today

torch: Any = import_model_package("torch")
BATCH = 64


@dataclasses.dataclass(frozen=True)
class Variant:
    """A training mode, with or without augmentation."""

    name: str
    mode: str
    augment: bool


VARIANTS = (
    Variant("own CNN", "small-cnn", True),
    Variant("ResNet50, last layer", "resnet50-head", False),
    Variant("ResNet50, last layer, augmented", "resnet50-head", True),
    Variant("ResNet50, whole", "resnet50-full", False),
    Variant("ResNet50, whole, augmented", "resnet50-full", True),
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The parameters of a comparison.

    The ResNets train at `size` pixels, the small CNN at its default size. `epochs` are by mode; a
    mode that it lacks has its default.
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


def compare(
    comparison: Comparison,
    on_run: Callable[[str, int], None] = lambda name, seed: None,
    hooks: Hooks | None = None,
) -> list[Record]:
    """Train every variant with every seed and evaluate it on the test photos.

    A run that exists is not trained again, so that an interrupted comparison continues.

    Args:
        comparison: the request.
        on_run: called with the variant's name and the seed before each run.
        hooks: callbacks of the training loop.

    Raises:
        WarmlensError: `data_missing` without test photos, or what training raises.
    """
    photos = read_dataset(comparison.data)
    splits = [name for name in ("test", "hard") if photos.splits.get(name)]
    if not splits:
        raise WarmlensError("data_missing", f"{comparison.data} has no folder test to evaluate on.")
    records: list[Record] = []
    # All variants of a seed first: an interruption leaves a complete comparison of fewer seeds.
    for seed in range(comparison.seeds):
        for variant in VARIANTS:
            on_run(variant.name, seed)
            run = _train(comparison, variant, seed, hooks)
            for split in splits:
                records.append(_measure(comparison, variant, seed, run, photos, split))
    return records


def write_chart(records: list[Record], path: Path) -> None:
    """Draw each variant's top-1 accuracy: the mean of its seeds, and each seed as a dot."""
    figure = import_model_package("matplotlib.figure").Figure(
        figsize=(8, 3.6), layout="constrained"
    )
    axes = figure.subplots()
    names = [variant.name for variant in VARIANTS]
    metrics = sorted({record.metric for record in records}, key=lambda each: "hard" in each)
    height = 0.8 / len(metrics)
    for number, metric in enumerate(metrics):
        for row, name in enumerate(names):
            values = _values(records, name, metric)
            y = row + (number - (len(metrics) - 1) / 2) * height
            color = f"C{number}"
            label = metric.removesuffix("_top1").replace("_", " ") if row == 0 else None
            axes.barh(
                y, statistics.mean(values), height * 0.9, color=color, alpha=0.55, label=label
            )
            axes.plot(values, [y] * len(values), "k.", markersize=4)
            axes.text(
                statistics.mean(values) + 1.2, y, f"{statistics.mean(values):.1f}", va="center",
                fontsize=8,
            )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 106), xlabel="top-1 in %: mean, each dot a seed")
    figure.legend(loc="outside upper right", ncols=len(metrics), frameon=False)
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)


def summary(records: list[Record]) -> Iterator[tuple[str, str, float, float, float, int]]:
    """Yield variant, metric, mean, lowest, highest and number of seeds."""
    for variant in VARIANTS:
        for metric in dict.fromkeys(record.metric for record in records):
            values = _values(records, variant.name, metric)
            yield (
                variant.name, metric, statistics.mean(values), min(values), max(values),
                len(values),
            )  # fmt: skip


def _values(records: list[Record], name: str, metric: str) -> list[float]:
    return [record.value for record in records if (record.name, record.metric) == (name, metric)]


def _train(comparison: Comparison, variant: Variant, seed: int, hooks: Hooks | None) -> RunFolder:
    word = "augmented" if variant.augment else "plain"
    out = comparison.out / f"{variant.mode}-{word}-{seed}"
    epochs = comparison.epochs.get(variant.mode)
    default = config_for(variant.mode, seed=seed, augment=variant.augment, precision="fp32").stages[
        -1
    ]
    is_resnet = variant.mode != "small-cnn"
    size = comparison.size if is_resnet else default.size
    train(
        name=out.name,
        data=comparison.data,
        out=out,
        config=config_for(
            variant.mode,
            seed=seed,
            augment=variant.augment,
            precision=pick_precision(comparison.precision, pick_device()),
            stages=(Stage(size, default.epochs if epochs is None else epochs),),
            patience=0,
        ),
        pretrained=comparison.pretrained if is_resnet else "none",
        command=comparison.command,
        cache=comparison.cache,
        hooks=hooks,
    )
    return RunFolder(out)


def _measure(
    comparison: Comparison,
    variant: Variant,
    seed: int,
    run: RunFolder,
    photos: Dataset,
    split: str,
) -> Record:
    config = run.read().config
    pixels = decode_photos(photos.splits[split], config.final_size, comparison.cache)
    targets = torch.tensor([photo.target for photo in photos.splits[split]])
    return Record(
        name=variant.name,
        metric=f"{split}_top1",
        value=round(100 * _top1(best_network(run), config.architecture, pixels, targets), 2),
        unit="%",
        kind="measured",
        conditions={
            "mode": variant.mode,
            "augment": variant.augment,
            "seed": seed,
            "size_px": config.final_size,
            "epochs": config.epochs,
            "photos": len(targets),
            "precision": config.precision,
        },
        command=comparison.command,
        machine=machine(),
        date=today(),
    )


def _top1(network: Any, architecture: str, pixels: Path, targets: Any) -> float:
    stored = np.load(pixels, mmap_mode="r")
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in normalization_of(architecture))
    device = pick_device()
    network = network.to(device)
    hits = 0
    with torch.inference_mode():
        for start in range(0, len(stored), BATCH):
            images = torch.from_numpy(stored[start : start + BATCH].copy()).permute(0, 3, 1, 2)
            logits = network(((images - mean) / std).to(device)).cpu()
            hits += int((logits.argmax(1) == targets[start : start + BATCH]).sum())
    return hits / len(stored)
