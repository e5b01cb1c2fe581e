"""Lists of photos with their classes, one file for each split, such as `train.txt`."""

import csv
import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

from training.class_names import class_name
from training.findings import Finding, counted
from training.folder_walk import IMAGE_SUFFIXES, Branch
from training.label_files import read_labels_file
from warmlens.errors import WarmlensError
from warmlens.text_files import read_text

_NAME = re.compile(r"([a-z]+?)[_-]?(?:list|split|labels|files|images|set)?\.(?:txt|csv|tsv|lst)")
_FOLDERS = ("", "meta", "splits", "lists")
_PHOTO_FOLDERS = ("", "images", "photos", "data")
_CLASS_FILES = ("classes.txt", "class_names.txt", "labels.txt")
_PATH_COLUMNS = frozenset({"path", "file", "filename", "file_name", "filepath", "image", "img"})
_PATH_COLUMNS |= {"image_path", "image_name", "file_path", "photo"}
_CLASS_COLUMNS = ("label", "class", "category", "class_name", "label_name", "target", "class_id")
_FORM = "give a photo and its class per line, such as `cat/1.jpg cat`"


@dataclasses.dataclass(frozen=True)
class Lists:
    """The photos that lists name, with class ids, by split.

    Attributes:
        photos: photos and their classes by split.
        labels: readable names of the classes, where a file has them.
        files: the files that were read.
        findings: lines that name no photo.
    """

    photos: dict[str, list[tuple[Path, str]]]
    labels: dict[str, str]
    files: frozenset[Path]
    findings: tuple[Finding, ...]


def find_lists(root: Path, split_names: dict[str, str]) -> dict[str, Path]:
    """Return the lists in a folder by split, of which `train` must be one.

    Args:
        root: the folder.
        split_names: split for each name that it may have.

    Raises:
        WarmlensError: `split_twice`.
    """
    for name in _FOLDERS:
        folder = root / name
        found: dict[str, Path] = {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            match = _NAME.fullmatch(path.name.casefold())
            split = split_names.get(match[1]) if match else None
            if split is None or not path.is_file():
                continue
            if split in found:
                raise WarmlensError(
                    "split_twice",
                    f"{found[split]} and {path} are lists of the same split; leave one.",
                )
            found[split] = path
        if "train" in found:
            return found
    return {}


def read_lists(root: Path, lists: dict[str, Path], tree: Branch) -> Lists:
    """Read the lists of a folder.

    Raises:
        WarmlensError: `bad_list` when a file has no such form, `bad_labels`.
    """
    photos: dict[str, list[tuple[Path, str]]] = {}
    missing = []
    for split, path in lists.items():
        rows = photos[split] = []
        for number, name, label in _rows(path, root, split):
            photo = _find(root, split, path.parent, name)
            if photo is None:
                where = path.relative_to(root).as_posix()
                missing.append(f"{where}, line {number}: {name}")
                continue
            places = {root / each for each in (*_PHOTO_FOLDERS, split)} | {path.parent}
            if label is None and photo.parent in places:
                raise WarmlensError(
                    "bad_list",
                    f"{path}, line {number} gives no class, and {photo.parent} is no folder of a "
                    f"class; {_FORM}, or delete a list of photos without classes.",
                )
            rows.append((photo, class_name(photo.parent.name if label is None else label)))
    findings = []
    if missing:
        message = (
            f"{counted(len(missing), 'line of the lists names', 'lines of the lists name')} no "
            f"photo in {root}; correct or delete what is wrong ({_FORM})."
        )
        findings.append(Finding("listed_photo_missing", "error", message, tuple(missing)))
    listed = {photo for rows in photos.values() for photo, _ in rows}
    unlisted = [each for branch in tree.walk() for each in branch.photos if each not in listed]
    if unlisted:
        paths = tuple(each.relative_to(root).as_posix() for each in unlisted)
        message = (
            f"{counted(len(unlisted), 'photo is', 'photos are')} in none of the lists and not used."
        )
        findings.append(Finding("unlisted", "warning", message, paths))
    ids = {class_id for rows in photos.values() for _, class_id in rows}
    names, file = _class_names(root, ids)
    files = frozenset({*lists.values(), *([file] if file else [])})
    return Lists(photos, names, files, tuple(findings))


def _rows(path: Path, root: Path, split: str) -> Iterator[tuple[int, str, str | None]]:
    """Yield line number, photo and class of each line; None for the class of the folder."""
    lines = read_text(path, "bad_list").split("\n")
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    numbered = [(n, line) for n, line in numbered if not line.startswith("#")]
    delimiter = _delimiter(path, [line for _, line in numbered])
    columns, has_header = (0, 1), False
    for index, (number, line) in enumerate(numbered):
        if delimiter is None:
            name, label = _by_blank(
                line.strip(), root, split, path.parent, f"{path}, line {number}"
            )
            yield number, name, label
            continue
        reader = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
        cells = [_unquoted(cell) for cell in next(reader)]
        header = [cell.casefold() for cell in cells]
        if index == 0 and (at := [i for i, cell in enumerate(header) if cell in _PATH_COLUMNS]):
            of_class = [header.index(name) for name in _CLASS_COLUMNS if name in header]
            if not of_class:
                raise WarmlensError(
                    "bad_list",
                    f"{path} has no column with the class; allowed: {', '.join(_CLASS_COLUMNS)}.",
                )
            columns, has_header = (at[0], of_class[0]), True
            continue
        if not has_header and any(cells[2:]):
            raise WarmlensError(
                "bad_list",
                f"{path}, line {number} has {len(cells)} columns, and no header names them; give a "
                "header such as `filename,label`.",
            )
        if len(cells) <= max(columns) or not cells[columns[0]] or not cells[columns[1]]:
            raise WarmlensError("bad_list", f"{path}, line {number} is {line!r}; {_FORM}.")
        yield number, cells[columns[0]], cells[columns[1]]


def _delimiter(path: Path, lines: list[str]) -> str | None:
    """Return the character between photo and class, or None for a blank."""
    for delimiter in "\t,;":
        if lines and all(delimiter in line for line in lines):
            return delimiter
    return "," if path.suffix.lower() == ".csv" else None


def _by_blank(
    line: str, root: Path, split: str, beside: Path, where: str
) -> tuple[str, str | None]:
    """Return photo and class: a photo's name may have blanks, as may a class."""
    words = line.split(" ")
    for count in range(len(words), 0, -1):
        name, label = " ".join(words[:count]).strip(), _unquoted(" ".join(words[count:]))
        if _find(root, split, beside, name) is None:
            continue
        if len(numbers := label.split()) > 1 and all(each.isdecimal() for each in numbers):
            raise WarmlensError(
                "bad_list", f"{where} has several numbers behind the photo; allowed: one class."
            )
        return name, label or None
    name, _, label = line.rpartition(" ")
    return (name.strip(), label) if name else (line, None)


def _unquoted(text: str) -> str:
    """Return a name without blanks around it, and without quotes if it is in quotes."""
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if quoted else text


def _find(root: Path, split: str, beside: Path, name: str) -> Path | None:
    """Return the photo that a list names, in the folder or the usual ones in it."""
    names = [name] if "\\" not in name else [name, name.replace("\\", "/")]
    bases = [*_PHOTO_FOLDERS, split, beside.relative_to(root).as_posix()]
    for base in bases:
        for each in names:
            plain = each.strip("\"'")
            if Path(plain).is_absolute():
                plain = os.path.relpath(plain, root.absolute())
                base = ""
            inside = os.path.normpath(os.path.join(base, plain))  # noqa: PTH118
            if inside.startswith(".."):
                continue
            path = root / inside
            if path.suffix.lower() in IMAGE_SUFFIXES:
                if path.is_file():
                    return path
                continue
            for suffix in sorted(IMAGE_SUFFIXES):
                if path.name and (longer := path.with_name(f"{path.name}{suffix}")).is_file():
                    return longer
    return None


def _class_names(root: Path, ids: set[str]) -> tuple[dict[str, str], Path | None]:
    """Return the names of classes that lists have as numbers, from a file beside them."""
    if not ids or not all(each.isdecimal() for each in ids):
        return {}, None
    numbers = {int(each) for each in ids}
    for name in _CLASS_FILES:
        if not (path := root / name).is_file():
            continue
        labels = read_labels_file(path).labels
        first = 1 if min(numbers) == 1 and max(numbers) == len(labels) else 0
        if max(numbers) - first >= len(labels):
            raise WarmlensError(
                "bad_labels",
                f"{path} has {len(labels)} classes; the lists have the class {max(numbers)}.",
            )
        return {each: labels[int(each) - first] for each in ids}, path
    return {}, None
