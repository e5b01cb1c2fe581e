"""Reading of a user's photo folder: classes, splits and labels, without decoding photos."""

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from training.class_names import class_name, name_findings
from training.findings import Finding
from training.folder_walk import IMAGE_SUFFIXES, Branch, walk_folder
from training.split_lists import find_lists, read_lists
from warmlens.errors import WarmlensError
from warmlens.text_files import STRICT_JSON, read_text

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "hard": "hard",
}
"""The split that a folder or list is, by its name in lower case."""
SPLITS = ("train", "val", "test", "hard")
VAL_SHARE = 0.15
TEST_SHARE = 0.15
LABELS_FILE = "dataset.json"
SPLIT_RULE = (
    "split here: in each class the distinct files are ordered by the SHA-256 of their bytes; the "
    "first 15 % (at least one) are val, the next 15 % test, the rest train. Names and order of "
    "the files do not matter, and equal files are never parted."
)
Layout = Literal["splits", "classes", "lists"]
Parts = tuple[str, ...]
# Class folders and their photos, which may be none.
Classes = list[tuple[Parts, Branch]]


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
            `<class>/<photo>`, which this module splits, `"lists"` for files such as `train.txt`.
        class_ids: names of the classes of all splits, sorted; an index into it is a class number.
        labels: the readable name of each class: from `dataset.json` where there is one, else
            the folder's name.
        splits: the photos of each existing split, sorted by path.
        unused: other files and folders.
        findings: problems of folders and names; training refuses those that are errors.
    """

    root: Path
    layout: Layout
    class_ids: tuple[str, ...]
    labels: dict[str, str]
    splits: dict[str, tuple[LabelledPhoto, ...]]
    unused: tuple[Path, ...]
    findings: tuple[Finding, ...]


def read_photo_folder(root: Path) -> PhotoFolder:
    """Read the photos, classes and splits of a folder.

    Raises:
        WarmlensError: `not_a_folder`, `no_images`, `bad_labels` for an invalid `dataset.json`,
            `split_missing`, or what :func:`class_folders` and reading lists raise.
    """
    tree, findings = walk_folder(root)
    layout, classes, unused = class_folders(root, tree)
    if layout == "splits" and "train" not in classes:
        raise WarmlensError(
            "split_missing",
            f"{root} has {', '.join(classes)} and no train; move the class folders to train into "
            f"{root}/train.",
        )
    own = {root / LABELS_FILE, root / "README.md"}
    names: dict[str, str] = {}
    splits: dict[str, tuple[LabelledPhoto, ...]]
    if layout == "lists":
        lists = read_lists(root, find_lists(root, SPLIT_NAMES), tree)
        findings += lists.findings
        names = lists.labels
        own |= lists.files
        splits = {
            name: tuple(LabelledPhoto(*row) for row in sorted(lists.photos[name]))
            for name in SPLITS
            if name in lists.photos
        }
        ids = sorted({photo.class_id for photos in splits.values() for photo in photos})
    else:
        by_parts, naming = _class_ids({parts for found in classes.values() for parts, _ in found})
        findings += [*naming, *_twins(root, classes)]
        splits = {
            name: tuple(
                sorted(
                    (
                        LabelledPhoto(path, by_parts[parts])
                        for parts, branch in classes[name]
                        for path in branch.photos
                    ),
                    key=lambda photo: photo.path,
                )
            )
            for name in (*SPLITS, "all")
            if name in classes
        }
        ids = sorted(set(by_parts.values()))
    if not any(splits.values()):
        for finding in findings:
            if finding.severity == "error":
                raise WarmlensError(
                    finding.code, f"{finding.message} The first: {finding.paths[0]}."
                )
        raise WarmlensError(
            "no_images",
            f"{root} has no photos. Allowed: {root}/train/CLASS/*.jpg and {root}/val/CLASS/*.jpg, "
            f"or {root}/CLASS/*.jpg; files {', '.join(sorted(IMAGE_SUFFIXES))}.",
        )
    if layout == "classes":
        splits = _split(splits["all"])
        as_splits = tuple(each for each in ids if each.casefold() in SPLIT_NAMES)
        if as_splits:
            message = "Folders with the name of a split are taken as classes; rename them if not."
            findings.append(Finding("class_named_as_split", "warning", message, as_splits))
    given = {class_name(name): label for name, label in _labels(root).items()}
    labels = {each: given.get(each, names.get(each, each)) for each in ids}
    findings += name_findings(ids, labels, sorted(given.keys() - set(ids)))
    return PhotoFolder(
        root=root,
        layout=layout,
        class_ids=tuple(ids),
        labels=labels,
        splits=splits,
        unused=tuple(sorted(path for path in unused if path not in own)),
        findings=tuple(findings),
    )


def class_folders(root: Path, tree: Branch) -> tuple[Layout, dict[str, Classes], list[Path]]:
    """Return the layout of a folder, the class folders of each split, and unused paths.

    Without splits there is one, `all`; with lists there are no class folders.

    Raises:
        WarmlensError: `split_twice` when two folders are the same split, `splits_deeper` when the
            splits are in a folder of the folder, `splits_in_classes` when each class has its own,
            `splits_without_classes` when photos are in them directly.
    """
    named = {branch.name: branch for branch in tree.branches if _split_of(branch)}
    splits: dict[str, Branch] = {}
    if any(branch.branches or not branch.photos for branch in named.values()):
        for branch in named.values():
            split = SPLIT_NAMES[branch.name.casefold()]
            if split in splits and branch.has_photos and splits[split].has_photos:
                raise WarmlensError(
                    "split_twice",
                    f"{splits[split].path} and {branch.path} are both the split {split}; move the "
                    "photos of one into the other.",
                )
            if split not in splits or branch.has_photos:
                splits[split] = branch
    lists = find_lists(root, SPLIT_NAMES)
    nested = any(each.has_photos for branch in splits.values() for each in branch.branches)
    if lists and not nested:
        return "lists", {}, tree.others
    unused: list[Path] = [*lists.values()] if lists else []
    if splits and (nested or "train" in splits):
        unused = [path for path in tree.others if path not in lists.values()] + unused
        unused += [*tree.photos, *(b.path for b in tree.branches if b not in splits.values())]
        found = {name: _classes(branch, unused) for name, branch in splits.items()}
        return "splits", found, unused
    _require_no_splits_below(root, tree)
    flat = [branch for branch in tree.branches if branch.photos and _like_split(branch)]
    flat.sort(key=lambda branch: _split_of(branch) != "train")
    if len(flat) > 1:
        raise WarmlensError(
            "splits_without_classes",
            f"{root} has the splits {', '.join(branch.name for branch in flat)} without folders of "
            f"classes; allowed: {flat[0].path}/CLASS/*.jpg, or lists such as {root}/train.txt with "
            "a photo and its class per line.",
        )
    found = {"all": [each for branch in tree.branches for each in _leaves(branch, (), unused)]}
    return "classes", found, [*unused, *tree.others, *tree.photos]


def _require_no_splits_below(root: Path, tree: Branch) -> None:
    for branch in tree.walk():
        below = {
            SPLIT_NAMES[each.name.casefold()]: each for each in branch.branches if _split_of(each)
        }
        if branch is tree or "train" not in below or not below["train"].has_photos:
            continue
        if any(each.has_photos for each in below["train"].branches):
            raise WarmlensError(
                "splits_deeper", f"{root} has its splits in {branch.path}; give that folder."
            )
        raise WarmlensError(
            "splits_in_classes",
            f"{branch.path} has a folder {below['train'].name} of its own: splits are inside of "
            f"the classes; move the photos to {root}/train/{branch.name} and so on.",
        )


def _like_split(branch: Branch) -> bool:
    """Return True for the name of a split, also with a number behind it, as in `test1`."""
    return branch.name.casefold().rstrip("0123456789").rstrip("_- ") in SPLIT_NAMES


def _split_of(branch: Branch) -> str | None:
    return SPLIT_NAMES.get(branch.name.casefold())


def _classes(branch: Branch, unused: list[Path]) -> Classes:
    unused += [*branch.photos, *branch.others]
    # Archives have the split twice: train/train/CLASS.
    while len(branch.branches) == 1 and not branch.photos and _is_split_again(branch):
        branch = branch.branches[0]
        unused += [*branch.photos, *branch.others]
    return [each for inner in branch.branches for each in _leaves(inner, (), unused)]


def _is_split_again(branch: Branch) -> bool:
    inner = branch.branches[0]
    return inner.name.casefold() == branch.name.casefold() and bool(inner.branches)


def _leaves(branch: Branch, above: Parts, unused: list[Path]) -> Classes:
    """Return the class folders: the last ones with photos, or without anything in them."""
    parts = (*above, class_name(branch.name))
    unused += branch.others
    if branch.photos or not branch.branches:
        unused += [inner.path for inner in branch.branches]
        return [(parts, branch)]
    return [each for inner in branch.branches for each in _leaves(inner, parts, unused)]


def _class_ids(found: set[Parts]) -> tuple[dict[Parts, str], list[Finding]]:
    """Return the id of each class folder: its name, or its path where names are not unique."""
    last = [parts[-1] for parts in found]
    if all(len(parts) == 1 for parts in found):
        return {parts: parts[0] for parts in found}, []
    nested = tuple(sorted("/".join(parts) for parts in found if len(parts) > 1))
    if len(set(last)) == len(last):
        message = "Class folders are in other folders; the class is the last folder alone."
        return {parts: parts[-1] for parts in found}, [
            Finding("nested_classes", "warning", message, nested)
        ]
    twice = sorted({name for name in last if last.count(name) > 1})
    message = (
        f"Class folders are in other folders, and {len(twice)} names are in several of them "
        f"({', '.join(twice[:3])}); the class is the whole path. Move the photos into one folder "
        "where it is one class."
    )
    return {parts: "/".join(parts) for parts in found}, [
        Finding("nested_classes", "warning", message, nested)
    ]


def _twins(root: Path, classes: dict[str, Classes]) -> list[Finding]:
    """Report folders of one split whose names are the same letters in other bytes."""
    pairs = []
    for found in classes.values():
        places: dict[Parts, list[Path]] = {}
        for parts, branch in found:
            places.setdefault(parts, []).append(branch.path.relative_to(root))
        for paths in places.values():
            if len(paths) > 1:
                pairs.append(" = ".join(ascii(path.as_posix())[1:-1] for path in paths))
    if not pairs:
        return []
    message = (
        f"{len(pairs)} class names are there twice, in the same letters: once composed, once "
        "decomposed, as macOS writes them; move the photos of one folder into the other and "
        "delete it."
    )
    return [Finding("twin_class_names", "error", message, tuple(pairs))]


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
