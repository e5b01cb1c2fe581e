import shutil
from pathlib import Path

import pytest

from tests.training.class_folders import save_picture
from training.data_check import check_data
from training.photo_folder import PhotoFolder, read_photo_folder
from warmlens.errors import WarmlensError


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """A folder of classes without splits, 30 photos each."""
    root = tmp_path / "photos"
    for index, name in enumerate(("apple", "bread", "cheese")):
        for number in range(30):
            save_picture(root / name / f"{number:02d}.jpg", 100 * index + number)
    return root


def raw_by_split(folder: PhotoFolder) -> dict[str, set[bytes]]:
    return {
        split: {photo.path.read_bytes() for photo in photos}
        for split, photos in folder.splits.items()
    }


def test_a_folder_of_classes_is_split_in_each_class(classes: Path) -> None:
    counts = check_data(classes).counts
    assert counts == {
        split: dict.fromkeys(("apple", "bread", "cheese"), count)
        for split, count in (("train", 22), ("val", 4), ("test", 4))
    }
    assert "split here" in check_data(classes).text()


def test_the_split_does_not_depend_on_names_or_place(classes: Path, tmp_path: Path) -> None:
    before = raw_by_split(read_photo_folder(classes))
    moved = tmp_path / "moved"
    for name in ("cheese", "apple", "bread"):
        for number, path in enumerate(sorted((classes / name).iterdir(), reverse=True)):
            (moved / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, moved / name / f"other{number}.jpg")
    assert raw_by_split(read_photo_folder(moved)) == before


def test_equal_photos_are_not_parted(classes: Path) -> None:
    for path in sorted((classes / "apple").iterdir()):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    splits = list(raw_by_split(read_photo_folder(classes)).values())
    assert not splits[0] & splits[1]
    assert not splits[0] & splits[2]
    assert not splits[1] & splits[2]


def test_a_class_of_two_photos_has_one_to_train_and_one_to_judge_by(tmp_path: Path) -> None:
    for number in range(2):
        save_picture(tmp_path / "apple" / f"{number}.jpg", number)
    splits = read_photo_folder(tmp_path).splits
    assert [len(splits[name]) for name in ("train", "val", "test")] == [1, 1, 0]


def test_a_label_of_a_class_that_no_folder_has_is_a_warning(classes: Path) -> None:
    text = '{"labels": {"apple": "Green apple", "Bread": "Rye bread", "7": "Milk"}}'
    (classes / "dataset.json").write_bytes(text.encode("utf-8-sig"))
    report = check_data(classes)
    assert report.folder.labels == {"apple": "Green apple", "bread": "bread", "cheese": "cheese"}
    (found,) = [finding for finding in report.findings if finding.code == "label_unused"]
    assert found.paths == ("7", "Bread")
    assert report.ok


def test_labels_come_from_dataset_json_or_from_the_folders(classes: Path) -> None:
    assert read_photo_folder(classes).labels["apple"] == "apple"
    (classes / "dataset.json").write_text('{"labels": {"apple": "Green apple"}}')
    folder = read_photo_folder(classes)
    assert folder.labels == {"apple": "Green apple", "bread": "bread", "cheese": "cheese"}
    assert folder.unused == ()


@pytest.mark.parametrize("text", ["{", "[]", '{"labels": []}', '{"labels": {"apple": 1}}'])
def test_labels_that_are_not_names_are_refused(classes: Path, text: str) -> None:
    (classes / "dataset.json").write_text(text)
    with pytest.raises(WarmlensError) as refusal:
        read_photo_folder(classes)
    assert refusal.value.code == "bad_labels"


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train" / "apple").mkdir(parents=True)
    with pytest.raises(WarmlensError, match=r"has no photos\. Allowed: .*/train/CLASS") as refusal:
        read_photo_folder(tmp_path)
    assert refusal.value.code == "no_images"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WarmlensError, match="nowhere is not a folder"):
        read_photo_folder(tmp_path / "nowhere")
