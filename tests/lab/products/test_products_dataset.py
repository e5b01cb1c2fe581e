import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from lab.products.catalogue import PRODUCTS
from lab.products.contact_sheet import contact_sheet
from lab.products.dataset import DatasetSpec, PhotoKey, photo_file, write_dataset
from warmlens.errors import WarmlensError

SPEC = DatasetSpec(seed=4, size_px=32, train=3, val=1, test=2, hard=2)
FEW = PRODUCTS[:4]


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_processes(tmp_path: Path) -> None:
    write_dataset(tmp_path / "one", SPEC, FEW, processes=1)
    write_dataset(tmp_path / "two", SPEC, FEW, processes=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_other_photos() -> None:
    one, other = (photo_file(PhotoKey(FEW[0], "train", 1, seed), 32) for seed in (1, 2))
    assert one != other


def test_a_data_set_is_an_image_folder_with_a_description(tmp_path: Path) -> None:
    write_dataset(tmp_path, SPEC, FEW, processes=1)
    files = contents(tmp_path)
    photos = {name for name in files if name.endswith(".jpg")}
    assert photos == {
        f"{split}/{product.class_id}/{number:05d}.jpg"
        for product in FEW
        for split, count in SPEC.counts().items()
        for number in range(1, count + 1)
    }
    assert set(files) - photos == {"dataset.json"}
    for name in photos:
        with Image.open(tmp_path / name) as image:
            image.load()
            assert (image.format, image.size, image.mode) == ("JPEG", (32, 32), "RGB")
    description = json.loads(files["dataset.json"])
    assert description["seed"] == 4
    assert description["size_px"] == 32
    assert description["generator_version"] == "1"
    assert description["photos_per_class"] == {"train": 3, "val": 1, "test": 2, "hard": 2}
    assert description["labels"]["00001"] == "Sola Orange 330 ml can"


def test_no_photo_is_in_two_splits_or_twice_in_one() -> None:
    digests = [
        hashlib.sha256(photo_file(PhotoKey(product, split, number), 32)).digest()
        for product in FEW
        for split in SPEC.counts()
        for number in range(1, 9)
    ]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_interrupted_write_does_not_look_complete(tmp_path: Path, processes: int) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path, SPEC, FEW, processes, interrupt)
    assert not list(tmp_path.glob("dataset.json*"))
    with pytest.raises(WarmlensError, match=r"not empty.*It has no dataset\.json: not finished"):
        write_dataset(tmp_path, SPEC, FEW, processes=1)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WarmlensError, match="not empty") as refusal:
        write_dataset(tmp_path, SPEC, FEW, processes=1)
    assert refusal.value.code == "target_not_empty"
    assert contents(tmp_path) == {"mine.txt": b"mine"}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WarmlensError, match="is a file"):
        write_dataset(tmp_path / "file", SPEC, FEW, processes=1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (dataclasses.replace(SPEC, size_px=8), "size_px is 8; allowed: 16 to 1024"),
        (dataclasses.replace(SPEC, seed=-1), "seed is -1; allowed: 0 to"),
        (dataclasses.replace(SPEC, train=-1), "train is -1; allowed: 0 to"),
    ],
)
def test_a_number_out_of_range_is_refused_and_writes_nothing(
    tmp_path: Path, spec: DatasetSpec, message: str
) -> None:
    with pytest.raises(WarmlensError, match=message):
        write_dataset(tmp_path / "new", spec, FEW)
    assert not (tmp_path / "new").exists()


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    nothing = DatasetSpec(train=0, val=0, test=0, hard=0)
    for spec, products in ((nothing, FEW), (SPEC, ())):
        with pytest.raises(WarmlensError, match="nothing to draw"):
            write_dataset(tmp_path, spec, products)


def test_two_products_of_one_class_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WarmlensError, match="same class id"):
        write_dataset(tmp_path, SPEC, (FEW[0], FEW[0]))


def test_progress_counts_the_photos(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_dataset(tmp_path, SPEC, FEW, 1, lambda done, total: told.append((done, total)))
    assert told[-1] == (32, 32)
    assert told == sorted(told)


def test_the_contact_sheet_has_a_row_of_photos_for_every_product() -> None:
    few, more = (contact_sheet(PRODUCTS[:n], size_px=32) for n in (3, 6))
    assert few.shape[1] == more.shape[1]
    assert more.shape[0] > few.shape[0]
