import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lab.products.catalogue import PRODUCTS
from lab.products.dataset import DatasetSpec, write_dataset
from tests.hostile.cut_files import CUT, WHOLE
from tests.hostile.formats import png_chunk, whole_jpeg_of_size
from tests.training.class_folders import fill, save_picture
from training.data_check import DataReport, check_data
from training.findings import Finding
from training.pixels import read_pixels, square
from warmlens.errors import WarmlensError


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A folder of three classes without problems."""
    root = tmp_path / "photos"
    seed = 0
    for split, count in (("train", 20), ("val", 3), ("test", 3)):
        for name in ("apple", "bread", "cheese"):
            for number in range(count):
                seed += 1
                save_picture(root / split / name / f"{number:02d}.jpg", seed)
    return root


def found(report: DataReport) -> dict[str, Finding]:
    return {finding.code: finding for finding in report.findings}


def only(root: Path) -> Finding:
    report = check_data(root)
    assert len(report.findings) == 1, report.text()
    assert report.ok == (report.findings[0].severity == "warning")
    return report.findings[0]


def test_good_data_has_no_findings_and_is_counted(good: Path) -> None:
    report = check_data(good)
    assert report.findings == ()
    assert report.ok
    assert report.counts["train"] == {"apple": 20, "bread": 20, "cheese": 20}
    assert "60 photos, 20 to 20 a class" in report.text()
    assert "0 errors, 0 warnings" in report.text()


def test_one_of_a_kind_is_reported_in_the_singular(tmp_path: Path) -> None:
    fill(tmp_path / "apple", 2, 0)
    (tmp_path / "notes.txt").write_text("no photo")
    text = check_data(tmp_path).text()
    assert f"{tmp_path}: 1 class\n" in text
    assert "1 class has fewer than 3 photos in all" in text
    assert "1 file has no suffix" in text
    assert "2 errors, 1 warning." in text
    assert "named other" not in text  # a model of one class has a more urgent problem


def test_photos_that_the_generator_makes_have_no_findings(tmp_path: Path) -> None:
    spec = DatasetSpec(size_px=64, train=20, val=3, test=3, hard=3)
    write_dataset(tmp_path / "made", spec, PRODUCTS[:3], processes=1)
    report = check_data(tmp_path / "made")
    assert report.findings == ()
    assert report.folder.labels["00002"] == "Sola Mango 330 ml can"


@pytest.mark.parametrize("keep", [0, 40, 0.6])
def test_a_photo_that_is_cut_off_is_an_error(good: Path, keep: float) -> None:
    path = good / "train" / "apple" / "03.jpg"
    raw = path.read_bytes()
    path.write_bytes(raw[: int(keep * len(raw)) if keep < 1 else int(keep)])
    finding = only(good)
    assert (finding.code, finding.severity) == ("unreadable_image", "error")
    assert finding.paths == ("train/apple/03.jpg",)


def test_a_text_file_named_as_a_photo_is_an_error(good: Path) -> None:
    (good / "val" / "bread" / "x.png").write_text("not a picture")
    assert only(good).code == "unreadable_image"


def test_a_picture_of_a_type_the_service_does_not_take_is_an_error(good: Path) -> None:
    picture = Image.new("RGB", (96, 96))
    picture.save(good / "train" / "apple" / "20.jpg", format="BMP")
    assert only(good).paths == ("train/apple/20.jpg",)


def test_a_photo_with_far_too_many_pixels_is_an_error_and_is_not_decoded(good: Path) -> None:
    Image.new("1", (9000, 9000)).save(good / "train" / "apple" / "20.png")
    assert only(good).code == "too_many_pixels"


def test_a_photo_of_200_megapixels_is_read_by_the_check_and_by_training(good: Path) -> None:
    path = good / "train" / "apple" / "20.jpg"
    path.write_bytes(whole_jpeg_of_size(16_320, 12_240))
    assert {finding.code for finding in check_data(good).findings} <= {"near_duplicate"}
    assert read_pixels(path, square(64)).shape == (64, 64, 3)


def test_a_file_of_another_type_is_a_warning(good: Path) -> None:
    (good / "train" / "apple" / "notes.txt").write_text("notes")
    finding = only(good)
    assert (finding.code, finding.severity) == ("wrong_type", "warning")
    assert finding.paths == ("train/apple/notes.txt",)


def test_files_of_the_operating_system_are_nothing_to_report(good: Path) -> None:
    (good / "train" / ".DS_Store").write_bytes(b"x")
    (good / "train" / "apple" / "Thumbs.db").write_bytes(b"x")
    assert check_data(good).findings == ()


def test_a_png_named_jpg_is_a_warning(good: Path) -> None:
    path = good / "train" / "apple" / "20.jpg"
    save_picture(path.with_suffix(".png"), 500)
    path.with_suffix(".png").rename(path)
    assert only(good).code == "misnamed_image"


def test_a_photo_outside_a_class_folder_is_a_warning(good: Path) -> None:
    save_picture(good / "train" / "lost.jpg", 500)
    save_picture(good / "train" / "apple" / "deeper" / "lost.jpg", 501)
    save_picture(good / "more" / "apple" / "lost.jpg", 502)
    finding = only(good)
    assert finding.code == "misplaced"
    assert set(finding.paths) == {"train/lost.jpg", "train/apple/deeper", "more"}


def test_small_photos_are_a_warning(good: Path) -> None:
    save_picture(good / "train" / "apple" / "20.jpg", 500, side_px=40)
    assert only(good).code == "small_image"


def test_the_same_bytes_in_two_splits_are_an_error(good: Path) -> None:
    shutil.copy(good / "train" / "apple" / "03.jpg", good / "test" / "apple" / "copy.jpg")
    finding = only(good)
    assert (finding.code, finding.severity) == ("duplicate_across_splits", "error")
    assert finding.paths == ("train/apple/03.jpg = test/apple/copy.jpg",)


def test_the_same_bytes_in_two_classes_are_an_error(good: Path) -> None:
    shutil.copy(good / "train" / "apple" / "03.jpg", good / "train" / "bread" / "copy.jpg")
    finding = only(good)
    assert (finding.code, finding.severity) == ("duplicate_across_classes", "error")


def test_the_same_bytes_twice_in_a_class_are_a_warning(good: Path) -> None:
    shutil.copy(good / "train" / "apple" / "03.jpg", good / "train" / "apple" / "copy.jpg")
    finding = only(good)
    assert (finding.code, finding.severity) == ("duplicate_within_split", "warning")


@pytest.mark.parametrize("change", ["quality", "size", "type", "brightness"])
def test_a_photo_saved_again_in_another_split_is_a_warning(good: Path, change: str) -> None:
    target = good / "val" / "apple" / "again.jpg"
    with Image.open(good / "train" / "apple" / "03.jpg") as image:
        match change:
            case "quality":
                image.save(target, quality=40)
            case "size":
                image.resize((150, 150)).save(target)
            case "type":
                image.save(target.with_suffix(".png"))
            case _:
                image.point(lambda value: value * 0.8).save(target)
    finding = only(good)
    assert (finding.code, finding.severity) == ("near_duplicate_across_splits", "warning")
    assert finding.paths[0].startswith("train/apple/03.jpg ~ val/apple/again")


def test_plain_surfaces_are_not_called_alike(good: Path) -> None:
    for split, grey in (("train", 100), ("val", 101)):
        Image.new("RGB", (96, 96), (grey,) * 3).save(good / split / "apple" / "plain.jpg")
    assert check_data(good).findings == ()


@pytest.mark.parametrize(
    ("left", "code", "severity"),
    [(1, "too_few_images", "error"), (4, "few_images", "warning"), (19, "few_images", "warning")],
)
def test_too_few_photos_of_a_class_are_reported(
    good: Path, left: int, code: str, severity: str
) -> None:
    for path in sorted((good / "train" / "apple").iterdir())[left:]:
        path.unlink()
    finding = found(check_data(good))[code]
    assert finding.severity == severity
    assert finding.paths == (f"apple: {left}",)


def test_a_class_with_far_more_photos_is_a_warning(good: Path) -> None:
    for number in range(100):
        save_picture(good / "train" / "bread" / f"more{number}.jpg", 1000 + number)
    finding = only(good)
    assert finding.code == "class_imbalance"
    assert "bread has 120" in finding.message


@pytest.mark.parametrize(
    ("split", "severity"), [("train", "error"), ("val", "error"), ("test", "warning")]
)
def test_a_class_that_a_split_lacks_is_reported(good: Path, split: str, severity: str) -> None:
    shutil.rmtree(good / split / "cheese")
    finding = found(check_data(good))["class_missing"]
    assert (finding.severity, finding.paths) == (severity, ("cheese",))


def test_no_val_folder_is_an_error(good: Path) -> None:
    shutil.rmtree(good / "val")
    assert only(good).code == "split_missing"


def test_a_single_class_is_an_error(good: Path) -> None:
    for split in ("train", "val", "test"):
        for name in ("bread", "cheese"):
            shutil.rmtree(good / split / name)
    assert only(good).code == "too_few_classes"


def test_classes_that_differ_only_in_upper_case_are_an_error(good: Path) -> None:
    for split in ("train", "val", "test"):
        (good / split / "bread").rename(good / split / "Apple")
    finding = only(good)
    assert (finding.code, finding.severity) == ("same_class_name", "error")
    assert finding.paths == ("Apple", "apple")


def test_a_blank_at_the_end_of_a_class_name_is_a_warning(good: Path) -> None:
    for split in ("train", "val", "test"):
        (good / split / "bread").rename(good / split / "bread ")
    assert only(good).code == "odd_class_name"


def test_the_report_is_json_with_errors_first(good: Path) -> None:
    (good / "train" / "apple" / "notes.txt").write_text("notes")
    shutil.copy(good / "train" / "apple" / "03.jpg", good / "test" / "apple" / "copy.jpg")
    document = json.loads(json.dumps(check_data(good).document()))
    assert [finding["severity"] for finding in document["findings"]] == ["error", "warning"]
    assert document["ok"] is False
    assert document["layout"] == "splits"


def test_progress_counts_the_photos(good: Path) -> None:
    told: list[tuple[int, int]] = []
    check_data(good, lambda done, total: told.append((done, total)))
    assert told == [(done, 78) for done in range(1, 79)]


def save_all(folder: Path, files: dict[str, Callable[[], bytes]]) -> list[Path]:
    paths = [folder / f"made-{number:03d}.jpg" for number in range(len(files))]
    for path, make in zip(paths, files.values(), strict=True):
        path.write_bytes(make())
    return paths


def test_photos_without_their_end_mark_are_whole_in_the_check_and_in_training(good: Path) -> None:
    paths = save_all(good / "train" / "apple", WHOLE)
    assert "unreadable_image" not in found(check_data(good))
    for path in paths:
        assert read_pixels(path, square(64)).shape == (64, 64, 3)


def test_photos_that_lack_rows_are_errors_in_the_check_and_in_training(good: Path) -> None:
    paths = save_all(good / "train" / "apple", CUT)
    unreadable = found(check_data(good))["unreadable_image"].paths
    assert set(unreadable) == {path.relative_to(good).as_posix() for path in paths}
    for path in paths:
        with pytest.raises(WarmlensError) as refused:
            read_pixels(path, square(64))
        assert refused.value.code == "unreadable_photo"


def test_broken_metadata_is_nothing_to_report(good: Path) -> None:
    path = good / "train" / "apple" / "20.png"
    save_picture(path, 500)
    whole = path.read_bytes()
    text = png_chunk(b"tEXt", b"Title\0my photo")
    path.write_bytes(whole[:33] + text[:-1] + b"\0" + png_chunk(b"gAMA") + whole[33:])
    assert check_data(good).findings == ()
    expected = read_pixels(path, square(64))
    path.write_bytes(whole)
    assert (read_pixels(path, square(64)) == expected).all()


@pytest.mark.parametrize("suffix", [".jpe", ".jfif", ".JPG", ".JFIF"])
def test_a_jpeg_has_any_of_the_usual_suffixes(good: Path, suffix: str) -> None:
    path = good / "train" / "apple" / "20.jpg"
    save_picture(path, 500)
    path.rename(path.with_suffix(suffix))
    report = check_data(good)
    assert report.findings == ()
    assert report.counts["train"]["apple"] == 21
