"""Class folders as disks have them: one reader for the check and for training."""

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.invoke import invoke
from tests.training.test_data_check import save_picture
from training.commands import app
from training.data_check import check_data
from training.dataset import read_dataset, read_test_photos
from training.photo_folder import read_photo_folder
from warmlens.errors import WarmlensError

CLASSES = ("apple", "bread", "cheese")
COUNTS = {"train": 4, "val": 2, "test": 2}


def fill(folder: Path, count: int, first: int) -> int:
    for number in range(count):
        save_picture(folder / f"{number}.jpg", first + number)
    return first + count


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    seed = 0
    for split, count in COUNTS.items():
        for name in CLASSES:
            seed = fill(root / split / name, count, seed)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A folder of splits whose only problem is that it has few photos."""
    shutil.copytree(made, tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def flat(made: Path, tmp_path: Path) -> Path:
    """A folder of classes without splits."""
    for name in CLASSES:
        shutil.copytree(made / "train" / name, tmp_path / "flat" / name)
    return tmp_path / "flat"


def codes(root: Path) -> dict[str, tuple[str, ...]]:
    """Return what the check finds besides few photos."""
    findings = check_data(root).findings
    return {each.code: each.paths for each in findings if each.code != "few_images"}


def agree(root: Path, code: str) -> str:
    """Require that check and training refuse a folder alike, and return the finding."""
    (found,) = [each for each in check_data(root).findings if each.code == code]
    assert found.severity == "error"
    with pytest.raises(WarmlensError) as refused:
        read_dataset(root)
    assert refused.value.code == code
    assert found.message in refused.value.message
    return found.message


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
        "splits are inside of the classes; move the photos to .*/train/apple",
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


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_of_one_or_two_photos_is_an_error(flat: Path, count: int) -> None:
    fill(flat / "dates", count, 500)
    assert codes(flat)["too_few_images"] == (f"dates: {count}",)
    assert codes(flat).keys() <= {"too_few_images", "class_missing", "class_imbalance"}
    with pytest.raises(
        WarmlensError, match=f'"dates" has {count} photos; allowed: 3 or'
    ) as refused:
        read_dataset(flat)
    assert refused.value.code == "too_few_images"


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every folder")
def test_a_folder_without_rights_is_refused(root: Path) -> None:
    (root / "train" / "apple").chmod(0)
    with pytest.raises(WarmlensError, match="cannot be read: Permission denied"):
        check_data(root)


# Lists


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


def test_splits_that_an_archive_has_twice_are_read(root: Path) -> None:
    for split in COUNTS:
        (root / split).rename(root / "moved")
        (root / split).mkdir()
        (root / "moved").rename(root / split / split)
    assert codes(root) == {}
    assert read_dataset(root).ids == CLASSES


@pytest.mark.parametrize("name", ["test1", "test_2", "Test-3"])
def test_flat_splits_with_a_number_are_no_classes(tmp_path: Path, name: str) -> None:
    fill(tmp_path / "train", 3, 0)
    fill(tmp_path / name, 3, 10)
    with pytest.raises(WarmlensError, match="without folders of classes") as refused:
        check_data(tmp_path)
    assert refused.value.code == "splits_without_classes"
    assert f"{tmp_path}/train/CLASS" in refused.value.message


@pytest.mark.parametrize("name", ["apple (1)", "apple(2)", "apple - Copy", "apple copy 2"])
def test_copies_of_a_class_folder_are_found(flat: Path, name: str) -> None:
    fill(flat / name, 4, 500)
    assert codes(flat)["copied_class"] == (name,)


def test_photos_deep_in_a_hidden_folder_are_reported(flat: Path) -> None:
    fill(flat / ".cache" / "a" / "b", 1, 600)
    assert codes(flat) == {"hidden_photos": (".cache",)}


def test_lists_beside_folders_of_splits_are_not_used(root: Path) -> None:
    (root / "train.txt").write_text("train/apple/0.jpg bread\n")
    assert codes(root) == {"wrong_type": ("train.txt",)}
    assert read_dataset(root).counts["train"] == 12
