"""Names of class folders: composed letters, odd bytes, copies."""

import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from tests.invoke import invoke
from tests.training.class_folders import COUNTS, agree, codes, fill
from training.commands import app
from training.dataset import read_dataset, read_test_photos


def composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)


@pytest.mark.parametrize("name", ["café", "Äpfel", "한글", "Việt"])
def test_a_class_composed_here_and_decomposed_there_is_one(root: Path, name: str) -> None:
    for split, form in (("train", composed), ("val", decomposed), ("test", decomposed)):
        (root / split / "apple").rename(root / split / form(name))
    assert codes(root) == {}
    ids = read_dataset(root).ids
    assert sorted(ids) == sorted((composed(name), "bread", "cheese"))
    assert len(read_test_photos(root, tuple(map(decomposed, ids)))["test"]) == 6


@pytest.mark.parametrize("name", ["café", "Äpfel", "한글"])
def test_two_folders_of_the_same_letters_are_an_error(root: Path, name: str) -> None:
    (root / "train" / "apple").rename(root / "train" / composed(name))
    shutil.copytree(root / "train" / "bread", root / "train" / decomposed(name))
    assert "move the photos of one folder into the other" in agree(root, "twin_class_names")


@pytest.mark.parametrize(
    ("raw", "code", "shown"),
    [
        (b"caf\xe9", "class_name_not_utf8", "caf\\xe9"),
        (b"\xff\xfe", "class_name_not_utf8", "\\xff\\xfe"),
        (b"a\nb", "class_name_not_printable", "a\\nb"),
        (b"a\x1b[31m", "class_name_not_printable", "a\\x1b[31m"),
        ("a\u200bb".encode(), "class_name_not_printable", "a\\u200bb"),
        ("\ufeffa".encode(), "class_name_not_printable", "\\ufeffa"),
        ("\u202egod".encode(), "class_name_not_printable", "\\u202egod"),
        ("\ue000".encode(), "class_name_not_printable", "\\ue000"),
    ],
)
def test_names_that_cannot_be_written_or_seen_are_an_error(
    root: Path, raw: bytes, code: str, shown: str
) -> None:
    for split in COUNTS:
        (root / split / "apple").rename(root / split / os.fsdecode(raw))
    agree(root, code)
    assert codes(root)[code] == (shown,)
    done = invoke(app, "data", "check", str(root))
    assert done.exit_code == 1
    assert shown in done.stdout


def test_photos_with_any_name_are_used(root: Path) -> None:
    folder = root / "train" / "apple"
    (folder / "0.jpg").rename(folder / os.fsdecode(b"caf\xe9\n.jpg"))
    assert codes(root) == {}
    assert read_dataset(root).counts["train"] == 12
    assert invoke(app, "data", "check", str(root), "--json").exit_code == 0


@pytest.mark.parametrize("name", ["Apple", "APPLE", "\uff41pple"])
def test_classes_that_differ_in_upper_case_alone_are_refused_by_training_too(
    root: Path, name: str
) -> None:
    for split in COUNTS:
        (root / split / "bread").rename(root / split / name)
    assert "into one folder" in agree(root, "same_class_name")


@pytest.mark.parametrize("name", ["apple (1)", "apple(2)", "apple - Copy", "apple copy 2"])
def test_copies_of_a_class_folder_are_found(flat: Path, name: str) -> None:
    fill(flat / name, 4, 500)
    assert codes(flat)["copied_class"] == (name,)
