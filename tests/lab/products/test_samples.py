"""The page's sample photos: generated, listed in a gallery, and in no training set."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from lab.products.catalogue import PRODUCTS
from lab.products.dataset import DatasetSpec
from lab.products.samples import SAMPLES, SEED, GalleryPhoto, sample_files
from warmlens.paths import WEB

FOLDER = WEB / "samples"
GALLERIES = json.loads((FOLDER / "galleries.json").read_text())
# JPEG encoders of other builds differ a little.
MEAN_DIFFERENCE = 2.0


def pixels(data: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.float64)


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    return sample_files()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_the_photo_beside_the_page_is_the_one_that_is_drawn(
    drawn: dict[str, bytes], sample: GalleryPhoto
) -> None:
    stored = (FOLDER / sample.file).read_bytes()
    assert np.abs(pixels(stored) - pixels(drawn[sample.file])).mean() < MEAN_DIFFERENCE


def test_the_gallery_of_the_products_model_offers_every_one_of_them() -> None:
    gallery = [(entry["file"], entry["caption"]) for entry in GALLERIES["products-resnet50"]]
    assert gallery == [(sample.file, sample.caption) for sample in SAMPLES]


def test_every_photo_of_a_gallery_is_there_and_every_photo_is_in_one() -> None:
    named = {entry["file"] for gallery in GALLERIES.values() for entry in gallery}
    assert named == {path.name for path in FOLDER.glob("*.jpg")}


def test_the_samples_seed_is_not_the_one_that_data_sets_are_drawn_with() -> None:
    assert DatasetSpec().seed != SEED


def test_the_samples_are_of_products_of_different_kinds() -> None:
    by_id = {product.class_id: product for product in PRODUCTS}
    assert len({by_id[sample.class_id].brand.name for sample in SAMPLES}) == len(SAMPLES)
