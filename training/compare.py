"""The paper's comparison on one's own photos: three ways to a model, with and without augmentation.

Paper, figure 3: an own CNN, a fine-tuned ResNet50, and the same with augmentation. Here ResNet50 is
fine-tuned by its new last layer only and whole, each with and without augmentation.
"""

import dataclasses
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from training.device import pick_device, pick_precision
from training.folder import PhotoFolder, read_photo_folder
from training.loop import Hooks
from training.model_packages import import_model_package
from training.networks import MEAN, STD
from training.pixels import decoded
from training.run_folder import RunFolder
from training.settings import Precision, Stage, settings_for
from training.train import best_network, train
from warmlens.errors import WarmlensError
from warmlens.records import Record, machine, today

torch: Any = import_model_package("torch")
BATCH = 64


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to a model."""

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
    """What to compare: the ResNets train at ``size`` pixels, the own CNN as it does by default.

    ``epochs`` are those of each mode by name; a mode that is not there has its default.
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
    """Train every variant with every seed and measure it on the held-out photos.

    A run that is in ``out`` already is not trained again, so an interrupted comparison goes on.

    Raises:
        WarmlensError: ``data_missing`` when no photos are held out, or what training raises.
    """
    photos = read_photo_folder(comparison.data)
    splits = [name for name in ("test", "hard") if photos.splits.get(name)]
    if not splits:
        raise WarmlensError("data_missing", f"{comparison.data} has no split test to measure on.")
    records: list[Record] = []
    # Seed by seed: what an interruption leaves is a whole comparison of fewer seeds.
    for seed in range(comparison.seeds):
        for variant in VARIANTS:
            on_run(variant.name, seed)
            run = _train(comparison, variant, seed, hooks)
            for split in splits:
                records.append(_measure(comparison, variant, seed, run, photos, split))
    return records


def write_chart(records: list[Record], path: Path) -> None:
    """Draw top-1 of each variant: the mean over its seeds, and every seed as a dot."""
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
    default = settings_for(
        variant.mode, seed=seed, augment=variant.augment, precision="fp32"
    ).stages[-1]
    is_resnet = variant.mode != "small-cnn"
    size = comparison.size if is_resnet else default.size
    train(
        name=out.name,
        data=comparison.data,
        out=out,
        settings=settings_for(
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
    photos: PhotoFolder,
    split: str,
) -> Record:
    settings = run.read().settings
    pixels = decoded(photos.splits[split], settings.final_size, comparison.cache)
    targets = torch.tensor([photo.target for photo in photos.splits[split]])
    return Record(
        name=variant.name,
        metric=f"{split}_top1",
        value=round(100 * _top1(best_network(run), pixels, targets), 2),
        unit="%",
        kind="measured",
        conditions={
            "mode": variant.mode,
            "augment": variant.augment,
            "seed": seed,
            "size_px": settings.final_size,
            "epochs": settings.epochs,
            "photos": len(targets),
            "precision": settings.precision,
        },
        command=comparison.command,
        machine=machine(),
        date=today(),
    )


def _top1(network: Any, pixels: Path, targets: Any) -> float:
    stored = np.load(pixels, mmap_mode="r")
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    device = pick_device()
    network = network.to(device)
    hits = 0
    with torch.inference_mode():
        for start in range(0, len(stored), BATCH):
            images = torch.from_numpy(stored[start : start + BATCH].copy()).permute(0, 3, 1, 2)
            logits = network(((images - mean) / std).to(device)).cpu()
            hits += int((logits.argmax(1) == targets[start : start + BATCH]).sum())
    return hits / len(stored)
