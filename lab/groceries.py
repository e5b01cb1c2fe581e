"""Photos of the Grocery Store data set as a folder for training.

Source: M. Klasson, C. Zhang, H. Kjellström, "A Hierarchical Grocery Store Image Dataset with Visual
and Semantic Labels", WACV 2019, arXiv 1901.00711; github.com/marcusklasson/GroceryStoreDataset,
MIT. Its lists name each photo's path, class and coarse class.

The published validation photos have 59 of the 81 classes. So they join the training photos, and
every tenth photo of each class, in the order of the lists, is held out for validation.
"""

import csv
import json
import shutil
from pathlib import Path

from training.groups import GROUPS_FILE
from warmlens.errors import WarmlensError
from warmlens.text_files import read_text

HELD_OUT = 10  # one photo in so many, and at least one of each class


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
    names = {row[1]: row[0] for row in rows}
    coarse = {row[1]: row[2] for row in rows}
    groups: dict[str, dict[str, object]] = {}
    counts = {"train": 0, "val": 0, "test": 0}
    seen: dict[str, int] = {}
    for split in ("train", "val", "test"):
        for line in read_text(source / f"{split}.txt", "data_missing").splitlines():
            path, number, _ = (part.strip() for part in line.split(","))
            name = names[number]
            groups[name] = {"coarse": coarse[number], "package": "/Packages/" in path}
            to = split
            if split != "test":
                seen[name] = seen.get(name, 0) + 1
                to = "val" if seen[name] % HELD_OUT == HELD_OUT // 2 else "train"
            copy = out / to / name / f"{split}-{Path(path).name}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, copy)
            counts[to] += 1
    labels = {names[row[1]]: _label(row[0], row[2]) for row in rows}
    _write(out / "dataset.json", {"labels": labels})
    _write(out / GROUPS_FILE, dict(sorted(groups.items())))
    return counts


def _label(name: str, coarse: str) -> str:
    """Return a readable label, with the coarse class where the name lacks it."""
    words = name.replace("-", " ")
    kind = coarse.replace("-", " ")
    return words if kind.casefold() in words.casefold() else f"{words} ({kind.lower()})"


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
