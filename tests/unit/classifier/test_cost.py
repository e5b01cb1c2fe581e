"""Cost of decoding: what is decoded apart, and how many pixels are counted."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lambda_src.classifier import picture
from lambda_src.classifier.cost import is_quick_jpeg, is_quick_webp
from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.jpeg_header import read_jpeg_header
from lambda_src.classifier.own_process import in_own_process
from lambda_src.classifier.picture import prepare
from stacks.image_limits import DECODE_BYTES_PER_PIXEL
from stacks.settings import Settings
from tests.hostile.decoding import GEOMETRY, answer, cpu_s
from tests.hostile.formats import (
    JPEG_END,
    encode,
    flat_rows,
    jpeg_of_coding,
    jpeg_of_size,
    jpeg_segment,
    plain_jpeg_of_scans,
    png,
    refined_jpeg,
    whole_jpeg_of_size,
)
from tests.hostile.webp_codes import webp_of_codes
from warmlens.paths import WEB

DEFAULTS = Settings(env_name="test")
MAX_PIXELS = DEFAULTS.max_image_pixels
MAX_DECODE_MS = 600_000  # other work on the machine does not count


class Apart:
    """Counts the pictures that are decoded in a process of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count = 0
        monkeypatch.setattr(picture, "in_own_process", self._run)

    def _run(self, *args: Any, **options: Any) -> bytes:
        self._count += 1
        return in_own_process(*args, **options)

    def has(self, data: bytes) -> bool:
        before = self._count
        with suppress(RequestError):  # empty scans lack rows
            prepare(data, GEOMETRY, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
        return self._count > before


def test_the_memory_of_a_pixel_is_that_by_which_memory_mb_is_checked() -> None:
    assert picture.BYTES_PER_PIXEL == DECODE_BYTES_PER_PIXEL


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Apart:
    return Apart(monkeypatch)


def sample(kind: str, width: int, **options: Any) -> bytes:
    photo = Image.open(WEB / "samples" / "coffee.jpg").convert("RGB")
    return encode(photo.resize((width, width * 3 // 4)), kind, **options)


@pytest.mark.parametrize(
    "data",
    [
        sample("JPEG", 4_000, quality=90),
        sample("JPEG", 4_000, subsampling=0),
        sample("JPEG", 4_000, progressive=True),
        whole_jpeg_of_size(8_000, 6_000),
        sample("PNG", 2_000),
        sample("GIF", 1_000),
        sample("WEBP", 2_000),
    ],
    ids=["12 MP", "4:4:4", "progressive", "48 MP", "PNG", "GIF", "WebP"],
)
def test_an_ordinary_photo_is_decoded_where_it_is(apart: Apart, data: bytes) -> None:
    assert not apart.has(data)


@pytest.mark.parametrize(
    "data",
    [
        refined_jpeg(2_000, 2_000, 100),
        plain_jpeg_of_scans(1_500, 200),
        whole_jpeg_of_size(1_000, 12_000),  # too narrow to be decoded at a reduced scale
        png(4_000, 3_000, color=0, rows=flat_rows(4_000, 3_000, 1)),
        encode(Image.new("P", (4_000, 3_000)), "GIF"),
        encode(Image.new("RGB", (2_500, 2_000)), "WEBP", method=0),
        webp_of_codes(512),
    ],
    ids=["refined", "scans", "strip", "PNG", "GIF", "WebP", "lossless WebP"],
)
def test_what_may_take_long_is_decoded_in_a_process_of_its_own(apart: Apart, data: bytes) -> None:
    assert apart.has(data)


def test_a_lossless_webp_whose_codes_may_take_all_memory_is_decoded_apart() -> None:
    data = encode(Image.new("RGB", (200, 200)), "WEBP", lossless=True)
    assert is_quick_webp(data, 200, 200, memory_bytes=10**8)
    assert not is_quick_webp(data, 200, 200, memory_bytes=10**7)


def test_a_jpeg_that_decoders_may_read_in_two_ways_is_decoded_apart() -> None:
    plain = encode(Image.new("RGB", (9, 9)), "JPEG")
    untidy = plain[:20] + b"\0" + plain[20:]  # between two segments; decoders step over it
    for data, is_quick in ((plain, True), (untidy, False)):
        header = read_jpeg_header(data, lambda: None)
        assert header is not None
        assert is_quick_jpeg(data, header, 81) is is_quick


# Sizes of phones' largest photos, of which the last one has 200 megapixels.
PHONES = [(8_064, 6_048), (9_280, 6_944), (12_000, 9_000), (16_320, 12_240), (12_240, 16_320)]


@pytest.mark.parametrize("size", PHONES)
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_the_largest_photo_of_every_phone_is_decoded(
    size: tuple[int, int], subsampling: int
) -> None:
    data = whole_jpeg_of_size(*size, subsampling=subsampling)
    assert answer(data, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS) == "ok"


def test_a_progressive_photo_of_108_megapixels_is_decoded() -> None:
    data = jpeg_of_size(12_000, 9_000, progressive=True, subsampling=2)
    assert answer(data, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS) == "ok"


def refusal(data: bytes, max_pixels: int = MAX_PIXELS) -> RequestError:
    with pytest.raises(RequestError) as refused:
        prepare(data, GEOMETRY, max_pixels=max_pixels, max_decode_ms=MAX_DECODE_MS)
    return refused.value


def test_of_a_jpeg_the_pixels_of_its_reduced_scale_are_counted() -> None:
    data = whole_jpeg_of_size(8 * 512, 8 * 1_000)
    prepare(data, GEOMETRY, max_pixels=512 * 1_000, max_decode_ms=MAX_DECODE_MS)
    error = refusal(data, 512 * 1_000 - 1)
    assert (error.status, error.code) == (422, "too_many_pixels")
    assert "4096 x 8000 pixels, 512000 of which" in error.message


def test_the_coefficients_of_a_progressive_jpeg_are_counted_as_pixels_that_take_their_memory() -> (
    None
):
    side = 1_024  # decoded at half of it
    data = jpeg_of_size(side, side, progressive=True, subsampling=0)
    coefficients_bytes = side * side * 3 * 2
    needed = (side // 2) ** 2 + coefficients_bytes // DECODE_BYTES_PER_PIXEL
    prepare(data, GEOMETRY, max_pixels=needed, max_decode_ms=MAX_DECODE_MS)
    error = refusal(data, needed - 1)
    assert (error.status, error.code) == (422, "too_many_pixels")
    assert "progressive" in error.message


@pytest.mark.parametrize(
    ("data", "coding"),
    [
        (jpeg_of_coding(0xC3, 64, 64), "lossless"),
        (jpeg_of_coding(0xC9, 64, 64), "arithmetic"),
        (jpeg_of_coding(0xCA, 64, 64), "arithmetic"),
        (jpeg_of_coding(0xC5, 64, 64), "hierarchical"),
        (jpeg_of_size(64, 0), "height"),
    ],
)
def test_another_coding_is_refused_by_its_name_with_what_to_do(data: bytes, coding: str) -> None:
    error = refusal(data)
    assert (error.status, error.code) == (415, "unsupported_coding")
    assert coding in error.message
    assert "save it again" in error.message


def test_a_header_gives_the_blocks_of_all_components() -> None:
    for subsampling, of_one in ((0, 3), (1, 2), (2, 1.5)):
        data = jpeg_of_size(1_600, 800, subsampling=subsampling)
        header = read_jpeg_header(data, lambda: None)
        assert header is not None
        assert header.blocks == 200 * 100 * of_one


def scan(components: tuple[int, ...], first: int, last: int) -> bytes:
    chosen = b"".join(bytes([component, 0]) for component in components)
    return jpeg_segment(0xDA, bytes([len(components)]) + chosen + bytes([first, last, 0]))


FILE_SIDE = 1_400
RED = Image.new("RGB", (FILE_SIDE, FILE_SIDE), "red")
PLAIN, PROGRESSIVE = (
    encode(RED, "JPEG", subsampling=0, progressive=progressive) for progressive in (False, True)
)
MANY = st.integers(1, 5_000)
PARTS = st.one_of(
    st.builds(
        lambda one, count: one * count,
        st.sampled_from(
            [
                scan((1,), 0, 63),
                scan((1, 2, 3), 0, 63),
                scan((1,), 0, 0),
                scan((2,), 1, 63),
                scan((1, 2, 3), 0, 0),
                jpeg_segment(0xDA, b"\3\1\0\2\0\3\0\0\0\x10"),  # refines the means
            ]
        ),
        MANY,
    ),
    st.builds(lambda size: b"\xff\xff\xff" * size + b"\0", MANY),
    st.sampled_from(
        [
            b"\xff\x02\xff\xff",  # reserved, with what looks like a length
            b"\xff\xd0",
            b"\xff\xd8",
            JPEG_END,
            jpeg_segment(0xDD, b"\0\1"),
            jpeg_segment(0xDD, b"\0\0"),
            jpeg_segment(0xFE, scan((1,), 0, 63) * 9),
            jpeg_segment(0xC2, b"\x08\4\0\4\0\1\1\x11\0"),
            bytes(70_000),
        ]
    ),
)


@pytest.mark.serial
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from([PLAIN, PROGRESSIVE]), st.lists(PARTS, min_size=1, max_size=6))
def test_no_order_of_parts_takes_more_processor_time_than_the_limit_and_half_a_second(
    whole: bytes, parts: list[bytes]
) -> None:
    begin = whole.index(b"\xff\xda")
    data = whole[:begin] + b"".join(parts) + whole[begin:]
    begun_s = cpu_s()  # other work on the machine does not count
    answer(data, max_pixels=MAX_PIXELS, max_decode_ms=100)
    assert cpu_s() - begun_s < 0.1 + 0.5
