"""Decoding, resizing and cropping of images."""

import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from PIL import Image, ImageFile, JpegImagePlugin

from .cost import QUICK_PIXELS, is_quick_jpeg, is_quick_webp, pixels_of_coefficients
from .deadline import Deadline, TimedBytes, TookTooLongError
from .errors import RequestError
from .jpeg_header import JpegHeader, UnsupportedCodingError, read_jpeg_header
from .manifest import Geometry
from .own_process import OutOfMemoryError, in_own_process
from .pixel_parts import GIF, JPEG, PNG, PixelParts, is_webp, pixel_parts
from .whole import ROTATED, Reopen, load_whole, upright_rgb
from .wide_gamut import to_srgb

Image.MAX_IMAGE_PIXELS = None  # the size is checked here before pixels are allocated
# One file can cause 65,000 warnings, each a log line that is also kept in memory.
warnings.filterwarnings("ignore", module=r"PIL\.")

BYTES_PER_PIXEL = 25
"""Memory that decoding takes at most for a pixel, all steps together; stacks/image_limits.py has
it, too."""

MAX_CAUSE_CHARACTERS = 200  # of a decoder's error in the log, which is billed by the byte
MAX_SIDE = 65_535  # JPEG's limit; longer strips take more memory than their pixels

REDUCED_TO = 2
"""Minimum size of a decoded JPEG, as a multiple of the size that it is then resized to.

Decoding at 1/2, 1/4 or 1/8 of the size saves work. With 2 the pixels of twelve photos differ from
those of a full decode by 0.2 to 0.5 of 255 grey levels on average, with 1 by 0.8.
"""

_FORMATS = ("PNG", "GIF", "WEBP")
_RESAMPLING = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


class Picture(NamedTuple):
    """An opened picture, of which no pixel is decoded yet.

    Attributes:
        image: the picture; a JPEG has the reduced scale that it is decoded at.
        width: the full width in pixels.
        height: the full height in pixels.
        is_quick: True if its decoding takes half a second at most.
        parts: what was read of its file.
        reopen: opens it once more.
    """

    image: ImageFile.ImageFile
    width: int
    height: int
    is_quick: bool
    parts: PixelParts
    reopen: Reopen


def prepare(data: bytes, geometry: Geometry, *, max_pixels: int, max_decode_ms: int) -> bytes:
    """Decode an image, and resize and crop it to a model's input.

    What may take more than half a second is decoded in a process of its own, which is killed after
    `max_decode_ms`.

    Args:
        data: the bytes of a JPEG, PNG, WebP or GIF file.
        geometry: the model's input.
        max_pixels: maximum number of pixels that are decoded, of a JPEG at its reduced scale.
        max_decode_ms: time after which decoding is stopped, in milliseconds.

    Returns:
        height x width x 3 bytes, RGB, row by row.

    Raises:
        RequestError: the type or its coding is not supported (415); the image is damaged, has too
            many pixels or takes too long to decode (422).
    """
    memory_bytes = max_pixels * BYTES_PER_PIXEL
    deadline = Deadline(max_decode_ms)
    parts = read_parts(data, deadline)

    def opened() -> Picture:
        side = REDUCED_TO * geometry.resize_shorter_side
        return open_picture(parts, deadline, max_pixels, side)

    def decoded(picture: Picture) -> bytes:
        with _refusals(deadline):
            return _to_input(picture, geometry)

    def apart(call: Callable[[], bytes]) -> bytes:
        with _refusals(deadline):
            return in_own_process(call, deadline=deadline, memory_bytes=memory_bytes)

    if is_webp(parts.data) and not is_quick_webp(
        parts.data, *_webp_size(parts.data), memory_bytes=memory_bytes
    ):
        return apart(lambda: decoded(opened()))  # to open a WebP is to allocate its pixels
    picture = opened()
    return decoded(picture) if picture.is_quick else apart(lambda: decoded(picture))


def read_parts(data: bytes, deadline: Deadline) -> PixelParts:
    """Return the parts of an image file that its pixels depend on.

    Raises:
        RequestError: as for `prepare`.
    """
    if not (is_webp(data) or data.startswith((JPEG, PNG, GIF))):
        from .other_types import refusal  # not at init, since few calls need it

        raise RequestError(415, "unsupported_type", refusal(data))
    with _refusals(deadline):
        return pixel_parts(data, deadline.check)


def open_picture(
    parts: PixelParts, deadline: Deadline, max_pixels: int, shorter_side: int
) -> Picture:
    """Open an image and check its header; no pixel is decoded yet.

    Args:
        parts: the file's parts.
        deadline: the time after which decoding is stopped, here and later.
        max_pixels: as for `prepare`.
        shorter_side: minimum size in pixels of a JPEG, which is decoded at a reduced scale.

    Raises:
        RequestError: as for `prepare`.
    """
    data = parts.data

    def reopen(data: bytes, *, half: bool = False) -> ImageFile.ImageFile:
        file = TimedBytes(data, deadline)
        if not data.startswith(JPEG):
            return Image.open(file, formats=_FORMATS)
        # Image.open would import five other decoders first.
        image = JpegImagePlugin.jpeg_factory(file)
        if side := min(image.size) // 2 if half else shorter_side:
            image.draft(None, (side, side))
        return image

    with _refusals(deadline):
        if data.startswith(JPEG):
            return _open_jpeg(parts, deadline, max_pixels, shorter_side, reopen)
        if is_webp(data):  # its decoder allocates all pixels when it is created
            _check_size(*_webp_size(data), max_pixels)
        image = reopen(data)
        _check_size(*image.size, max_pixels)
        is_quick = math.prod(image.size) <= QUICK_PIXELS
        return Picture(image, *image.size, is_quick, parts, reopen)


def _open_jpeg(
    parts: PixelParts,
    deadline: Deadline,
    max_pixels: int,
    shorter_side: int,
    reopen: Reopen,
) -> Picture:
    header = read_jpeg_header(parts.data, deadline.check)
    if header is None:
        raise ValueError("its header is damaged")
    image = JpegImagePlugin.jpeg_factory(TimedBytes(parts.data, deadline))
    width, height = image.size
    image.draft(None, (shorter_side, shorter_side))
    # Without its end mark it is decoded three times.
    is_quick = parts.had_end and is_quick_jpeg(parts.data, header, math.prod(image.size))
    picture = Picture(image, width, height, is_quick, parts, reopen)
    _check_jpeg_size(picture, header, max_pixels)
    return picture


def _to_input(picture: Picture, geometry: Geometry) -> bytes:
    width, height = picture.width, picture.height
    if picture.parts.orientation in ROTATED:
        width, height = height, width
    upright = to_upright_rgb(picture)
    small = resize_and_crop(upright, geometry, width=width, height=height)
    return to_srgb(small, mode=picture.image.mode, profile=picture.parts.profile).tobytes()


def to_upright_rgb(picture: Picture) -> Image.Image:
    """Decode the first frame to RGB on white, rotated as its EXIF orientation says.

    Raises:
        IncompleteError: it lacks rows.
        Exception: of many types, where it is damaged.
    """
    parts, image = picture.parts, picture.image
    load_whole(image, parts.data, had_end=parts.had_end, reopen=picture.reopen)
    return upright_rgb(image, parts.orientation)


def resize_and_crop(
    image: Image.Image, geometry: Geometry, *, width: int, height: int
) -> Image.Image:
    """Resize the shorter side and crop the centre in one step.

    The box is that of torchvision's `Resize` and `CenterCrop`, with their rounding, mapped back to
    the source, so that only the pixels of the crop are resampled.

    Args:
        image: the decoded image, in full size or reduced.
        geometry: the model's input.
        width: the full image's width in pixels.
        height: the full image's height in pixels.
    """
    resized_width, resized_height, left, top = _crop(geometry, width, height)
    scale_x = image.width / resized_width
    scale_y = image.height / resized_height
    box = (
        left * scale_x,
        top * scale_y,
        (left + geometry.width) * scale_x,
        (top + geometry.height) * scale_y,
    )
    return image.resize(
        (geometry.width, geometry.height), _RESAMPLING[geometry.interpolation], box=box
    )


def area(data: bytes, geometry: Geometry) -> dict[str, float]:
    """Return the part of an upright image that a model sees: its box, as shares of the sides.

    Args:
        data: the file's bytes, which `prepare` took.
        geometry: the model's input.
    """
    parts = pixel_parts(data)
    if is_webp(parts.data):
        width, height = _webp_size(parts.data)
    elif parts.data.startswith(JPEG):
        width, height = JpegImagePlugin.jpeg_factory(io.BytesIO(parts.data)).size
    else:
        width, height = Image.open(io.BytesIO(parts.data), formats=_FORMATS).size
    if parts.orientation in ROTATED:
        width, height = height, width
    resized_width, resized_height, left, top = _crop(geometry, width, height)
    return {
        "left": round(left / resized_width, 4),
        "top": round(top / resized_height, 4),
        "width": round(geometry.width / resized_width, 4),
        "height": round(geometry.height / resized_height, 4),
    }


def _crop(geometry: Geometry, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the width and height of a resized image, and the left and top of its crop."""
    shorter = min(width, height)
    resized_width = geometry.resize_shorter_side * width // shorter
    resized_height = geometry.resize_shorter_side * height // shorter
    left = round((resized_width - geometry.width) / 2)
    top = round((resized_height - geometry.height) / 2)
    return resized_width, resized_height, left, top


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the width and height in a WebP's header, in pixels; 0 if it has none.

    Source: RFC 9649, sections 2.5 to 2.7.
    """
    kind, header = data[12:16], data[20:30]
    if kind == b"VP8X":
        return _number(header[4:7]) + 1, _number(header[7:10]) + 1
    if kind == b"VP8L":
        sides = _number(header[1:5])
        return (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return _number(header[6:8]) & 0x3FFF, _number(header[8:10]) & 0x3FFF
    return 0, 0


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        most = f"{max_pixels} in all (max_image_pixels)"
    elif max(width, height) > MAX_SIDE:
        most = f"{MAX_SIDE} on a side"
    else:
        return
    raise RequestError(
        422,
        "too_many_pixels",
        f"The image has {width} x {height} pixels; at most {most} are decoded. Send a smaller one.",
    )


def _check_jpeg_size(picture: Picture, header: JpegHeader, max_pixels: int) -> None:
    decoded = math.prod(picture.image.size)
    if decoded > max_pixels:
        why = f"{decoded} of which would be decoded; at most {max_pixels} are (max_image_pixels)"
    elif (counted := decoded + pixels_of_coefficients(header, BYTES_PER_PIXEL)) > max_pixels:
        why = (
            f"and, as it is progressive, takes the memory of {counted} to decode; at most "
            f"{max_pixels} are decoded (max_image_pixels)"
        )
    else:
        return
    raise RequestError(
        422,
        "too_many_pixels",
        f"The image has {picture.width} x {picture.height} pixels, {why}. Send a smaller one.",
    )


@contextmanager
def _refusals(deadline: Deadline) -> Iterator[None]:
    """Turn what decoders raise into errors for the caller."""
    try:
        yield
    except RequestError:
        raise
    except UnsupportedCodingError as error:
        raise RequestError(
            415,
            "unsupported_coding",
            f"The JPEG is stored with {error}, which is not supported; save it again as a plain "
            "(baseline) JPEG.",
        ) from None
    except TookTooLongError:
        raise RequestError(
            422,
            "image_too_slow",
            f"The image takes longer to decode than the limit of {deadline.limit_ms} ms "
            "(max_decode_ms). Save it again as a plain (baseline) JPEG, and send that.",
        ) from None
    except (OutOfMemoryError, MemoryError):
        raise RequestError(
            422,
            "too_many_pixels",
            "The image takes more memory to decode than there is, or than max_image_pixels allows "
            f"({BYTES_PER_PIXEL} bytes a pixel). Send a smaller one.",
        ) from None
    except Exception as error:  # decoders raise many types on hostile bytes
        raise RequestError(
            422,
            "image_not_decodable",
            "The image is damaged or incomplete; send it again.",
            cause=f"{type(error).__name__}: {error}"[:MAX_CAUSE_CHARACTERS],
        ) from error
