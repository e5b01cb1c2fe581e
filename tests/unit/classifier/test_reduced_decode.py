"""Difference in pixels and classes between reduced and full decoding of large JPEGs."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lambda_src.classifier.manifest import Geometry
from lambda_src.classifier.model import Model
from lambda_src.classifier.picture import prepare, to_upright_rgb
from tests.hostile.decoding import open_image
from tests.training.served import served
from warmlens.paths import MODEL_ARTIFACTS, WEB

MAX_PIXELS = 50_000_000
MAX_DECODE_MS = 20_000
# Grey levels of 255, on average over the pixels: of one photo, and of all.
OF_ONE, OF_ALL = 2.0, 0.5
MODELS = ["products-resnet50", "imagenet-efficientnet-lite0"]
GALLERIES = json.loads((WEB / "samples" / "galleries.json").read_text())
SAMPLES = [WEB / "samples" / entry["file"] for name in MODELS for entry in GALLERIES[name]]


def as_a_camera_takes_it(photo: Path, width: int, **options: object) -> bytes:
    """Return a sample photo as a JPEG, enlarged and with a sensor's noise."""
    image = Image.open(photo).convert("RGB")
    large = image.resize((width, width * image.height // image.width), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 3, (large.height, large.width, 3))
    pixels = np.clip(np.asarray(large) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **({"quality": 90} | options))
    return file.getvalue()


def reference(data: bytes, geometry: Geometry) -> NDArray[np.uint8]:
    """Decode, resize and crop the whole image, as torchvision does."""
    image = to_upright_rgb(open_image(data, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS))
    shorter, side = min(image.size), geometry.resize_shorter_side
    resized = image.resize(
        (side * image.width // shorter, side * image.height // shorter), Image.Resampling.BICUBIC
    )
    left = round((resized.width - geometry.width) / 2)
    top = round((resized.height - geometry.height) / 2)
    return np.asarray(resized.crop((left, top, left + geometry.width, top + geometry.height)))


def opened(name: str) -> Model:
    return served(MODEL_ARTIFACTS / name / "1.1.0")


def distance(pixels: bytes, expected: NDArray[np.uint8]) -> float:
    actual = np.frombuffer(pixels, np.uint8).reshape(expected.shape).astype(int)
    return float(np.abs(actual - expected).mean())


@pytest.mark.parametrize("name", MODELS)
def test_pixels_are_near_those_of_a_whole_decode_and_the_class_is_the_same(name: str) -> None:
    model = opened(name)
    geometry = model.manifest.geometry
    side = 2 * geometry.resize_shorter_side
    distances = []
    for photo in SAMPLES:
        data = as_a_camera_takes_it(photo, 2000)
        picture = open_image(
            data, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS, shorter_side=side
        )
        assert picture.image.width < picture.width  # there is work to leave out
        expected = reference(data, geometry)
        pixels = prepare(data, geometry, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
        distances.append(distance(pixels, expected))
        if photo.name in [entry["file"] for entry in GALLERIES[name]]:
            top, of_reference = (model.classify(each)[0] for each in (pixels, expected.tobytes()))
            assert top.class_id == of_reference.class_id
    assert max(distances) <= OF_ONE
    assert np.mean(distances) <= OF_ALL


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"subsampling": 2}])
def test_all_kinds_of_jpeg_are_decoded_at_a_reduced_scale(options: dict[str, object]) -> None:
    geometry = opened(MODELS[0]).manifest.geometry
    data = as_a_camera_takes_it(SAMPLES[0], 1500, **options)
    expected = reference(data, geometry)
    pixels = prepare(data, geometry, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
    assert distance(pixels, expected) <= OF_ONE


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_photo_is_upright_too(orientation: int) -> None:
    geometry = Geometry(width=48, height=32, resize_shorter_side=64, interpolation="bicubic")
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = as_a_camera_takes_it(WEB / "samples" / "rocket.jpg", 1203, exif=exif)
    expected = reference(data, geometry)
    pixels = prepare(data, geometry, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
    assert distance(pixels, expected) <= OF_ONE


def test_a_grey_and_a_cmyk_photo_are_decoded_at_a_reduced_scale() -> None:
    geometry = opened(MODELS[0]).manifest.geometry
    for mode in ("L", "CMYK"):
        image = Image.open(io.BytesIO(as_a_camera_takes_it(SAMPLES[0], 1500))).convert(mode)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        expected = reference(file.getvalue(), geometry)
        pixels = prepare(
            file.getvalue(), geometry, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS
        )
        assert distance(pixels, expected) <= OF_ONE


def test_a_phones_file_of_several_pictures_gives_the_first() -> None:
    geometry = opened(MODELS[0]).manifest.geometry
    first = Image.open(io.BytesIO(as_a_camera_takes_it(SAMPLES[0], 1500)))
    file = io.BytesIO()
    first.save(file, "MPO", quality=90, save_all=True, append_images=[Image.new("RGB", (300, 200))])
    expected = reference(as_a_camera_takes_it(SAMPLES[0], 1500), geometry)
    pixels = prepare(file.getvalue(), geometry, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
    assert distance(pixels, expected) <= OF_ONE
