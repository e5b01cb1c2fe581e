"""Checks of a folder of photos: damage, duplicates, missing or rare classes.

Each photo is decoded once and only its fingerprint is kept, so that memory does not limit the
folder's size.
"""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.dataset import MIN_TRAIN_IMAGES
from training.findings import Finding, Severity, counted
from training.folder_walk import IMAGE_SUFFIXES
from training.photo_file import FORMATS, MAX_PIXELS, TooManyPixelsError, open_photo
from training.photo_folder import (
    SPLIT_RULE,
    LabelledPhoto,
    PhotoFolder,
    read_photo_folder,
)
from warmlens.processors import usable_processors

FEW_TRAIN_IMAGES = 20
MAX_IMBALANCE = 5.0
SMALL_SIDE_PX = 64
HASH_SIDE = 8
# Large enough that the hash does not depend on the size of the photo.
DECODED_PX = 128
# Of 128 bits: a saved or resized copy differs in fewer, another photo in far more.
NEAR_BITS = 12
# A picture without contours has a meaningless hash.
FLAT_CONTRAST = 6
READ_AHEAD = 64
SHOWN_PATHS = 3
OTHER_NAMES = ("other", "others", "none", "background", "unknown")

OnProgress = Callable[[int, int], None]
"""Called with the number of photos read and the number of all photos."""


@dataclasses.dataclass(frozen=True)
class DataReport:
    """The results of a check; `counts` has the number of photos by split and class."""

    folder: PhotoFolder
    counts: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """True without errors; warnings are allowed."""
        return all(finding.severity != "error" for finding in self.findings)

    def text(self) -> str:
        """Return the report as text for people."""
        lines = [f"{self.folder.root}: {counted(len(self.folder.class_ids), 'class', 'classes')}"]
        for split, by_class in self.counts.items():
            numbers = by_class.values()
            lines.append(
                f"  {split:<6}{sum(numbers):>7} {'photo' if sum(numbers) == 1 else 'photos'}, "
                f"{min(numbers)} to {max(numbers)} a class"
            )
        if self.folder.layout == "classes":
            lines.append(f"  ({SPLIT_RULE})")
        for finding in self.findings:
            lines.append(f"{finding.severity}: {finding.code}: {finding.message}")
            lines += [f"    {path}" for path in finding.paths[:SHOWN_PATHS]]
            if len(finding.paths) > SHOWN_PATHS:
                lines.append(f"    and {len(finding.paths) - SHOWN_PATHS} more")
        ids = self.folder.class_ids
        if len(ids) > 1 and not any(class_id.casefold() in OTHER_NAMES for class_id in ids):
            lines.append(
                "No class is named other: a photo of something else is found by a threshold alone "
                '("Not sure" in docs/models.md says when such a class helps).'
            )
        errors = sum(finding.severity == "error" for finding in self.findings)
        warnings = counted(len(self.findings) - errors, "warning", "warnings")
        lines.append(f"{counted(errors, 'error', 'errors')}, {warnings}.")
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "root": str(self.folder.root),
            "layout": self.folder.layout,
            "split_rule": SPLIT_RULE if self.folder.layout == "classes" else None,
            "labels": self.folder.labels,
            "counts": self.counts,
            "ok": self.ok,
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
        }


def check_data(root: Path, on_progress: OnProgress | None = None) -> DataReport:
    """Read every photo in a folder and report the problems.

    Args:
        root: a folder as :func:`training.photo_folder.read_photo_folder` reads it.
        on_progress: called after each photo.

    Raises:
        WarmlensError: what `read_photo_folder` raises when there is nothing to check.
    """
    folder = read_photo_folder(root)
    photos = [(split, photo) for split, group in folder.splits.items() for photo in group]
    fingerprints: list[_Fingerprint] = []
    for made in _fingerprints(photos):
        fingerprints.append(made)
        if on_progress:
            on_progress(len(fingerprints), len(photos))
    counts = {
        split: {
            class_id: sum(photo.class_id == class_id for photo in group)
            for class_id in folder.class_ids
        }
        for split, group in folder.splits.items()
    }
    findings = [
        *_broken(folder, fingerprints),
        *_unused(folder),
        *folder.findings,
        *_coverage(folder, counts),
        *_numbers(folder, counts),
        *_equal(folder, fingerprints),
        *_alike(folder, fingerprints),
    ]
    findings.sort(key=lambda finding: finding.severity)
    return DataReport(folder, counts, tuple(findings))


@dataclasses.dataclass(frozen=True, slots=True)
class _Fingerprint:
    """The fingerprint of a photo; `fault` is the code of a damaged or misnamed photo."""

    split: str
    photo: LabelledPhoto
    digest: bytes
    fault: str | None = None
    small: bool = False
    phash: tuple[int, int] | None = None


def _fingerprints(photos: list[tuple[str, LabelledPhoto]]) -> Iterator[_Fingerprint]:
    # Threads suffice, since Pillow releases Python's lock; the window limits memory.
    with ThreadPoolExecutor(min(4, usable_processors())) as pool:
        for start in range(0, len(photos), READ_AHEAD):
            yield from pool.map(_fingerprint, photos[start : start + READ_AHEAD])


def _fingerprint(item: tuple[str, LabelledPhoto]) -> _Fingerprint:
    split, photo = item
    with photo.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    try:
        opened = open_photo(photo.path)
        image = opened.image
        named = photo.path.suffix.lower() in FORMATS[image.format or ""]
        small = min(image.size) < SMALL_SIDE_PX
        # A JPEG is decoded at a reduced size; truncation is still noticed.
        phash = _perceptual_hash(opened.load(DECODED_PX, "L"))
    except TooManyPixelsError:
        return _Fingerprint(split, photo, digest, "too_many_pixels")
    except Exception:  # decoders raise many types on damaged files
        return _Fingerprint(split, photo, digest, "unreadable_image")
    return _Fingerprint(split, photo, digest, None if named else "misnamed_image", small, phash)


def _perceptual_hash(image: Image.Image) -> tuple[int, int] | None:
    """Return two hashes: the cells brighter than their right neighbour, and than the lower one."""
    cells = HASH_SIDE + 1
    grey = image.convert("L").resize((cells, cells), Image.Resampling.BOX)
    values: NDArray[np.int16] = np.asarray(grey, dtype=np.int16)
    if values.std() < FLAT_CONTRAST:
        return None
    right = values[:-1, :-1] > values[:-1, 1:]
    below = values[:-1, :-1] > values[1:, :-1]
    first, second = (int.from_bytes(np.packbits(bits).tobytes()) for bits in (right, below))
    return (first, second)


def _broken(folder: PhotoFolder, fingerprints: list[_Fingerprint]) -> Iterator[Finding]:
    messages: dict[str, tuple[Severity, str, str, str]] = {
        "unreadable_image": (
            "error", "file", "files", "cannot be decoded as JPEG, PNG, WebP or GIF"
        ),
        "too_many_pixels": (
            "error", "photo has", "photos have", f"more than {MAX_PIXELS:,} pixels to decode"
        ),
        "misnamed_image": (
            "warning", "photo is", "photos are", "of another type than the file's name says"
        ),
    }  # fmt: skip
    for code, (severity, one, many, what) in messages.items():
        paths = _relative(folder, (p.photo.path for p in fingerprints if p.fault == code))
        if paths:
            yield Finding(code, severity, f"{counted(len(paths), one, many)} {what}.", paths)
    small = _relative(folder, (p.photo.path for p in fingerprints if p.small))
    if small:
        number = counted(len(small), "photo is", "photos are")
        message = f"{number} smaller than {SMALL_SIDE_PX} px on a side."
        yield Finding("small_image", "warning", message, small)


def _unused(folder: PhotoFolder) -> Iterator[Finding]:
    unused = [path for path in folder.unused if path.is_dir() or _is_image_name(path)]
    others = [path for path in folder.unused if path not in unused]
    if unused:
        yield Finding(
            "misplaced",
            "warning",
            f"{counted(len(unused), 'photo or folder is', 'photos or folders are')} not in the "
            "folder of a class and not used. Move what belongs to a class into its folder.",
            _relative(folder, unused),
        )
    if others:
        yield Finding(
            "wrong_type",
            "warning",
            f"{counted(len(others), 'file has', 'files have')} no suffix of a JPEG, PNG, WebP or "
            "GIF, and will not be used.",
            _relative(folder, others),
        )


def _coverage(folder: PhotoFolder, counts: dict[str, dict[str, int]]) -> Iterator[Finding]:
    if "val" not in counts:
        yield Finding(
            "split_missing",
            "error",
            "There is no folder or list val, which training needs for validation.",
        )
    totals = {
        class_id: sum(by_class[class_id] for by_class in counts.values())
        for class_id in folder.class_ids
    }
    empty = tuple(class_id for class_id, total in totals.items() if not total)
    if empty:
        message = (
            f"{counted(len(empty), 'folder of a class has', 'folders of classes have')} no photos; "
            f"delete or fill: {', '.join(empty[:5])}."
        )
        yield Finding("empty_class", "error", message, empty)
    least = MIN_TRAIN_IMAGES + 1
    few: dict[str, int] = {}
    if folder.layout == "classes":
        few = {class_id: total for class_id, total in totals.items() if 0 < total < least}
    if few:
        message = (
            f"{counted(len(few), 'class has', 'classes have')} fewer than {least} photos in all, "
            f"{MIN_TRAIN_IMAGES} to train with and one for validation; add photos or delete the "
            "class."
        )
        numbers = tuple(f"{class_id}: {total}" for class_id, total in few.items())
        yield Finding("too_few_images", "error", message, numbers)
    known = {*few, *empty}
    for split, by_class in counts.items():
        missing = tuple(
            class_id for class_id, count in by_class.items() if not count and class_id not in known
        )
        if missing:
            severity: Severity = "error" if split in ("train", "val") else "warning"
            number = counted(len(missing), "class has", "classes have")
            message = f"{number} no photo in {split}: {', '.join(missing[:5])}."
            yield Finding("class_missing", severity, message, missing)


def _numbers(folder: PhotoFolder, counts: dict[str, dict[str, int]]) -> Iterator[Finding]:
    train = {class_id: count for class_id, count in counts["train"].items() if count}
    if len(counts["train"]) < 2:
        yield Finding("too_few_classes", "error", "There is one class; allowed: two or more.")
    few = tuple(f"{name}: {count}" for name, count in train.items() if count < MIN_TRAIN_IMAGES)
    if few and folder.layout != "classes":
        message = (
            f"{counted(len(few), 'class has', 'classes have')} fewer than {MIN_TRAIN_IMAGES} "
            "photos in train; add photos or delete the class."
        )
        yield Finding("too_few_images", "error", message, few)
    some = tuple(
        f"{name}: {count}"
        for name, count in train.items()
        if MIN_TRAIN_IMAGES <= count < FEW_TRAIN_IMAGES
    )
    if some:
        message = (
            f"{counted(len(some), 'class has', 'classes have')} fewer than {FEW_TRAIN_IMAGES} "
            "photos in train; about 100 are better."
        )
        yield Finding("few_images", "warning", message, some)
    if train and max(train.values()) > MAX_IMBALANCE * min(train.values()):
        least, most = min(train, key=train.__getitem__), max(train, key=train.__getitem__)
        message = (
            f"{most} has {train[most]} photos in train and {least} has {train[least]}: more than "
            f"{MAX_IMBALANCE:g} times as many."
        )
        yield Finding("class_imbalance", "warning", message, (most, least))


def _equal(folder: PhotoFolder, fingerprints: list[_Fingerprint]) -> Iterator[Finding]:
    groups: dict[bytes, list[_Fingerprint]] = defaultdict(list)
    for p in fingerprints:
        groups[p.digest].append(p)
    repeated = [group for group in groups.values() if len(group) > 1]
    across_classes = [g for g in repeated if len({p.photo.class_id for p in g}) > 1]
    across_splits = [g for g in repeated if len({p.split for p in g}) > 1]
    within = [g for g in repeated if len({(p.split, p.photo.class_id) for p in g}) < len(g)]
    for code, severity, found, message in (
        ("duplicate_across_classes", "error", across_classes, "in more than one class"),
        ("duplicate_across_splits", "error", across_splits, "in more than one split"),
        ("duplicate_within_split", "warning", within, "more than once in one class and split"),
    ):
        if found:
            pairs = tuple(" = ".join(_relative(folder, (p.photo.path for p in g))) for g in found)
            text = (
                f"{counted(len(found), 'photo is', 'photos are')} there, byte for byte, {message}; "
                "keep one copy of each."
            )
            yield Finding(code, "error" if severity == "error" else "warning", text, pairs)


def _alike(folder: PhotoFolder, fingerprints: list[_Fingerprint]) -> Iterator[Finding]:
    """Report similar photos in different splits, by their perceptual hashes."""
    seen = [p for p in fingerprints if p.phash is not None]
    if not seen:
        return
    hashes = np.array([p.phash for p in seen], dtype=np.uint64)
    splits = np.array([p.split for p in seen])
    pairs: list[str] = []
    order = list(folder.splits)
    for split in order[1:]:
        # Each pair of splits once: compare a split with the earlier ones.
        before = order[: order.index(split)]
        earlier = np.flatnonzero(np.isin(splits, before))
        for index in np.flatnonzero(splits == split):
            bits = np.bitwise_count(hashes[earlier] ^ hashes[index]).sum(axis=1)
            for other in earlier[bits <= NEAR_BITS]:
                if seen[other].digest != seen[index].digest:
                    both = (seen[other].photo.path, seen[index].photo.path)
                    pairs.append(" ~ ".join(_relative(folder, both)))
    if pairs:
        text = (
            f"{counted(len(pairs), 'pair of photos looks', 'pairs of photos look')} alike in "
            f"different splits (perceptual hash within {NEAR_BITS} of {2 * HASH_SIDE**2} bits), "
            "which makes test results too good."
        )
        yield Finding("near_duplicate_across_splits", "warning", text, tuple(pairs))


def _is_image_name(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def _relative(folder: PhotoFolder, paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(path.relative_to(folder.root).as_posix() for path in paths)
