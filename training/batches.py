"""The batches of a run: which photos, in which order, changed in which way.

All of it follows from the seed and the number of the batch, so that a run that was killed goes on
with the very batches that it would have had.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from training.augment import augmentation
from training.model_packages import import_model_package

torch: Any = import_model_package("torch")


class PixelSet:
    """Stored pixels and their classes, as the data set of a torch DataLoader.

    An item is asked for by ``(epoch, index)``: its augmentation is drawn anew in each epoch.
    """

    def __init__(self, path: Path, targets: list[int], seed: int, augment_to: int | None) -> None:
        self._path = path
        self._targets = targets
        self._seed = seed
        self._augment_to = augment_to
        self._pixels: Any = None
        self._transform: Any = None

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Any, int]:
        epoch, index = item
        if self._pixels is None:
            # Opened in the process that reads: a mapping does not travel between processes.
            self._pixels = np.load(self._path, mmap_mode="r")
        image = torch.from_numpy(self._pixels[index].copy()).permute(2, 0, 1)
        if self._augment_to is not None:
            if self._transform is None:
                self._transform = augmentation(self._augment_to)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(_seed(self._seed, epoch, index))
                image = self._transform(image)
        return image, self._targets[index]


class FeatureSet:
    """The last layer's inputs, computed once, where only the last layer is trained."""

    def __init__(self, features: Any, targets: list[int]) -> None:
        self._features = features
        self._targets = targets

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Any, int]:
        return self._features[item[1]], self._targets[item[1]]


def batches_per_epoch(images: int, batch_size: int) -> int:
    """Return how many full batches an epoch has; a rest is left out, another one each epoch."""
    return max(1, images // batch_size)


def batch_order(
    images: int, batch_size: int, seed: int, *, epochs: range, first_batch: int
) -> Iterator[list[tuple[int, int]]]:
    """Yield the ``(epoch, index)`` of each batch's items, from ``first_batch`` of the first epoch.

    Args:
        images: number of images in the set.
        epochs: the epochs to go through, numbered over the whole run.
    """
    count = batches_per_epoch(images, batch_size)
    size = min(batch_size, images)
    for epoch in epochs:
        order = np.random.default_rng([seed, epoch]).permutation(images).tolist()
        for batch in range(first_batch if epoch == epochs.start else 0, count):
            yield [(epoch, index) for index in order[batch * size : (batch + 1) * size]]


def load_batches(dataset: Any, order: Iterator[list[tuple[int, int]]], workers: int) -> Any:
    """Iterate over ``(inputs, targets)`` as tensors, loaded ahead by ``workers`` processes."""
    return iter(
        torch.utils.data.DataLoader(
            dataset,
            batch_sampler=list(order),
            num_workers=workers,
            multiprocessing_context="forkserver" if workers else None,
            # Its own generator: the default would draw from the one that dropout uses.
            generator=torch.Generator().manual_seed(0),
        )
    )


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
