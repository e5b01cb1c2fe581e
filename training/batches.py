"""Batches of training photos: order, augmentation and loading.

Order and augmentation depend on the seed, the epoch and the photo alone, so that a run that was
killed continues with the batches that it would have had.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from training.model_packages import import_model_package, import_torchvision

torch: Any = import_model_package("torch")
v2: Any = (import_torchvision(), import_model_package("torchvision.transforms.v2"))[1]

# Training photos are stored larger than the input, so that crops have enough detail.
STORED_SCALE = 1.25
# Factors of red and blue relative to green: from a light bulb to shade under a blue sky.
WHITE_BALANCE = 0.25


class PixelSet:
    """A torch data set of decoded photos and their classes.

    The key of an item is `(epoch, index)`, since its augmentation differs in each epoch.

    Args:
        path: file of :func:`training.pixels.decode_photos`.
        targets: class of each photo.
        seed: seed of the augmentation.
        augment_to: side of augmented images in pixels; None leaves the photos as they are.
        mirror: augmentation also mirrors photos.
    """

    def __init__(
        self,
        path: Path,
        targets: list[int],
        seed: int,
        augment_to: int | None,
        *,
        mirror: bool = False,
    ) -> None:
        self._path = path
        self._targets = targets
        self._seed = seed
        self._augment_to = augment_to
        self._mirror = mirror
        self._pixels: Any = None
        self._transform: Any = None

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Any, int]:
        epoch, index = item
        if self._pixels is None:
            # Opened in the reading process, since a mapping cannot be sent to another.
            self._pixels = np.load(self._path, mmap_mode="r")
        image = torch.from_numpy(self._pixels[index].copy()).permute(2, 0, 1)
        if self._augment_to is not None:
            if self._transform is None:
                self._transform = augmentation(self._augment_to, mirror=self._mirror)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(_seed(self._seed, epoch, index))
                image = self._transform(image)
        return image, self._targets[index]


class FeatureSet:
    """A torch data set of precomputed inputs of the last layer, for runs that train it alone."""

    def __init__(self, features: Any, targets: list[int]) -> None:
        self._features = features
        self._targets = targets

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Any, int]:
        return self._features[item[1]], self._targets[item[1]]


def batches_per_epoch(images: int, batch_size: int) -> int:
    """Return the number of full batches in an epoch; each epoch leaves out other photos."""
    return max(1, images // batch_size)


def batch_order(
    images: int, batch_size: int, seed: int, *, epochs: range, first_batch: int
) -> Iterator[list[tuple[int, int]]]:
    """Yield the keys `(epoch, index)` of each batch's items.

    Args:
        images: number of images in the set.
        batch_size: images in a batch.
        seed: seed of the order.
        epochs: the epochs to go through, numbered over the whole run.
        first_batch: number of the first batch in the first of these epochs.
    """
    count = batches_per_epoch(images, batch_size)
    size = min(batch_size, images)
    for epoch in epochs:
        order = np.random.default_rng([seed, epoch]).permutation(images).tolist()
        for batch in range(first_batch if epoch == epochs.start else 0, count):
            yield [(epoch, index) for index in order[batch * size : (batch + 1) * size]]


def load_batches(dataset: Any, order: Iterator[list[tuple[int, int]]], workers: int) -> Any:
    """Return an iterator over tensors `(inputs, targets)`, loaded ahead by worker processes."""
    return iter(
        torch.utils.data.DataLoader(
            dataset,
            batch_sampler=list(order),
            num_workers=workers,
            multiprocessing_context="forkserver" if workers else None,
            # Its own generator: the default one is that of dropout.
            generator=torch.Generator().manual_seed(0),
        )
    )


def stored_side(size: int) -> int:
    """Return the side of decoded training photos for inputs of `size` pixels."""
    return round(size * STORED_SCALE)


def resized(images: Any, size: int) -> Any:
    """Return float images [n, 3, height, width] as [n, 3, size, size]."""
    if images.shape[-1] == size:
        return images
    return torch.nn.functional.interpolate(
        images, (size, size), mode="bilinear", antialias=True, align_corners=False
    )


def augmentation(size: int, *, mirror: bool = False) -> Any:
    """Return a random transform from uint8 [3, stored, stored] to uint8 [3, size, size].

    It changes size, rotation, light, white balance and blur. It mirrors photos only if `mirror` is
    set: packages carry words.
    """
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(0.45, 1.0), ratio=(0.8, 1.25), antialias=True),
            v2.RandomApply(
                [v2.RandomRotation(20, interpolation=v2.InterpolationMode.BILINEAR, fill=114)],
                p=0.7,
            ),
            v2.ColorJitter(brightness=0.35, contrast=0.35, saturation=0.3),
            v2.Lambda(white_balance),
            v2.RandomApply([v2.GaussianBlur(5, sigma=(0.1, 1.5))], p=0.25),
            *([v2.RandomHorizontalFlip()] if mirror else []),
        ]
    )


def white_balance(image: Any) -> Any:
    """Scale red and blue by random factors; uint8 [3, height, width]."""
    factors = 1 + (torch.rand(3, 1, 1) * 2 - 1) * WHITE_BALANCE
    factors[1] = 1
    return (image * factors).clamp_(0, 255).to(torch.uint8)


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
