"""Wide-gamut photos have the colours that LittleCMS gives them in sRGB."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from lambda_src.classifier.manifest import Geometry
from lambda_src.classifier.picture import prepare
from lambda_src.classifier.wide_gamut import wide_gamut
from tests.hostile.formats import encode, jpeg_segment, png_chunk
from training import pixels as training
from warmlens.paths import WEB

GEOMETRY = Geometry(width=96, height=96, resize_shorter_side=96, interpolation="bicubic")
PHOTO = Image.open(WEB / "samples" / "mango-can.jpg").convert("RGB").resize((128, 96))


def profile(primaries: tuple[tuple[float, float, float], ...], curve: bytes) -> bytes:
    """An ICC profile of three primaries and one curve. Source: ICC.1:2022, 7 and 10."""

    def numbers(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    colors = zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    tags = {name: b"XYZ \0\0\0\0" + numbers(*color) for name, color in colors}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tags[b"wtpt"] = b"XYZ \0\0\0\0" + numbers(0.9642, 1, 0.8249)
    table, content, begin = b"", b"", 132 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", begin + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    size = begin + len(content)
    header = struct.pack(">I4s4s4s4s4s", size, b"", b"\4\0\0\0", b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + numbers(0.9642, 1, 0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + content


def parametric(kind: int, *values: float) -> bytes:
    numbers = b"".join(struct.pack(">i", round(value * 65536)) for value in values)
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + numbers


SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
DISPLAY_P3 = profile(
    ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)),
    SRGB_CURVE,
)
ADOBE_RGB = profile(
    ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    parametric(0, 563 / 256),
)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
PROFILES = {"Display P3": DISPLAY_P3, "Adobe RGB": ADOBE_RGB}
KINDS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
}


def as_stored(name: str) -> Image.Image:
    """The photo in the colour space, as a camera stores it."""
    theirs = ImageCms.ImageCmsProfile(io.BytesIO(PROFILES[name]))
    stored = ImageCms.profileToProfile(PHOTO, SRGB, theirs, outputMode="RGB")
    assert stored is not None
    stored.info.clear()  # Pillow would save the profile with it
    return stored


def prepared(data: bytes) -> NDArray[np.int64]:
    whole = prepare(data, GEOMETRY, max_pixels=10**6, max_decode_ms=20_000)
    return np.frombuffer(whole, np.uint8).astype(int)


def distance(data: bytes, expected: Image.Image) -> float:
    difference = np.abs(prepared(data) - prepared(encode(expected, "PNG")))
    return float(difference.mean())


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_wide_gamut_photo_has_its_colours(kind: str, name: str) -> None:
    stored = as_stored(name)
    data = encode(stored, kind, icc_profile=PROFILES[name], **KINDS[kind])
    assert distance(data, PHOTO) < 1.2  # of 255; a JPEG of the best quality has most of it
    assert distance(encode(stored, kind, **KINDS[kind]), PHOTO) > 1.8  # without its profile


@pytest.mark.parametrize("name", PROFILES)
def test_training_gives_a_wide_gamut_photo_the_same_colours(tmp_path: Path, name: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(as_stored(name), "PNG", icc_profile=PROFILES[name]))
    ours = training.read_pixels(path, training.square(96)).astype(int)
    assert (ours.ravel() == prepared(path.read_bytes())).all()


def icc_parts(*order: int) -> bytes:
    """Segments with the profile in parts, the first one too short for its colours."""
    cuts = (0, 140, 300, len(DISPLAY_P3))
    return b"".join(
        jpeg_segment(
            0xE2,
            b"ICC_PROFILE\0" + bytes([number, 3]) + DISPLAY_P3[cuts[number - 1] : cuts[number]],
        )
        for number in order
    )


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1), (1, 1, 2, 3)])
def test_a_profile_in_several_parts_is_read_in_their_order(order: tuple[int, ...]) -> None:
    stored = as_stored("Display P3")
    plain, whole = (
        encode(stored, "JPEG", quality=100, **options)
        for options in ({}, {"icc_profile": DISPLAY_P3})
    )
    assert (prepared(plain[:2] + icc_parts(*order) + plain[2:]) == prepared(whole)).all()


def test_the_code_points_of_a_png_count_before_its_profile() -> None:
    """Its chunk cICP: primaries, curve, matrix, range, by ITU-T H.273."""
    plain = encode(PHOTO, "PNG")
    with_profile = encode(PHOTO, "PNG", icc_profile=DISPLAY_P3)

    def coded(data: bytes, points: bytes) -> NDArray[np.int64]:
        return prepared(data[:33] + png_chunk(b"cICP", points) + data[33:])

    assert (coded(plain, b"\x0c\x0d\0\1") == prepared(with_profile)).all()
    assert (coded(with_profile, b"\1\x0d\0\1") == prepared(plain)).all()  # of sRGB
    for not_read in (b"\x09\x10\0\1", b"", b"\1\x0d"):  # another curve, damaged
        assert (coded(with_profile, not_read) == prepared(with_profile)).all()


@pytest.mark.parametrize(
    "damaged",
    [DISPLAY_P3[:60], DISPLAY_P3[:150], DISPLAY_P3.replace(b"rXYZ", b"rXYY"), SRGB.tobytes(), b""],
    ids=["cut in its header", "cut in its tags", "without red", "sRGB", "none"],
)
def test_a_profile_that_is_none_of_these_changes_nothing(damaged: bytes) -> None:
    assert wide_gamut(damaged) == ""
    data = encode(PHOTO, "PNG", icc_profile=damaged)
    assert (prepared(data) == prepared(encode(PHOTO, "PNG"))).all()


def test_grey_and_cmyk_pictures_have_no_wide_gamut() -> None:
    for mode in ("L", "CMYK"):
        image = PHOTO.convert(mode)
        data = encode(image, "JPEG", icc_profile=DISPLAY_P3)
        assert (prepared(data) == prepared(encode(image, "JPEG"))).all()
