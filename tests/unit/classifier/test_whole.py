"""A picture that lacks only its end mark is whole; one that lacks rows is not."""

import io
import os

import pytest
from PIL import Image

from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.manifest import Geometry
from lambda_src.classifier.picture import prepare
from tests.hostile.cut_files import CUT, PHOTO, WHOLE
from tests.hostile.formats import encode

GEOMETRY = Geometry(width=80, height=80, resize_shorter_side=80, interpolation="bicubic")
SMALL = Geometry(width=10, height=10, resize_shorter_side=10, interpolation="bicubic")  # at 1/8


def pixels(data: bytes, geometry: Geometry = GEOMETRY) -> bytes:
    return prepare(data, geometry, max_pixels=10**6, max_decode_ms=20_000)


@pytest.mark.parametrize("name", WHOLE)
def test_a_picture_without_its_end_mark_is_taken(name: str) -> None:
    data = WHOLE[name]()
    actual = Image.frombytes("RGB", (80, 80), pixels(data))
    if "all grey" in name:
        assert actual.getextrema() == ((128, 128),) * 3
        return
    if "jpeg" in name and "zeros" not in name:
        assert actual.tobytes() == pixels(data + b"\xff\xd9"[-(2 - (data[-1] == 0xFF)) :])
    # Its last rows are there: with those of the photo, not with what a decoder fills in.
    kind = "L" if "grey" in name else "RGB"
    expected = Image.frombytes("RGB", (80, 80), pixels(encode(PHOTO.convert(kind), "PNG")))
    box = (0, 70, 80, 80)
    differences = [
        abs(ours - theirs)
        for ours, theirs in zip(
            actual.crop(box).tobytes(), expected.crop(box).tobytes(), strict=True
        )
    ]
    assert sum(differences) / len(differences) < 25


@pytest.mark.parametrize("name", CUT)
def test_a_picture_that_lacks_rows_is_refused(name: str) -> None:
    for geometry in (GEOMETRY, SMALL):
        with pytest.raises(RequestError) as refused:
            pixels(CUT[name](), geometry)
        assert (refused.value.status, refused.value.code) == (422, "image_not_decodable")


@pytest.mark.parametrize("fill", ["white", "black", (1, 1, 1), (128, 128, 128), (127, 127, 127)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_picture_of_one_colour_is_whole(kind: str, fill: str | tuple[int, int, int]) -> None:
    for mode in ("RGB", "L"):
        image = Image.new("RGB", (40, 30), fill).convert(mode)
        data = encode(image, kind)
        decoded = Image.open(io.BytesIO(data)).convert("RGB")
        assert pixels(data)[:3] == decoded.tobytes()[:3]


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_a_picture_is_whole_whatever_value_its_last_pixel_is_tried_with(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By chance it has the value that is put there to see whether the decoder changes it."""
    image = Image.new("RGB", (4, 4), "white").convert(mode)
    for value in range(256):
        monkeypatch.setattr(os, "urandom", lambda count, value=value: bytes([value]) * count)
        for kind in ("PNG", "GIF"):
            assert len(pixels(encode(image, kind), SMALL)) == 10 * 10 * 3


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (8, 7)])
def test_small_and_interlaced_pictures_are_whole(size: tuple[int, int]) -> None:
    image = PHOTO.resize(size).convert("P")
    for data in (encode(image, "GIF", interlace=1), encode(image, "GIF", interlace=0)):
        for _ in range(20):  # of a palette image every 256th is decoded twice, by chance
            assert len(pixels(data)) == 80 * 80 * 3
