"""The default model: a ResNet50 with the accuracy that its card states."""

import json
from pathlib import Path

import numpy as np
import pytest

from lab.products.catalogue import PRODUCTS
from lab.products.dataset import PhotoKey, photo_file
from training.model_file import OnnxFile, geometry_of
from training.pixels import read_pixels
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import verify_model

FOLDER = MODEL_ARTIFACTS / "products-resnet50" / "1.1.0"
MANIFEST = read_manifest(FOLDER)
FIGURES = {metric.name: metric for metric in MANIFEST.metrics}
PHOTOS_OF_EACH = 3
SIZE_PX = 224  # of the data set that the figures were measured on


def test_it_matches_its_manifest() -> None:
    assert verify_model(FOLDER) == []
    assert (MANIFEST.architecture, MANIFEST.precision) == ("resnet50", "int8")


def test_it_knows_the_products_by_their_ids_and_names() -> None:
    labels = json.loads((FOLDER / "labels.json").read_bytes())
    assert dict(zip(labels["ids"], labels["labels"], strict=True)) == {
        product.class_id: product.label for product in PRODUCTS
    }


def test_its_manifest_describes_its_training() -> None:
    assert MANIFEST.training is not None
    assert MANIFEST.training.mode == "resnet50-full"
    assert MANIFEST.training.initial_weights_kind == "run"
    assert MANIFEST.training.photos == {"train": 3000, "val": 600, "test": 1500, "hard": 1500}


def test_int8_is_within_half_a_point_of_fp32() -> None:
    int8, fp32 = (FIGURES[f"{prefix}test_top1_accuracy"].value for prefix in ("", "fp32_"))
    assert abs(int8 - fp32) <= 0.005


@pytest.mark.parametrize("split", ["test", "hard"])
def test_it_recognises_photos_as_often_as_its_card_says(tmp_path: Path, split: str) -> None:
    model = OnnxFile(FOLDER / "model.onnx", MANIFEST.input, optimized=True)
    right = []
    for product in PRODUCTS:
        for number in range(1, PHOTOS_OF_EACH + 1):
            path = tmp_path / "photo.jpg"
            path.write_bytes(photo_file(PhotoKey(product, split, number), SIZE_PX))
            softmax = model.softmax(read_pixels(path, geometry_of(MANIFEST.input)))
            right.append(PRODUCTS[int(softmax.argmax())] is product)
    claimed = FIGURES[f"{split}_top1_accuracy"].value
    # Three standard deviations of a share measured on so few photos.
    slack = 3 * np.sqrt(max(claimed * (1 - claimed), 0.01) / len(right))
    assert np.mean(right) == pytest.approx(claimed, abs=slack)
