"""Reading of a user's photo folder: classes, splits and labels, without decoding photos."""

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from training.photo_file import FORMATS
from warmlens.errors import WarmlensError
from warmlens.text_files import STRICT_JSON, read_text

SPLIT_NAMES = ("train", "val", "test", "hard")
IMAGE_SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
VAL_SHARE = 0.15
TEST_SHARE = 0.15
LABELS_FILE = "dataset.json"
# Files of operating systems.
SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})
SPLIT_RULE = (
    "split here: in each class the distinct files are ordered by the SHA-256 of their bytes; the "
    "first 15 % (at least one) are val, the next 15 % test, the rest train. Names and order of "
    "the files do not matter, and equal files are never parted."
)


@dataclasses.dataclass(frozen=True)
class LabelledPhoto:
    """A photo and its class."""

    path: Path
    class_id: str


@dataclasses.dataclass(frozen=True)
class PhotoFolder:
    """The photos, classes and labels of a folder.

    Attributes:
        root: the folder.
        layout: `"splits"` for `<split>/<class>/<photo>`, `"classes"` for
            `<class>/<photo>`, which this module splits.
        class_ids: names of the class folders of all splits, sorted; an index into it is a class
            number.
        labels: the readable name of each class: from `dataset.json` where there is one, else
            the folder's name.
        splits: the photos of each existing split, sorted by path.
        unused: other files and folders.
        unused_labels: the classes in `dataset.json` that no folder has.
    """

    root: Path
    layout: Literal["splits", "classes"]
    class_ids: tuple[str, ...]
    labels: dict[str, str]
    splits: dict[str, tuple[LabelledPhoto, ...]]
    unused: tuple[Path, ...]
    unused_labels: tuple[str, ...]


def read_photo_folder(root: Path) -> PhotoFolder:
    """Read the photos, classes and splits of a folder.

    Raises:
        WarmlensError: `not_a_folder`, `no_images`, or `bad_labels` for an
            invalid `dataset.json`.
    """
    if not root.is_dir():
        raise WarmlensError("not_a_folder", f"{root} is not a folder.")
    splits: dict[str, tuple[LabelledPhoto, ...]]
    if (root / "train").is_dir():
        folders = [entry for entry in _visible(root) if entry.name in SPLIT_NAMES]
        unused = [
            entry
            for entry in _visible(root)
            if entry not in folders and entry.name not in (LABELS_FILE, "README.md")
        ]
        classes = {folder.name: _class_folders(folder, unused) for folder in folders}
        splits = {name: _photos(classes[name], unused) for name in SPLIT_NAMES if name in classes}
        layout: Literal["splits", "classes"] = "splits"
        ids = {folder.name for folders in classes.values() for folder in folders}
    else:
        unused = []
        folders = _class_folders(root, unused)
        unused = [path for path in unused if path.name not in (LABELS_FILE, "README.md")]
        splits = _split(_photos(folders, unused))
        layout = "classes"
        ids = {folder.name for folder in folders}
    if not any(splits.values()):
        raise WarmlensError(
            "no_images",
            f"{root} has no photos. Allowed: {root}/train/CLASS/*.jpg and {root}/val/CLASS/*.jpg, "
            f"or {root}/CLASS/*.jpg; files {', '.join(sorted(IMAGE_SUFFIXES))}.",
        )
    given = _labels(root)
    return PhotoFolder(
        root=root,
        layout=layout,
        class_ids=tuple(sorted(ids)),
        labels={class_id: given.get(class_id, class_id) for class_id in sorted(ids)},
        splits=splits,
        unused=tuple(sorted(unused)),
        unused_labels=tuple(sorted(given.keys() - ids)),
    )


def _split(photos: Iterable[LabelledPhoto]) -> dict[str, tuple[LabelledPhoto, ...]]:
    by_class: dict[str, dict[str, list[LabelledPhoto]]] = {}
    for photo in photos:
        with photo.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        by_class.setdefault(photo.class_id, {}).setdefault(digest, []).append(photo)
    splits: dict[str, list[LabelledPhoto]] = {"train": [], "val": [], "test": []}
    for files in by_class.values():
        digests = sorted(files)
        val = max(1, round(VAL_SHARE * len(digests)))
        test = round(TEST_SHARE * len(digests))
        for index, digest in enumerate(digests):
            name = "val" if index < val else "test" if index < val + test else "train"
            splits[name] += files[digest]
    return {
        name: tuple(sorted(photos, key=lambda photo: photo.path)) for name, photos in splits.items()
    }


def _class_folders(folder: Path, unused: list[Path]) -> list[Path]:
    entries = _visible(folder)
    unused += [entry for entry in entries if not entry.is_dir()]
    return [entry for entry in entries if entry.is_dir()]


def _photos(folders: list[Path], unused: list[Path]) -> tuple[LabelledPhoto, ...]:
    photos = []
    for folder in folders:
        for entry in _visible(folder):
            if entry.is_file() and entry.suffix.lower() in IMAGE_SUFFIXES:
                photos.append(LabelledPhoto(entry, folder.name))
            else:
                unused.append(entry)
    return tuple(photos)


def _visible(folder: Path) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and entry.name.lower() not in SYSTEM_FILES
    )


def _labels(root: Path) -> dict[str, str]:
    path = root / LABELS_FILE
    labels: object = {}
    if path.is_file():
        try:
            document = STRICT_JSON.decode(read_text(path, "bad_labels"))
        except (ValueError, RecursionError) as error:
            raise WarmlensError("bad_labels", f"{path} is not JSON: {error}.") from None
        labels = document.get("labels", {}) if isinstance(document, dict) else None
    if not isinstance(labels, dict) or not all(isinstance(name, str) for name in labels.values()):
        raise WarmlensError(
            "bad_labels",
            f"{path} must be an object whose field labels maps class names to readable names, such "
            'as {"labels": {"00001": "Sola Orange"}}.',
        )
    return labels
