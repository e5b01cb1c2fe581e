"""Decoding of whole pictures, to upright RGB.

A file that lacks rows is refused, one without its end mark is not. Decoders fill what is missing, a
JPEG's with grey, and say nothing. Where the last pixel looks filled, the picture is decoded once
more with other bytes where data may be missing: the pixels of a whole one do not depend on them.

`training/whole.py` is a link to this file: what the service decodes, training decodes alike.
"""

import os
import re
from typing import Any, Protocol, cast

from PIL import Image, ImageFile

ROTATED = range(5, 9)
"""EXIF orientations that exchange width and height."""

_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_GREY = (127, 128)  # of a missing JPEG block; inverted in CMYK
_JPEG_END = b"\xff\xd9"
_NOT_MISSING = bytes(7 * number * number % 251 for number in range(64))  # no marker is in it
_RESTARTS = (0xD7, *range(0xD0, 0xD7))
# Compiled where they are used, since few files need them.
_START_OF_SCAN = b"\xff\xda"
_FRAME = rb"\xff[\xc0-\xc2]"
_COEFFICIENTS = 64


class IncompleteError(Exception):
    """The picture lacks rows."""


class Reopen(Protocol):
    """Opens a file as the image was opened, or a JPEG at half of its size for a closer look."""

    def __call__(self, data: bytes, *, half: bool = False) -> ImageFile.ImageFile:
        """Return the image, not decoded yet."""


def load_whole(image: ImageFile.ImageFile, data: bytes, *, had_end: bool, reopen: Reopen) -> None:
    """Decode an image that is open.

    Args:
        image: a JPEG, PNG, GIF or WebP; of an animation the first frame is decoded.
        data: its file without metadata, with its end mark.
        had_end: False if the end mark was added.
        reopen: opens the file once more.

    Raises:
        IncompleteError: it lacks rows.
    """
    if image.format == "JPEG":
        image.load()
        last = image.getpixel((image.width - 1, image.height - 1))
        values = last if isinstance(last, tuple) else (last,)
        looks_cut = not had_end or all(value in _GREY for value in values)
        if not had_end and not _has_all_scans(data):
            raise IncompleteError("it lacks rows")
        if looks_cut and _depends_on_what_follows(image, data, reopen, had_end):
            raise IncompleteError("it lacks rows")
    elif image.format in ("PNG", "GIF"):
        fill = os.urandom(4)
        if _is_last_pixel_left(image, fill) and _is_last_pixel_left(
            reopen(data), bytes(255 - value for value in fill)
        ):
            raise IncompleteError("it lacks rows")
    else:
        image.load()  # a WebP's decoder refuses what is incomplete


def upright_rgb(image: Image.Image, orientation: int) -> Image.Image:
    """Return a decoded picture as RGB on white, rotated as its EXIF orientation says.

    Args:
        image: the decoded picture.
        orientation: 1 to 8.
    """
    if orientation in _TRANSPOSES:
        image = image.transpose(_TRANSPOSES[orientation])
    if image.mode.startswith("I"):  # 16 bits a channel: Pillow's own conversion clips at 255
        image = image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:  # transparent pixels are often black underneath
        opaque = Image.new("RGBA", image.size, "white")
        # Without a copy where it is RGBA already: a large rotated WebP would not fit into memory.
        opaque.alpha_composite(image if image.mode == "RGBA" else image.convert("RGBA"))
        image = opaque
    return image.convert("RGB")


def _depends_on_what_follows(
    image: ImageFile.ImageFile, data: bytes, reopen: Reopen, had_end: bool
) -> bool:
    """Return True if a JPEG's pixels depend on the bytes before its end mark."""
    # The last scans of a progressive JPEG change nothing at an eighth of its size.
    half = not had_end and "progressive" in image.info
    first = reopen(data, half=True) if half else image
    end = data.index(_JPEG_END, data.index(_START_OF_SCAN))
    other = reopen(data[:end] + _tail(data, end) + data[end:], half=half)
    return first.tobytes() != other.tobytes()


def _tail(data: bytes, end: int) -> bytes:
    """Return what a decoder takes for pixels if some are missing, also from a restart marker on.

    Source: ITU-T T.81, E.1.4: these markers count from 0 to 7 and begin again.
    """
    last = max(_RESTARTS, key=lambda marker: data.rfind(bytes([0xFF, marker]), 0, end))
    return _NOT_MISSING + bytes([0xFF, 0xD0 + (last + 1) % 8]) + _NOT_MISSING


def _is_last_pixel_left(image: Any, fill: bytes) -> bool:
    """Decode an image and return True if its last pixel has the value `fill` from before."""
    _, extents, _, arguments = image.tile[0]
    is_interlaced = arguments[1] if image.format == "GIF" else "interlace" in image.info
    y = extents[3] - 1
    if is_interlaced and y % 2 != (extents[1] + 1) % 2 and y > extents[1]:
        y -= 1  # the last pass has the odd rows
    at = (extents[2] - 1, y)
    prepare = image.load_prepare
    before: Any = None

    def load_prepare() -> None:
        nonlocal before
        prepare()
        value = tuple(fill[: len(image.getbands())])
        image.im.putpixel(at, value if len(value) > 1 else value[0])
        before = image.im.getpixel(at)

    image.load_prepare = load_prepare
    try:
        image.load()
    finally:
        del image.load_prepare  # a cycle of references would keep the pixels
    return cast(bool, image.im.getpixel(at) == before)


def _has_all_scans(data: bytes) -> bool:
    """Return True if the scans of a JPEG have all coefficients of all components.

    Source: ITU-T T.81, B.2.2 and B.2.3.
    """
    frame = re.search(_FRAME, data)
    if not frame:
        return False
    begin = frame.end()
    components = data[begin + 8 : begin + 8 + 3 * data[begin + 7] : 3]
    left = {component: set(range(_COEFFICIENTS)) for component in components}
    for scan in re.compile(_START_OF_SCAN).finditer(data, begin):
        count = data[scan.end() + 2 : scan.end() + 3]
        names = scan.end() + 3
        last = names + 2 * (count[0] if count else 0)
        if last + 3 > len(data):
            break
        first_coefficient, last_coefficient, precision = data[last : last + 3]
        if precision & 15 == 0:  # no further bits follow
            for component in data[names:last:2]:
                left.get(component, set()).difference_update(
                    range(first_coefficient, last_coefficient + 1)
                )
    return not any(left.values())
