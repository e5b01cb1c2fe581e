"""Photos to pretrain with: folders whose classes, if they have any, do not matter."""

import hashlib
from pathlib import Path

from training.dataset import Dataset, Photo, hashed_photos
from training.folder_layout import SPLIT_NAMES
from training.folder_walk import IMAGE_SUFFIXES, walk_folder
from training.photo_folder import read_photo_folder
from warmlens.errors import WarmlensError

HELD_OUT_SHARE = 0.05
# Enough to compare epochs; more would take the teacher's time at the end of each.
MOST_HELD_OUT = 500
MIN_PHOTOS = 3
WITHOUT_CLASSES = ("no_images", "splits_without_classes")  # error codes


def read_unlabelled(roots: tuple[Path, ...]) -> Dataset:
    """Read photos without their classes.

    Photos of a folder that `warmlens model train` can read are those of its splits train and val,
    so that its test photos stay unseen. Of another folder they are all its photos, at any depth,
    except below folders with the name of a test split; 5 % are held out for validation.

    Args:
        roots: the folders; equal photos in several are used once.

    Raises:
        WarmlensError: `no_images`, `too_few_images`, or what reading a folder raises.
    """
    train: dict[str, Photo] = {}
    val: dict[str, Photo] = {}
    for root in roots:
        for photos, split in zip(_splits(root), (train, val), strict=True):
            split.update((photo.sha256, photo) for photo in photos)
    kept = sorted(val)[:MOST_HELD_OUT]
    splits = {
        "train": tuple(train[digest] for digest in sorted(train.keys() - val.keys())),
        "val": tuple(val[digest] for digest in kept),
    }
    if len(splits["train"]) < MIN_PHOTOS - 1 or not kept:
        count = len(train.keys() | val.keys())
        raise WarmlensError(
            "too_few_images",
            f"{', '.join(map(str, roots))}: {count} different photos are too few; allowed: "
            f"{MIN_PHOTOS} or more, some of them to train with and one for validation.",
        )
    digest = hashlib.sha256()
    for name, photos in splits.items():
        for photo in photos:
            digest.update(f"{name} {photo.sha256}\n".encode())
    return Dataset(roots[0], (), (), splits, digest.hexdigest())


def _splits(root: Path) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
    """Return the photos to train with and those for validation."""
    try:
        folder = read_photo_folder(root)
    except WarmlensError as error:
        if error.code not in WITHOUT_CLASSES:
            raise
        return _plain(root)
    paths = {
        name: [photo.path for photo in folder.splits.get(name, ())] for name in ("train", "val")
    }
    if folder.layout == "classes":
        # Photos beside the class folders, which training cannot use.
        paths["train"] += [path for path in folder.unused if path.suffix.lower() in IMAGE_SUFFIXES]
    train, val = (hashed_photos([(path, 0) for path in found]) for found in paths.values())
    return train, val


def _plain(root: Path) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
    tree, _ = walk_folder(root)
    found = [
        path
        for branch in tree.walk()
        if not any(map(_is_test, branch.path.relative_to(root).parts))
        for path in branch.photos
    ]
    if not found:
        raise WarmlensError(
            "no_images",
            f"{root} has no photos; allowed: files {', '.join(sorted(IMAGE_SUFFIXES))}.",
        )
    photos = sorted(hashed_photos([(path, 0) for path in found]), key=lambda each: each.sha256)
    held_out = max(1, round(HELD_OUT_SHARE * len(photos)))
    return tuple(photos[held_out:]), tuple(photos[:held_out])


def _is_test(name: str) -> bool:
    return SPLIT_NAMES.get(name.casefold()) in ("test", "hard")
