"""Decoding, resizing and cropping of images."""

import warnings

from PIL import Image, JpegImagePlugin

from .errors import RequestError
from .jpeg_scans import MAX_SCANS, has_too_many_scans
from .manifest import Geometry
from .timed_bytes import TimedBytes, TookTooLongError

Image.MAX_IMAGE_PIXELS = None  # open_picture() checks the size before pixels are allocated
# One file can cause 65,000 warnings, each a log line that is also kept in memory.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_SIDE = 65_535  # JPEG's limit; longer strips take more memory than their pixels

REDUCED_TO = 2
"""Minimum size of a decoded JPEG, as a multiple of the size that it is then resized to.

Decoding at 1/2, 1/4 or 1/8 of the size saves work. With 2 the pixels of twelve photos differ from
those of a full decode by 0.2 to 0.5 of 255 grey levels on average, with 1 by 0.8.
"""

_ORIENTATION = 0x0112  # the EXIF tag
_ROTATED = range(5, 9)  # its values that exchange width and height
_TRANSPOSES = {
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
    """Decode an image, and resize and crop it to a model's input.

    Args:
        data: the bytes of a JPEG, PNG, WebP or GIF file.
        geometry: the model's input.
        max_pixels: maximum width x height.
        max_decode_ms: time after which decoding is stopped, in milliseconds. A WebP is decoded in
            one call, so only its pixels and bytes limit its time.

    Returns:
        height x width x 3 bytes, RGB, row by row.

    Raises:
        RequestError: the type is not supported (415); the image is damaged, has too many pixels or
            takes too long to decode (422).
    """
    image = open_picture(data, max_pixels=max_pixels, max_decode_ms=max_decode_ms)
    width, height = image.size
    try:
        if image.getexif().get(_ORIENTATION) in _ROTATED:
            width, height = height, width
        side = REDUCED_TO * geometry.resize_shorter_side
        image.draft(None, (side, side))  # only JPEGs are affected
        picture = to_upright_rgb(image)
    except TookTooLongError:
        raise _too_slow(max_decode_ms) from None
    except Exception as error:  # decoders raise many types on hostile bytes
        raise _not_decodable() from error
    return resize_and_crop(picture, geometry, width=width, height=height).tobytes()


def open_picture(data: bytes, *, max_pixels: int, max_decode_ms: int) -> Image.Image:
    """Open an image and check its header; no pixel is decoded yet.

    Args:
        data: the file's bytes.
        max_pixels: as for `prepare`.
        max_decode_ms: as for `prepare`; it starts now and includes decoding the pixels later.

    Raises:
        RequestError: as for `prepare`.
    """
    if not _is_supported(data):
        raise RequestError(
            415, "unsupported_type", "The file is not a JPEG, PNG, WebP or GIF image."
        )
    try:
        if data.startswith(b"RIFF"):  # a WebP's decoder allocates all pixels when it is created
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
    """Decode the first frame to RGB on white, rotated as its EXIF orientation says."""
    transpose = _TRANSPOSES.get(image.getexif().get(_ORIENTATION, 1))
    if transpose is not None:
        image = image.transpose(transpose)
    if image.mode.startswith("I"):  # 16 bits a channel: Pillow's own conversion clips at 255
        image = image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:  # transparent pixels are often black underneath
        opaque = Image.new("RGBA", image.size, "white")
        # Without a copy where it is RGBA already: a large rotated WebP would not fit into memory.
        opaque.alpha_composite(image if image.mode == "RGBA" else image.convert("RGBA"))
        image = opaque
    return image.convert("RGB")


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
    # Image.open would import five other decoders first.
    image = JpegImagePlugin.jpeg_factory(file)
    if has_too_many_scans(data, file.check):
        raise RequestError(
            422,
            "image_too_slow",
            f"The image is stored in more than {MAX_SCANS} scans; save it again as a plain JPEG.",
        )
    return image


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
