"""Layout of a folder of photos: its splits and class folders, or its lists."""

import dataclasses
from pathlib import Path
from typing import Literal

from training.class_names import class_name
from training.folder_walk import Branch
from training.split_lists import find_lists
from warmlens.errors import WarmlensError

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
Layout = Literal["splits", "classes", "lists"]
Parts = tuple[str, ...]
# Class folders and their photos, which may be none.
Classes = list[tuple[Parts, Branch]]


@dataclasses.dataclass(frozen=True)
class FolderLayout:
    """The layout of a folder.

    Attributes:
        kind: `"splits"`, `"classes"` or `"lists"`.
        classes: the class folders of each split; without splits there is one, `all`; with lists
            there are none.
        lists: the lists by split.
        unused: other files and folders.
    """

    kind: Layout
    classes: dict[str, Classes]
    lists: dict[str, Path]
    unused: list[Path]


def find_layout(root: Path, tree: Branch) -> FolderLayout:
    """Find the splits and class folders of a folder.

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
        return FolderLayout("lists", {}, lists, tree.others)
    unused: list[Path] = [*lists.values()] if lists else []
    if splits and (nested or "train" in splits):
        unused = [path for path in tree.others if path not in lists.values()] + unused
        unused += [*tree.photos, *(b.path for b in tree.branches if b not in splits.values())]
        found = {name: _classes(branch, unused) for name, branch in splits.items()}
        return FolderLayout("splits", found, {}, unused)
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
    return FolderLayout("classes", found, {}, [*unused, *tree.others, *tree.photos])


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
            f"{branch.path} has its own folder {below['train'].name}: splits are inside "
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
