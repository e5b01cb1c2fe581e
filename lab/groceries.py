"""Photos of the Grocery Store data set as a folder for training.

Source: M. Klasson, C. Zhang, H. Kjellström, "A Hierarchical Grocery Store Image Dataset with Visual
and Semantic Labels", WACV 2019, arXiv 1901.00711; github.com/marcusklasson/GroceryStoreDataset,
MIT. Its lists name each photo's path, class and coarse class.

The published validation photos have 59 of the 81 classes. So they join the training photos, and
every tenth photo of each class, in the order of the lists, is held out for validation.
"""

import csv
import dataclasses
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from training.groups import GROUPS_FILE
from warmlens.errors import WarmlensError
from warmlens.text_files import read_text

SPLITS = ("train", "val", "test")
HELD_OUT = 10  # of each class the 5th, 15th, 25th photo and so on


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Class:
    name: str
    coarse: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Photo:
    path: str
    split: str
    of: _Class


def prepare(source: Path, out: Path) -> dict[str, int]:
    """Copy the photos to `<out>/{train,val,test}/CLASS/`, with readable labels.

    `groups.json` names each class's coarse class and whether it is a package.

    Args:
        source: the data set's folder, with `train.txt` and `classes.csv`.
        out: the new folder.

    Returns:
        The number of photos of each split.

    Raises:
        WarmlensError: `data_missing` or `folder_exists`.
    """
    if not (source / "classes.csv").is_file():
        raise WarmlensError("data_missing", f"{source} has no classes.csv; clone the data set.")
    if out.exists():
        raise WarmlensError("folder_exists", f"{out} exists; delete it, or name another folder.")
    rows = list(csv.reader(read_text(source / "classes.csv", "data_missing").splitlines()))[1:]
    classes = {row[1]: _Class(name=row[0], coarse=row[2]) for row in rows if len(row) > 2}
    photos = [each for split in SPLITS for each in _listed(source, split, classes)]
    counts = dict.fromkeys(SPLITS, 0)
    seen: Counter[str] = Counter()
    for photo in photos:
        to, name = photo.split, photo.of.name
        if to != "test":
            seen[name] += 1
            to = "val" if seen[name] % HELD_OUT == HELD_OUT // 2 else "train"
        copy = out / to / name / f"{photo.split}-{Path(photo.path).name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / photo.path, copy)
        counts[to] += 1
    groups = {
        each.of.name: {"coarse": each.of.coarse, "package": "/Packages/" in each.path}
        for each in photos
    }
    _write(out / "dataset.json", {"labels": {each.name: _label(each) for each in classes.values()}})
    _write(out / GROUPS_FILE, dict(sorted(groups.items())))
    return counts


def _listed(source: Path, split: str, classes: dict[str, _Class]) -> Iterator[_Photo]:
    """Yield the photos of a published list, which are there and of a class in classes.csv."""
    path = source / f"{split}.txt"
    for number, line in enumerate(read_text(path, "data_missing").splitlines(), 1):
        photo, _, rest = line.partition(",")
        known = classes.get(rest.partition(",")[0].strip())
        if known is None:
            message = f"{path}, line {number}, names no class of classes.csv; clone the data set."
            raise WarmlensError("data_missing", message)
        if not (source / photo.strip()).is_file():
            message = (
                f"{source} lacks {photo.strip()}, which {path.name} lists; clone the data set."
            )
            raise WarmlensError("data_missing", message)
        yield _Photo(path=photo.strip(), split=split, of=known)


def _label(known: _Class) -> str:
    """Return a readable label, with the coarse class where the name lacks it."""
    words = known.name.replace("-", " ")
    kind = known.coarse.replace("-", " ")
    return words if kind.casefold() in words.casefold() else f"{words} ({kind.lower()})"


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
