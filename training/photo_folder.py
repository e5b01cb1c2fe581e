"""Reading of a user's photo folder: classes, splits and labels, without decoding photos."""

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path

from training.class_names import class_name, name_findings
from training.findings import Finding, counted
from training.folder_layout import SPLIT_NAMES, Classes, Layout, Parts, find_layout
from training.folder_walk import IMAGE_SUFFIXES, walk_folder
from training.groups import GROUPS_FILE
from training.split_lists import read_lists
from warmlens.errors import WarmlensError
from warmlens.text_files import STRICT_JSON, read_text

SPLITS = ("train", "val", "test", "hard")
VAL_SHARE = 0.15
TEST_SHARE = 0.15
LABELS_FILE = "dataset.json"
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
            `split_missing`, or what :func:`training.folder_layout.find_layout` and reading lists
            raise.
    """
    tree, findings = walk_folder(root)
    layout = find_layout(root, tree)
    classes = layout.classes
    if layout.kind == "splits" and "train" not in classes:
        raise WarmlensError(
            "split_missing",
            f"{root} has {', '.join(classes)} and no train; move the class folders to train into "
            f"{root}/train.",
        )
    own = {root / LABELS_FILE, root / GROUPS_FILE, root / "README.md"}
    names: dict[str, str] = {}
    splits: dict[str, tuple[LabelledPhoto, ...]]
    if layout.kind == "lists":
        lists = read_lists(root, layout.lists, tree)
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
    if layout.kind == "classes":
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
        layout=layout.kind,
        class_ids=tuple(ids),
        labels=labels,
        splits=splits,
        unused=tuple(sorted(path for path in layout.unused if path not in own)),
        findings=tuple(findings),
    )


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
        f"{counted(len(pairs), 'class name is', 'class names are')} there twice, in the same "
        "letters: once composed, once decomposed, as macOS writes them; move the photos of one "
        "folder into the other and delete it."
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
