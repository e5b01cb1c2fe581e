"""Property test: a JPEG of any parts is rejected, or decoded within the timeout."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lambda_src.classifier.jpeg_scans import MAX_SCANS, has_too_many_scans
from stacks.settings import Settings
from tests.hostile.decoding import answer
from tests.hostile.formats import JPEG_END, encode, jpeg_segment
from tests.hostile.images import SIDE

DEFAULTS = Settings(env_name="test")
SMALLER = 5  # a scan's time grows with the pixels: a fifth of the sides, a 25th of the time
FILE_SIDE = SIDE // SMALLER
RED = Image.new("RGB", (FILE_SIDE, FILE_SIDE), "red")
PLAIN, PROGRESSIVE = (
    encode(RED, "JPEG", subsampling=0, progressive=progressive) for progressive in (False, True)
)
MANY = st.integers(1, 5_000)


def scan(components: tuple[int, ...], first: int, last: int) -> bytes:
    chosen = b"".join(bytes([component, 0]) for component in components)
    return jpeg_segment(0xDA, bytes([len(components)]) + chosen + bytes([first, last, 0]))


SCANS = st.builds(
    lambda one, count: one * count,
    st.sampled_from(
        [
            scan((1,), 0, 63),
            scan((1, 2, 3), 0, 63),
            scan((1,), 0, 0),
            scan((2,), 1, 63),
            scan((1, 2, 3), 0, 0),
        ]
    ),
    MANY,
)
PARTS = st.one_of(
    SCANS,
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
            bytes(70_000),
        ]
    ),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from([PLAIN, PROGRESSIVE]), st.lists(PARTS, min_size=1, max_size=6))
def test_no_order_of_parts_keeps_a_decoder_longer_than_the_function_may_run(
    whole: bytes, parts: list[bytes]
) -> None:
    begin = whole.index(b"\xff\xda")
    data = whole[:begin] + b"".join(parts) + whole[begin:]
    begun_s = time.process_time()  # other work on the machine does not count
    answer(data, max_pixels=DEFAULTS.max_image_pixels, max_decode_ms=DEFAULTS.max_decode_ms)
    # Without the limit on scans, the slowest of these files takes five times as long as allowed;
    # with it, a twentieth.
    assert time.process_time() - begun_s < DEFAULTS.timeout_s / SMALLER**2


def test_what_cameras_and_phones_write_is_not_walked_through() -> None:
    walked = []
    assert not has_too_many_scans(PLAIN, lambda: walked.append(1))
    assert len(walked) < 20


def test_scans_are_counted_up_to_the_limit() -> None:
    end = PROGRESSIVE.rindex(JPEG_END)
    own = PROGRESSIVE.count(b"\xff\xda")
    for count, too_many in ((MAX_SCANS - own, False), (MAX_SCANS - own + 1, True)):
        data = PROGRESSIVE[:end] + scan((1,), 1, 63) * count + PROGRESSIVE[end:]
        assert has_too_many_scans(data, lambda: None) is too_many
