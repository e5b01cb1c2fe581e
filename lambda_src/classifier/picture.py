"""From an image file's bytes to the pixels that a model takes."""

import warnings

from PIL import Image, JpegImagePlugin

from .errors import RequestError
from .jpeg_scans import MAX_SCANS, has_too_many_scans
from .manifest import Geometry
from .timed_bytes import TimedBytes, TookTooLongError

Image.MAX_IMAGE_PIXELS = None  # open_picture() checks the size, before room for pixels is made
# One file can make Pillow warn 65,000 times: each is a line of the log, and kept in memory.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_SIDE = 65_535  # the limit of JPEG; longer strips take more memory than their pixels

REDUCED_TO = 2
"""A JPEG is decoded no smaller than this many times the side that it is then resized to.

Decoding at 1/2, 1/4 or 1/8 leaves work out. With 2 the pixels of twelve photos differ from those of
a whole decode by 0.2 to 0.5 of 255 grey levels on average, with 1 by 0.8.
"""

_ORIENTATION = 0x0112  # the EXIF tag
_LYING = range(5, 9)  # its values that exchange width and height
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_JPEG = b"\xff\xd8\xff"
_SIGNATURES = {"PNG": b"\x89PNG\r\n\x1a\n", "GIF": b"GIF8"}
_FORMATS = (*_SIGNATURES, "WEBP")
_RESAMPLING = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


def prepare(data: bytes, geometry: Geometry, *, max_pixels: int, max_decode_ms: int) -> bytes:
    """Decode an image and bring it to a model's geometry.

    Args:
        data: the bytes of a JPEG, PNG, WebP or GIF file.
        geometry: the model's input.
        max_pixels: most pixels (width x height) to decode.
        max_decode_ms: time after which the file is read no further, in milliseconds. A WebP is read
            at once, so that its pixels and bytes alone bound the time that decoding takes.

    Returns:
        height x width x 3 bytes, RGB, row by row.

    Raises:
        RequestError: not a supported type (415); not decodable, too many pixels or too long to
            decode (422).
    """
    image = open_picture(data, max_pixels=max_pixels, max_decode_ms=max_decode_ms)
    width, height = image.size
    try:
        if image.getexif().get(_ORIENTATION) in _LYING:
            width, height = height, width
        side = REDUCED_TO * geometry.resize_shorter_side
        image.draft(None, (side, side))  # changes nothing for other types than JPEG
        picture = to_upright_rgb(image)
    except TookTooLongError:
        raise _too_slow(max_decode_ms) from None
    except Exception as error:  # decoders raise many types on hostile bytes
        raise _not_decodable() from error
    return resize_and_crop(picture, geometry, width=width, height=height).tobytes()


def open_picture(data: bytes, *, max_pixels: int, max_decode_ms: int) -> Image.Image:
    """Read a file's header; no pixel is decoded yet.

    Args:
        data: the file's bytes.
        max_pixels: as `prepare`.
        max_decode_ms: as `prepare`; it counts from now on, for what reads the pixels, too.

    Raises:
        RequestError: as `prepare`.
    """
    if not _is_supported(data):
        raise RequestError(
            415, "unsupported_type", "The file is not a JPEG, PNG, WebP or GIF image."
        )
    try:
        if data.startswith(b"RIFF"):  # a WebP's decoder makes room for all pixels as it is made
            _check_size(*_webp_size(data), max_pixels)
        image = _open(TimedBytes(data, limit_ms=max_decode_ms), data)
    except TookTooLongError:
        raise _too_slow(max_decode_ms) from None
    except RequestError:
        raise
    except Exception as error:  # decoders raise many types on hostile bytes
        raise _not_decodable() from error
    _check_size(*image.size, max_pixels)
    return image


def to_upright_rgb(image: Image.Image) -> Image.Image:
    """Decode the first frame to RGB, upright as its EXIF orientation says, on white."""
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode.startswith("I"):  # 16 bits a channel: Pillow's own conversion clips at 255
        image = image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:  # what lies under transparent pixels is often black
        opaque = Image.new("RGBA", image.size, "white")
        # Without a copy of what is so already: a turned WebP of many pixels would not fit.
        opaque.alpha_composite(image if image.mode == "RGBA" else image.convert("RGBA"))
        image = opaque
    return image.convert("RGB")


def resize_and_crop(
    image: Image.Image, geometry: Geometry, *, width: int, height: int
) -> Image.Image:
    """Resize the shorter side and cut out the centre in one step.

    The box is the one that torchvision's `Resize` and `CenterCrop` reach with their rounding to
    whole pixels, mapped back to the source, so that only the pixels needed are resampled.

    Args:
        image: the picture, decoded whole or at a reduced scale.
        geometry: the model's input.
        width: the picture's width in pixels when decoded whole.
        height: its height likewise.
    """
    shorter = min(width, height)
    resized_width = geometry.resize_shorter_side * width // shorter
    resized_height = geometry.resize_shorter_side * height // shorter
    left = round((resized_width - geometry.width) / 2)
    top = round((resized_height - geometry.height) / 2)
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


def _open(file: TimedBytes, data: bytes) -> Image.Image:
    if not data.startswith(_JPEG):
        return Image.open(file, formats=_FORMATS)
    # Image.open would import the readers of five types first.
    image = JpegImagePlugin.jpeg_factory(file)
    if has_too_many_scans(data, file.check):
        raise RequestError(
            422,
            "image_too_slow",
            f"The image is stored in more than {MAX_SCANS} scans; save it again as a plain JPEG.",
        )
    return image


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the width and height in pixels that a WebP's header says; 0 where it says none.

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
        most = f"{max_pixels} in all"
    elif max(width, height) > MAX_SIDE:
        most = f"{MAX_SIDE} on a side"
    else:
        return
    raise RequestError(
        422,
        "too_many_pixels",
        f"The image has {width} x {height} pixels; at most {most} are decoded. Send a smaller one.",
    )


def _is_supported(data: bytes) -> bool:
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return is_webp or data.startswith((_JPEG, *_SIGNATURES.values()))


def _too_slow(max_decode_ms: int) -> RequestError:
    return RequestError(
        422,
        "image_too_slow",
        f"The image takes longer than {max_decode_ms} ms to decode; save it again as a plain JPEG.",
    )


def _not_decodable() -> RequestError:
    return RequestError(
        422, "image_not_decodable", "The image is damaged or incomplete; send it again."
    )
