"""`python -m lab groceries` and `everyday`: folders of real photos, made of data sets."""

import json
from pathlib import Path

import pytest

from lab.everyday import (
    FOREIGN,
    FOREIGN_GROCERIES,
    OWN,
    OWN_GROCERIES,
    PER_CLASS,
    prepare_everyday,
)
from lab.groceries import prepare
from warmlens.errors import WarmlensError

GALA, MILK = "Fruit/Apple/Gala", "Packages/Milk/Arla-Milk"


def grocery_store(folder: Path) -> Path:
    """A small data set of the form of the Grocery Store's."""
    classes = (
        "Class Name,Class ID,Coarse Class Name,Coarse ID\nGala,0,Apple,0\nArla-Milk,1,Milk,1\n"
    )
    folder.mkdir()
    (folder / "classes.csv").write_text(classes)
    for split, count in (("train", 16), ("val", 4), ("test", 2)):
        lines = []
        for number in range(count):
            for of, place in enumerate((GALA, MILK)):
                photo = folder / split / place / f"{number:02}.jpg"
                photo.parent.mkdir(parents=True, exist_ok=True)
                photo.write_bytes(f"{split} {place} {number}".encode())
                lines.append(f"{photo.relative_to(folder).as_posix()}, {of}, {of}\n")
        (folder / f"{split}.txt").write_text("".join(lines))
    return folder


def test_every_tenth_photo_of_each_class_is_held_out_and_test_photos_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert prepare(grocery_store(tmp_path / "source"), out) == {"train": 36, "val": 4, "test": 4}
    assert sorted(path.name for path in (out / "val" / "Gala").iterdir()) == [
        "train-04.jpg",
        "train-14.jpg",
    ]
    assert (out / "train" / "Gala" / "val-03.jpg").read_bytes() == f"val {GALA} 3".encode()
    assert len(list((out / "test" / "Arla-Milk").iterdir())) == 2
    labels = json.loads((out / "dataset.json").read_text())["labels"]
    assert labels == {"Gala": "Gala (apple)", "Arla-Milk": "Arla Milk"}
    assert json.loads((out / "groups.json").read_text()) == {
        "Arla-Milk": {"coarse": "Milk", "package": True},
        "Gala": {"coarse": "Apple", "package": False},
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"val/{GALA}/00.jpg, 9, 0", "val.txt, line 5, names no class of classes.csv"),
        ("no list of photos", "val.txt, line 5, names no class of classes.csv"),
        ("val/absent.jpg, 1, 1", "lacks val/absent.jpg, which val.txt lists"),
    ],
)
def test_a_data_set_that_is_not_whole_is_refused_before_anything_is_written(
    tmp_path: Path, line: str, message: str
) -> None:
    source = grocery_store(tmp_path / "source")
    listed = (source / "val.txt").read_text().splitlines()[:4]
    (source / "val.txt").write_text("\n".join([*listed, line]))
    with pytest.raises(WarmlensError, match=message) as refused:
        prepare(source, tmp_path / "out")
    assert refused.value.code == "data_missing"
    assert not (tmp_path / "out").exists()


def test_photos_of_imagenet_classes_and_of_other_things_are_copied_apart(tmp_path: Path) -> None:
    for name in (*OWN_GROCERIES, *FOREIGN_GROCERIES):
        folder = tmp_path / "photos" / "train" / name
        folder.mkdir(parents=True)
        for number in range(2 * PER_CLASS + 1):
            (folder / f"{name}-{number}.jpg").write_bytes(b"a photo")
    out = tmp_path / "out"
    counts = prepare_everyday(tmp_path / "photos", out)
    for part, groceries in ((OWN, OWN_GROCERIES), (FOREIGN, FOREIGN_GROCERIES)):
        copied = [path for path in (out / part).rglob("*") if path.is_file()]
        assert len(copied) == counts[part]
        assert sum(path.suffix == ".jpg" for path in copied) == PER_CLASS * len(groceries)
        assert any(path.suffix == ".webp" for path in copied)
    pepper = OWN_GROCERIES["Red-Bell-Pepper"]
    assert len(list((out / OWN / pepper).iterdir())) == 4 * PER_CLASS  # of four colours


def test_a_folder_without_one_of_the_classes_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with pytest.raises(WarmlensError, match="no photos of Granny-Smith") as refused:
        prepare_everyday(tmp_path, tmp_path / "out")
    assert refused.value.code == "no_images"
    assert not (tmp_path / "out").exists()
