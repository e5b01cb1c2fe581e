"""Data sets of generated photos: ``<out>/<split>/<class id>/<number>.jpg`` and ``dataset.json``.

The same seed and the package versions named in ``dataset.json`` give the same bytes, with any
number of processes.
"""

import dataclasses
import json
import signal
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from lab.products.catalogue import PRODUCTS
from lab.products.design import Product
from lab.products.photo import MAX_SIZE_PX, MIN_SIZE_PX, draw_photo, encode_photo
from lab.products.plan import HARD, ORDINARY, WIDE, PhotoPlan, plan_photo
from lab.products.rendering import Pixels
from warmlens.errors import WarmlensError
from warmlens.processors import usable_processors

GENERATOR_VERSION = "1"
DATASET_FILE = "dataset.json"
SPLITS = ("train", "val", "test", "hard")
CHUNK_PHOTOS = 25
DRAWN_WITH = (
    "numpy",
    "opencv-python-headless",
    "pillow",
    "font-amatic-sc",
    "font-caladea",
    "font-fredoka-one",
    "font-lato",
)

OnProgress = Callable[[int, int], None]
"""Called with the number of photos written so far and the number to write."""


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """The size of a data set: photos of each product in each split, of ``size_px`` pixels."""

    seed: int = 0
    size_px: int = 128
    wide: bool = False
    """Ordinary photos with the poses, light and blur of the hard ones, for pretraining."""
    train: int = 100
    val: int = 20
    test: int = 50
    hard: int = 50

    def counts(self) -> dict[str, int]:
        """Return the number of photos of each product by split."""
        return {"train": self.train, "val": self.val, "test": self.test, "hard": self.hard}


@dataclasses.dataclass(frozen=True)
class PhotoKey:
    """The identity of a photo: each key gives one photo, always the same."""

    product: Product
    split: str
    number: int
    seed: int = 0
    wide: bool = False


def photo_plan(key: PhotoKey) -> PhotoPlan:
    """Return the random plan of a photo.

    Raises:
        ValueError: there is no such split.
    """
    rng = np.random.default_rng(
        [key.seed, zlib.crc32(key.product.label.encode()), SPLITS.index(key.split), key.number]
    )
    conditions = HARD if key.split == "hard" else WIDE if key.wide else ORDINARY
    return plan_photo(key.product, conditions, rng)


def photo(key: PhotoKey, size_px: int) -> Pixels:
    """Draw a photo (size x size x 3, RGB).

    Raises:
        ValueError: ``size_px`` is out of range.
    """
    return draw_photo(key.product, photo_plan(key), size_px)


def photo_file(key: PhotoKey, size_px: int) -> bytes:
    """Return a photo as the JPEG file of a data set.

    Raises:
        ValueError: ``size_px`` is out of range.
    """
    plan = photo_plan(key)
    return encode_photo(draw_photo(key.product, plan, size_px), plan.jpeg_quality)


def write_dataset(
    out: Path,
    spec: DatasetSpec,
    products: tuple[Product, ...] = PRODUCTS,
    processes: int | None = None,
    on_progress: OnProgress | None = None,
) -> None:
    """Write the photos of ``products`` to the new or empty folder ``out``.

    ``dataset.json`` is written last: a folder without it is incomplete.

    Args:
        out: the folder.
        spec: the seed, and the size and number of photos.
        products: the products; their class ids name the folders.
        processes: number of processes; None for one on each core. More than one are spawned, so
            a script that calls this needs ``if __name__ == "__main__"``.
        on_progress: called after each few photos.

    Raises:
        WarmlensError: ``bad_value`` for a number out of range or ``target_not_empty``.
    """
    _require_valid(spec, products)
    _require_empty(out)
    chunks = list(_chunks(out, spec, products))
    total = len(products) * sum(spec.counts().values())
    for split, count in spec.counts().items():
        for product in products if count else ():
            (out / split / product.class_id).mkdir(parents=True)
    done = 0
    workers = min(processes or usable_processors(), len(chunks))
    for written in _written(chunks, workers):
        done += written
        if on_progress:
            on_progress(done, total)
    staged = out / f"{DATASET_FILE}.new"
    staged.write_text(json.dumps(_description(spec, products), indent=2) + "\n", encoding="utf-8")
    staged.replace(out / DATASET_FILE)


@dataclasses.dataclass(frozen=True)
class _Chunk:
    folder: Path
    keys: tuple[PhotoKey, ...]
    size_px: int


def _chunks(out: Path, spec: DatasetSpec, products: tuple[Product, ...]) -> Iterator[_Chunk]:
    # Photos of a product together, since each process caches the artwork of recent products.
    for product in products:
        for split, count in spec.counts().items():
            folder = out / split / product.class_id
            for first in range(1, count + 1, CHUNK_PHOTOS):
                keys = tuple(
                    PhotoKey(product, split, number, spec.seed, spec.wide)
                    for number in range(first, min(first + CHUNK_PHOTOS, count + 1))
                )
                yield _Chunk(folder, keys, spec.size_px)


def _written(chunks: list[_Chunk], workers: int) -> Iterator[int]:
    """Write the chunks; yield the number of photos of each as it is finished."""
    if workers <= 1:
        yield from map(_write_chunk, chunks)
        return
    # Forking a process with threads can hang; spawning cannot.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin_worker)
    try:
        for future in as_completed([pool.submit(_write_chunk, chunk) for chunk in chunks]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    # Only the parent handles Ctrl-C; it lets the workers finish their current chunk.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _write_chunk(chunk: _Chunk) -> int:
    for key in chunk.keys:
        data = photo_file(key, chunk.size_px)
        (chunk.folder / f"{key.number:05d}.jpg").write_bytes(data)
    return len(chunk.keys)


def _description(spec: DatasetSpec, products: tuple[Product, ...]) -> dict[str, object]:
    return {
        "generator": "lab.products",
        "generator_version": GENERATOR_VERSION,
        "drawn_with": {name: metadata.version(name) for name in DRAWN_WITH},
        "seed": spec.seed,
        "size_px": spec.size_px,
        "wide": spec.wide,
        "classes": len(products),
        "photos_per_class": spec.counts(),
        "labels": {product.class_id: product.label for product in products},
    }


def _require_valid(spec: DatasetSpec, products: tuple[Product, ...]) -> None:
    allowed = [("size_px", spec.size_px, MIN_SIZE_PX, MAX_SIZE_PX), ("seed", spec.seed, 0, 2**63)]
    allowed += [(name, count, 0, 99_999) for name, count in spec.counts().items()]
    for name, value, low, high in allowed:
        if not low <= value <= high:
            raise WarmlensError("bad_value", f"{name} is {value}; allowed: {low} to {high}.")
    if not products or not any(spec.counts().values()):
        raise WarmlensError("bad_value", "There is nothing to draw: no products or no photos.")
    if len({product.class_id for product in products}) < len(products):
        raise WarmlensError("bad_value", "Two products have the same class id.")


def _require_empty(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise WarmlensError("target_not_empty", f"{out} is a file; name a new or empty folder.")
    if out.is_dir() and any(out.iterdir()):
        interrupted = (
            ""
            if (out / DATASET_FILE).exists()
            else " It has no dataset.json: not finished, or not a data set."
        )
        raise WarmlensError(
            "target_not_empty", f"{out} is not empty; name a new or empty folder.{interrupted}"
        )
