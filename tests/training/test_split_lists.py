"""Lists of photos and classes, such as `train.txt`."""

from pathlib import Path

import pytest

from tests.training.class_folders import CLASSES, agree, codes, save_picture
from training.data_check import check_data
from training.dataset import read_dataset, read_test_photos
from training.photo_folder import read_photo_folder
from warmlens.errors import WarmlensError


def listed(flat: Path, line: str, *, header: str = "", suffix: str = "txt") -> None:
    """Write lists of a folder: photo 0 and 1 to train, 2 to validate, 3 to test."""
    for split, numbers in (("train", (0, 1)), ("val", (2,)), ("test", (3,))):
        rows = [
            line.format(name=name, number=number, class_number=CLASSES.index(name))
            for name in CLASSES
            for number in numbers
        ]
        (flat / f"{split}.{suffix}").write_text("\n".join([*([header] if header else []), *rows]))


LISTED = {
    "a blank": ("{name}/{number}.jpg {name}", "", "txt"),
    "a tab": ("{name}/{number}.jpg\t{name}", "", "txt"),
    "a comma": ("{name}/{number}.jpg,{name}", "", "csv"),
    "a header": ("{number},{name}/{number}.jpg,{name}", "id,filename,label", "csv"),
    "a semicolon": ("{name}/{number}.jpg;{name}", "path;class", "csv"),
    "tabs and a header": ("{name}\t{name}/{number}.jpg", "label\tpath", "tsv"),
    "the folder's class": ("{name}/{number}.jpg", "", "txt"),
    "no suffix": ("{name}/{number}", "", "txt"),
    "a leading dot": ("./{name}/{number}.jpg {name}", "", "lst"),
    "quotes": ('"{name}/{number}.jpg" "{name}"', "", "txt"),
    "single quotes": ("'{name}/{number}.jpg', '{name}'", "", "txt"),
    "quotes behind a blank": ('"{name}/{number}.jpg", "{name}"', '"filename", "label"', "csv"),
    "a comma at the end": ("{name}/{number}.jpg,{name},", "", "csv"),
    "backslashes": ("{name}\\{number}.jpg {name}", "", "txt"),
}


@pytest.mark.parametrize("form", LISTED)
def test_lists_name_photos_and_classes(flat: Path, form: str) -> None:
    line, header, suffix = LISTED[form]
    listed(flat, line, header=header, suffix=suffix)
    report = check_data(flat)
    assert report.folder.layout == "lists"
    assert codes(flat) == {}
    data = read_dataset(flat)
    assert (data.ids, data.counts) == (CLASSES, {"train": 6, "val": 3, "test": 3})
    assert {photo.path.parent.name for photo in data.splits["val"] if photo.target == 1} == {
        "bread"
    }
    assert len(read_test_photos(flat, CLASSES)["test"]) == 3


@pytest.mark.parametrize("relative", ["photos/../photos", ".", ""])
def test_lists_are_found_from_every_place(
    flat: Path, relative: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = flat.rename(flat.with_name("photos"))
    for name in CLASSES:
        (place / name).rename(place / f"the {name}")
    listed(place, f"{place.absolute()}/the {{name}}/{{number}}.jpg a {{name}}")
    monkeypatch.chdir(place if relative == "." else place.parent)
    data = read_dataset(Path(relative) if relative else place)
    assert data.ids == ("a apple", "a bread", "a cheese")
    assert data.counts == {"train": 6, "val": 3, "test": 3}


def test_lists_of_numbers_take_names_from_a_file(flat: Path) -> None:
    listed(flat, "{name}/{number}.jpg {class_number}")
    assert read_dataset(flat).labels == ("0", "1", "2")
    (flat / "classes.txt").write_text("Green apple\nRye bread\nOld cheese\n")
    data = read_dataset(flat)
    assert data.ids == ("0", "1", "2")
    assert data.labels == ("Green apple", "Rye bread", "Old cheese")
    assert codes(flat) == {}
    (flat / "classes.txt").write_text("Green apple\nRye bread\n")
    with pytest.raises(WarmlensError, match="has 2 classes; the lists have the class 2"):
        check_data(flat)


def test_lists_beside_photos_without_folders_of_classes(flat: Path) -> None:
    listed(flat, "{name}-{number}.jpg {name}")
    (flat / "images").mkdir()
    for name in CLASSES:
        for number in range(4):
            place = flat / "images" / f"{name}-{number}.jpg"
            (flat / name / f"{number}.jpg").rename(place)
        (flat / name).rmdir()
    assert codes(flat) == {}
    assert read_dataset(flat).ids == CLASSES


def test_lists_beside_folders_of_splits_are_not_used(root: Path) -> None:
    (root / "train.txt").write_text("train/apple/0.jpg bread\n")
    assert codes(root) == {"wrong_type": ("train.txt",)}
    assert read_dataset(root).counts["train"] == 12


def test_lines_that_name_no_photo_are_an_error(flat: Path) -> None:
    listed(flat, "{name}/{number}.jpg {name}")
    save_picture(flat.parent / "outside.jpg", 800)
    with (flat / "val.txt").open("a") as file:
        file.write("\napple/9.jpg apple\n../outside.jpg apple\n")
    assert "name no photo" in agree(flat, "listed_photo_missing")
    assert codes(flat)["listed_photo_missing"] == (
        "val.txt, line 4: apple/9.jpg",
        "val.txt, line 5: ../outside.jpg",
    )


def test_an_evaluation_refuses_lines_that_name_no_photo(flat: Path) -> None:
    listed(flat, "{name}/{number}.jpg {name}")
    with (flat / "test.txt").open("a") as file:
        file.write("\napple/9.jpg apple\n")
    with pytest.raises(WarmlensError, match=r"test\.txt, line 4: apple/9\.jpg") as refused:
        read_test_photos(flat, CLASSES)
    assert refused.value.code == "listed_photo_missing"


def test_photos_in_no_list_or_in_two_are_found(flat: Path) -> None:
    listed(flat, "{name}/{number}.jpg {name}")
    save_picture(flat / "apple" / "more.jpg", 700)
    with (flat / "val.txt").open("a") as file:
        file.write("\napple/0.jpg apple\n")
    found = codes(flat)
    assert found["unlisted"] == ("apple/more.jpg",)
    assert found["duplicate_across_splits"] == ("apple/0.jpg = apple/0.jpg",)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("filename,size\na.jpg,3\n", "bad_list", "has no column with the class"),
        ("apple/0.jpg,\n", "bad_list", "line 1 is 'apple/0.jpg,'"),
        ("apple/0.jpg,apple,1\n", "bad_list", "line 1 has 3 columns, and no header"),
        ("apple/0.jpg 0 1 0\n", "bad_list", "line 1 has several numbers"),
        ("apple/0.jpg,apple\nx\n", "bad_list", "line 2 is 'x'"),
    ],
)
def test_lists_of_another_form_are_refused(flat: Path, text: str, code: str, words: str) -> None:
    (flat / ("train.csv" if "," in text else "train.txt")).write_text(text)
    with pytest.raises(WarmlensError, match=words) as refused:
        read_photo_folder(flat)
    assert refused.value.code == code


def test_a_list_of_photos_without_classes_is_refused(flat: Path) -> None:
    listed(flat, "{name}/{number}.jpg {name}")
    save_picture(flat / "test" / "1.jpg", 900)
    (flat / "test.txt").write_text("1.jpg\n")
    with pytest.raises(WarmlensError, match=r"test\.txt, line 1 gives no class") as refused:
        check_data(flat)
    assert refused.value.code == "bad_list"


def test_an_empty_list_to_train_with_is_refused(flat: Path) -> None:
    listed(flat, "{name}/{number}.jpg {name}")
    (flat / "train.txt").write_text("")
    with pytest.raises(WarmlensError, match="train has no photos to train with"):
        read_dataset(flat)
