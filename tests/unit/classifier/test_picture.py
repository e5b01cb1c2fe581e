"""Decoding, resizing and cropping of images, and errors for invalid ones."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.manifest import Geometry
from lambda_src.classifier.picture import (
    area,
    prepare,
    resize_and_crop,
    to_upright_rgb,
)
from tests.hostile.decoding import open_image
from warmlens.paths import WEB

GEOMETRY = Geometry(width=224, height=224, resize_shorter_side=256, interpolation="bicubic")
MAX_PIXELS = 50_000_000
MAX_DECODE_MS = 20_000


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(width: int = 60, height: int = 40) -> Image.Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    pixels[..., 1] = np.linspace(0, 255, height, dtype=np.uint8)[:, np.newaxis]
    return Image.fromarray(pixels)


def decode(data: bytes) -> Image.Image:
    return to_upright_rgb(open_image(data, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS))


def refusal(data: bytes) -> RequestError:
    with pytest.raises(RequestError) as refused:
        prepare(data, GEOMETRY, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
    return refused.value


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_each_supported_type_gives_the_pixels_that_a_model_takes(kind: str) -> None:
    data = prepare(
        encode(gradient(), kind), GEOMETRY, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS
    )
    reds = np.frombuffer(data, np.uint8).reshape(224, 224, 3)[112, :, 0].astype(int)
    assert reds[-1] - reds[0] > 100


@pytest.mark.parametrize(
    "size", [(500, 400), (400, 500), (451, 300), (224, 224), (30, 900), (7, 5)]
)
def test_the_crop_is_the_one_of_resizing_whole_and_cutting_the_centre(
    size: tuple[int, int],
) -> None:
    image = Image.open(WEB / "samples" / "coffee.jpg").convert("RGB").resize(size)
    shorter = min(size)
    whole = image.resize(
        (256 * size[0] // shorter, 256 * size[1] // shorter), Image.Resampling.BICUBIC
    )
    left, top = round((whole.width - 224) / 2), round((whole.height - 224) / 2)
    expected = np.asarray(whole.crop((left, top, left + 224, top + 224)), dtype=int)
    actual = np.asarray(resize_and_crop(image, GEOMETRY, width=size[0], height=size[1]), dtype=int)
    difference = np.abs(actual - expected)
    assert difference.max() <= 2
    assert difference.mean() < 0.5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_mode_of_png_becomes_rgb(mode: str) -> None:
    grey = gradient().convert("L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 257)
    else:
        image = grey.convert(mode) if mode != "P" else gradient().convert("P")
    decoded = decode(encode(image, "PNG"))
    assert decoded.mode == "RGB"
    values = np.asarray(decoded.convert("L"), dtype=int)
    reference = np.asarray(gradient().convert("L"), dtype=int)
    assert abs(values.mean() - reference.mean()) < 12


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode: str) -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0)).convert(mode)
    options = {"transparency": 0} if mode == "P" else {}
    decoded = decode(encode(image, "PNG", **options))
    assert decoded.getpixel((10, 10)) == (255, 255, 255)


def test_a_strip_that_is_longer_than_any_photo_is_refused_before_it_is_decoded() -> None:
    data = encode(Image.new("1", (1, 65_536)), "PNG")
    error = refusal(data)
    assert (error.status, error.code) == (422, "too_many_pixels")
    assert "65535 on a side" in error.message


def test_cmyk_jpegs_become_rgb() -> None:
    data = encode(gradient().convert("CMYK"), "JPEG", quality=95)
    decoded = np.asarray(decode(data), dtype=int)
    assert np.abs(decoded - np.asarray(gradient(), dtype=int)).mean() < 8


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data).getpixel((10, 10)) == (255, 0, 0)


# Where a file's first row and first column are seen, by orientation. Source: EXIF 2.32, tag 274.
SEEN_AT = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def as_a_camera_stores_it(upright: NDArray[np.uint8], orientation: int) -> Image.Image:
    """Move each pixel of an upright picture as the EXIF orientation requires."""
    row_at, column_at = SEEN_AT[orientation]
    height, width = upright.shape[:2]
    down = {"top": range(height), "bottom": range(height)[::-1]}
    across = {"left": range(width), "right": range(width)[::-1]}
    if row_at in down:
        rows = [[upright[y, x] for x in across[column_at]] for y in down[row_at]]
    else:
        rows = [[upright[y, x] for y in down[column_at]] for x in across[row_at]]
    return Image.fromarray(np.array(rows))


@pytest.mark.parametrize("orientation", SEEN_AT)
def test_a_photo_is_upright_whichever_way_the_camera_was_held(orientation: int) -> None:
    upright = np.asarray(gradient(60, 40))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(as_a_camera_stores_it(upright, orientation), "PNG", exif=exif)
    assert np.array_equal(np.asarray(decode(data)), upright)
    pixels, expected = (
        prepare(each, GEOMETRY, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
        for each in (data, encode(gradient(60, 40), "PNG"))
    )
    assert pixels == expected


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(600, 400), (400, 600), (256, 256), (1001, 333)])
def test_the_area_that_a_model_sees_is_the_crop_of_the_upright_photo(
    kind: str, size: tuple[int, int]
) -> None:
    for orientation in (1, 3, 6) if kind != "GIF" else (1,):  # which has no EXIF
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = as_a_camera_stores_it(np.asarray(gradient(*size)), orientation)
        seen = area(encode(stored, kind, exif=exif), GEOMETRY)
        shorter = min(size)
        for side, start, length in zip(size, ("left", "top"), ("width", "height"), strict=True):
            assert seen[length] == pytest.approx(224 / 256 * shorter / side, abs=0.005)
            assert seen[start] == pytest.approx((1 - seen[length]) / 2, abs=0.005)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"BM" + b"\0" * 60, b"II*\0" + b"\0" * 60, b"<svg/>"]
)
def test_a_file_that_is_no_supported_image_is_an_unsupported_type(data: bytes) -> None:
    error = refusal(data)
    assert (error.status, error.code) == (415, "unsupported_type")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_image_is_not_decodable(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    data = encode(Image.fromarray(noise), kind)
    error = refusal(data[: int(len(data) * share)])
    assert (error.status, error.code) == (422, "image_not_decodable")


def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
    error = refusal(data)
    assert (error.status, error.code) == (422, "too_many_pixels")
    assert "30000 x 30000" in error.message
