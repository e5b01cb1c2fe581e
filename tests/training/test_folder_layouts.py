"""Layouts of photo folders: splits, nested classes, system files and links."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.class_folders import CLASSES, COUNTS, codes, fill
from training.data_check import check_data
from training.dataset import read_dataset, read_test_photos
from warmlens.errors import WarmlensError


def test_the_folder_itself_has_no_problem(root: Path, flat: Path) -> None:
    assert codes(root) == {}
    assert codes(flat) == {}
    assert read_dataset(root).counts == {"train": 12, "val": 6, "test": 6}


@pytest.mark.parametrize(
    ("split", "name"),
    [
        ("train", "training"),
        ("train", "Train"),
        ("val", "valid"),
        ("val", "validation"),
        ("val", "dev"),
        ("val", "VAL"),
        ("test", "testing"),
        ("test", "Test"),
    ],
)
def test_splits_have_other_names(root: Path, split: str, name: str) -> None:
    (root / split).rename(root / name)
    assert codes(root) == {}
    assert read_dataset(root).counts == {"train": 12, "val": 6, "test": 6}
    assert read_test_photos(root, CLASSES).keys() == {"test"}


def test_splits_that_an_archive_has_twice_are_read(root: Path) -> None:
    for split in COUNTS:
        (root / split).rename(root / "moved")
        (root / split).mkdir()
        (root / "moved").rename(root / split / split)
    assert codes(root) == {}
    assert read_dataset(root).ids == CLASSES


JUNK = {
    "macOS archives": "__MACOSX/train/apple/._0.jpg",
    "resource forks": "train/apple/._0.jpg",
    "Finder": "train/apple/.DS_Store",
    "Finder's icons": "train/apple/Icon\r",
    "Windows": "train/apple/Thumbs.db",
    "Windows' view": "train/apple/desktop.ini",
    "Synology": "train/apple/@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg",
    "Synology in the root": "@eaDir/0.jpg",
    "Jupyter": "train/.ipynb_checkpoints/0-checkpoint.jpg",
    "Jupyter in a class": "train/apple/.ipynb_checkpoints/0-checkpoint.jpg",
    "a disk": "lost+found/0.jpg",
}


@pytest.mark.parametrize("layout", ["splits", "classes"])
@pytest.mark.parametrize("kind", JUNK)
def test_files_of_systems_are_neither_classes_nor_photos(
    root: Path, flat: Path, kind: str, layout: str
) -> None:
    folder = root if layout == "splits" else flat
    place = folder / (JUNK[kind] if layout == "splits" else JUNK[kind].replace("train/", ""))
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(next((folder).rglob("0.jpg")), place)
    assert codes(folder) == {}
    assert read_dataset(folder).ids == CLASSES
    assert set(read_test_photos(folder, CLASSES)) == {"test" if layout == "splits" else "all"}


def test_a_hidden_folder_with_photos_is_reported(root: Path) -> None:
    shutil.copytree(root / "train" / "apple", root / "train" / ".net")
    assert codes(root) == {"hidden_photos": ("train/.net",)}


def test_photos_deep_in_a_hidden_folder_are_reported(flat: Path) -> None:
    fill(flat / ".cache" / "a" / "b", 1, 600)
    assert codes(flat) == {"hidden_photos": (".cache",)}


def test_nested_classes_are_their_last_folder_or_their_path(flat: Path) -> None:
    (flat / "food").mkdir()
    for name in ("apple", "bread"):
        (flat / name).rename(flat / "food" / name)
    assert codes(flat) == {"nested_classes": ("food/apple", "food/bread")}
    assert read_dataset(flat).ids == CLASSES
    (flat / "more" / "deep").mkdir(parents=True)
    fill(flat / "more" / "deep" / "apple", 4, 900)
    assert "the class is the whole path" in check_data(flat).text()
    ids = read_dataset(flat).ids
    assert ids == ("cheese", "food/apple", "food/bread", "more/deep/apple")
    assert len(read_test_photos(flat, ids)["all"]) == 16
    with pytest.raises(WarmlensError, match=r"labels_mismatch|has the class"):
        read_test_photos(flat, CLASSES[1:])


def test_nested_classes_of_splits_are_the_same_in_each(root: Path) -> None:
    for split in COUNTS:
        (root / split / "food").mkdir()
        (root / split / "bread").rename(root / split / "food" / "bread")
    assert list(codes(root)) == ["nested_classes"]
    assert read_dataset(root).ids == CLASSES
    assert len(read_test_photos(root, CLASSES)["test"]) == 6


def test_a_folder_around_the_photos_is_no_class(root: Path, flat: Path, tmp_path: Path) -> None:
    around = tmp_path / "around"
    around.mkdir()
    flat.rename(around / "inner")
    assert read_dataset(around).ids == CLASSES
    outside = tmp_path / "outside"
    outside.mkdir()
    root.rename(outside / "data")
    with pytest.raises(WarmlensError, match=r"has its splits in .*outside/data; give that folder"):
        check_data(outside)


def put_splits_into_classes(root: Path) -> None:
    for split in COUNTS:
        for name in CLASSES:
            (root / name).mkdir(exist_ok=True)
            (root / split / name).rename(root / name / split)
        (root / split).rmdir()


def take_out_of_classes(root: Path) -> None:
    for split in COUNTS:
        for name in CLASSES:
            for photo in (root / split / name).iterdir():
                photo.rename(root / split / f"{name}{photo.name}")
            (root / split / name).rmdir()


REFUSED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a split twice": (
        lambda root: shutil.copytree(root / "val", root / "validation"),
        "split_twice",
        "are both the split val; move",
    ),
    "no train": (lambda root: shutil.rmtree(root / "train"), "split_missing", "and no train"),
    "splits in classes": (
        put_splits_into_classes,
        "splits_in_classes",
        "splits are inside the classes; move the photos to .*/train/apple",
    ),
    "no classes": (
        take_out_of_classes,
        "splits_without_classes",
        "without folders of classes; allowed: .*/CLASS",
    ),
}


@pytest.mark.parametrize("form", REFUSED)
def test_splits_that_cannot_be_read_are_refused_with_the_mend(root: Path, form: str) -> None:
    change, code, words = REFUSED[form]
    change(root)
    for read in (check_data, read_dataset):
        with pytest.raises(WarmlensError, match=words) as refused:
            read(root)
        assert refused.value.code == code


@pytest.mark.parametrize("name", ["test1", "test_2", "Test-3"])
def test_flat_splits_with_a_number_are_no_classes(tmp_path: Path, name: str) -> None:
    fill(tmp_path / "train", 3, 0)
    fill(tmp_path / name, 3, 10)
    with pytest.raises(WarmlensError, match="without folders of classes") as refused:
        check_data(tmp_path)
    assert refused.value.code == "splits_without_classes"
    assert f"{tmp_path}/train/CLASS" in refused.value.message


def test_a_class_with_the_name_of_a_split_is_one(flat: Path) -> None:
    (flat / "apple").rename(flat / "train")
    assert codes(flat) == {"class_named_as_split": ("train",)}
    assert read_dataset(flat).ids == ("bread", "cheese", "train")


def test_links_are_followed_but_not_in_circles(root: Path, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    (root / "train" / "apple").rename(apart)
    (root / "train" / "apple").symlink_to(apart)
    photo = root / "train" / "bread" / "0.jpg"
    photo.rename(tmp_path / "photo.jpg")
    photo.symlink_to(tmp_path / "photo.jpg")
    assert codes(root) == {}
    (root / "train" / "again").symlink_to(root / "train")
    (apart / "up").symlink_to(root)
    (root / "itself").symlink_to(root / "itself")
    (root / "train" / "bread" / "gone.jpg").symlink_to(tmp_path / "gone.jpg")
    found = codes(root)
    assert found.pop("broken_link") == ("itself", "train/bread/gone.jpg")
    assert found.pop("link_loop") == ("train/again", "train/apple/up")
    assert found == {}
    assert read_dataset(root).counts["train"] == 12


@pytest.mark.parametrize("layout", ["splits", "classes"])
def test_an_empty_folder_is_an_error(root: Path, flat: Path, layout: str) -> None:
    folder = root if layout == "splits" else flat
    (folder / ("train/dates" if layout == "splits" else "dates")).mkdir()
    assert codes(folder) == {"empty_class": ("dates",)}
    with pytest.raises(WarmlensError, match='"dates" has 0 photos'):
        read_dataset(folder)


@pytest.mark.parametrize(("count", "photos"), [(1, "1 photo"), (2, "2 photos")])
def test_a_class_of_one_or_two_photos_is_an_error(flat: Path, count: int, photos: str) -> None:
    fill(flat / "dates", count, 500)
    assert codes(flat)["too_few_images"] == (f"dates: {count}",)
    assert codes(flat).keys() <= {"too_few_images", "class_missing", "class_imbalance"}
    with pytest.raises(WarmlensError, match=f'"dates" has {photos}; allowed: 3 or') as refused:
        read_dataset(flat)
    assert refused.value.code == "too_few_images"


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every folder")
def test_a_folder_without_rights_is_refused(root: Path) -> None:
    (root / "train" / "apple").chmod(0)
    with pytest.raises(WarmlensError, match="cannot be read: Permission denied"):
        check_data(root)
