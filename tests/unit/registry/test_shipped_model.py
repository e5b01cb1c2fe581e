"""The shipped ONNX model against the PyTorch answers in its manifest."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

from lab.shipped_models import SHIPPED as ALL_SHIPPED
from tests.unit.registry.version_copy import NAME, SHIPPED
from warmlens.paths import MODEL_ARTIFACTS, ROOT, WEB
from warmlens.registry.manifest import SampleAnswer
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import sha256_of, verify_model

# Room for the decoders of other Pillow builds; the runtime itself stays within 0.00001.
TOLERANCE = 0.002
EXPECTED = {
    "coffee.jpg": "espresso",
    "cat.jpg": "tiger cat",
    "flower.jpg": "daisy",
    "rocket.jpg": "missile",
}
PARITY = read_manifest(SHIPPED).parity
assert PARITY is not None
SAMPLES = {sample.file: sample for sample in PARITY.samples}
LABELS = json.loads((SHIPPED / "labels.json").read_bytes())


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(SHIPPED / "model.onnx", providers=["CPUExecutionProvider"])


def model_input(photo: Path) -> NDArray[np.uint8]:
    """Resize the shorter side to 256 and crop the centre; return uint8 [1, 224, 224, 3]."""
    with Image.open(photo) as image:
        width, height = image.size
        factor = 256 / min(width, height)
        resized = image.convert("RGB").resize(
            (int(width * factor), int(height * factor)), Image.Resampling.BICUBIC
        )
    pixels = np.asarray(resized)
    top, left = (round((side - 224) / 2) for side in pixels.shape[:2])
    return pixels[np.newaxis, top : top + 224, left : left + 224]


def answer(session: onnxruntime.InferenceSession, photo: Path) -> NDArray[np.float32]:
    softmax: NDArray[np.float32] = session.run(["softmax"], {"image": model_input(photo)})[0][0]
    return softmax


def test_the_file_takes_an_images_bytes_and_answers_over_all_classes(
    session: onnxruntime.InferenceSession,
) -> None:
    (image,), (softmax, _) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", [1, 224, 224, 3])
    assert (softmax.name, softmax.type) == ("softmax", "tensor(float)")
    assert softmax.shape == [1, len(LABELS["ids"])]


def test_every_sample_photo_is_the_one_that_the_reference_answered() -> None:
    gallery = json.loads((WEB / "samples" / "galleries.json").read_text())[NAME]
    photos = {entry["file"]: sha256_of(WEB / "samples" / entry["file"]) for entry in gallery}
    assert {name: sample.sha256 for name, sample in SAMPLES.items()} == photos
    assert set(EXPECTED) == set(photos)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_the_file_answers_as_pytorch_does(
    session: onnxruntime.InferenceSession, sample: SampleAnswer
) -> None:
    softmax = answer(session, WEB / "samples" / sample.file)
    for rank in sample.top5:
        index = LABELS["ids"].index(rank.id)
        assert LABELS["labels"][index] == rank.label
        assert softmax[index] == pytest.approx(rank.softmax, abs=TOLERANCE)
    assert softmax.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("file", "label"), EXPECTED.items())
def test_the_class_of_a_sample_photo_is_among_the_top_five(
    session: onnxruntime.InferenceSession, file: str, label: str
) -> None:
    softmax = answer(session, WEB / "samples" / file)
    assert label in [LABELS["labels"][index] for index in np.argsort(-softmax)[:5]]


def test_the_recorded_parity_is_within_its_tolerance() -> None:
    assert PARITY is not None
    assert PARITY.max_abs_softmax_difference <= PARITY.tolerance <= 1e-4
    assert PARITY.top1_agreement == 1


def test_the_labels_are_the_classes_of_imagenet_in_their_order() -> None:
    assert LABELS["ids"] == sorted(set(LABELS["ids"]))
    assert len(set(LABELS["labels"])) == 1000
    known = {"n01440764": "tench", "n02123159": "tiger cat", "n15075141": "toilet tissue"}
    by_id = dict(zip(LABELS["ids"], LABELS["labels"], strict=True))
    assert {class_id: by_id[class_id] for class_id in known} == known


def test_the_weights_licence_lies_beside_them() -> None:
    licence = (SHIPPED / "LICENSE").read_text()
    assert "Copyright (c) 2020, ML Illustrated" in licence
    assert "Version 2.0, January 2004" in licence


def test_git_keeps_each_shipped_version_and_it_is_whole() -> None:
    kept = [
        tuple(line.strip("!/").split("/")[1:])
        for line in (ROOT / ".gitignore").read_text().splitlines()
        if line.startswith("!/model_artifacts/")
    ]
    assert kept == list(ALL_SHIPPED)
    for name, version in ALL_SHIPPED:
        assert verify_model(MODEL_ARTIFACTS / name / version) == []


def test_the_groceries_carry_the_licences_of_their_weights_and_photos() -> None:
    licence = (MODEL_ARTIFACTS / "groceries-lite2" / "1.0.0" / "LICENSE").read_text()
    assert "Copyright (c) 2020, ML Illustrated" in licence
    assert "Version 2.0, January 2004" in licence
    assert "Copyright (c) 2019 Marcus Klasson" in licence
