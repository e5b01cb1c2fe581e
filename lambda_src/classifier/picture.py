"""From an image file's bytes to the pixels that a model takes."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .errors import RequestError

Image.MAX_IMAGE_PIXELS = None  # decode() checks the size itself, before any pixel is decoded

MAX_SIDE = 65_535  # the limit of JPEG; longer strips take more memory than their pixels

_SIGNATURES = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "GIF": b"GIF8"}
_FORMATS = (*_SIGNATURES, "WEBP")
_RESAMPLING = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """A model's input size and how an image is brought to it.

    The shorter side is resized to `resize_shorter_side` pixels, then `width` x `height` pixels
    are cut from the centre.
    """

    width: int
    height: int
    resize_shorter_side: int
    interpolation: str


def prepare(data: bytes, geometry: Geometry, *, max_pixels: int) -> NDArray[np.uint8]:
    """Decode an image and bring it to a model's geometry.

    Args:
        data: the bytes of a JPEG, PNG, WebP or GIF file.
        geometry: the model's input.
        max_pixels: most pixels (width x height) to decode.

    Returns:
        uint8 array of shape (1, height, width, 3), RGB.

    Raises:
        RequestError: not a supported type (415), not decodable, or too many pixels (422).
    """
    picture = decode(data, max_pixels=max_pixels)
    return np.asarray(resize_and_crop(picture, geometry))[np.newaxis]


def decode(data: bytes, *, max_pixels: int) -> Image.Image:
    """Decode the first frame to RGB, upright as its EXIF orientation says.

    Raises:
        RequestError: as `prepare`.
    """
    if not _is_supported(data):
        raise RequestError(
            415, "unsupported_type", "The file is not a JPEG, PNG, WebP or GIF image."
        )
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Exception as error:  # decoders raise many types on hostile bytes
        raise _not_decodable() from error
    if image.width * image.height > max_pixels:
        raise RequestError(
            422,
            "too_many_pixels",
            f"The image has {image.width} x {image.height} pixels; "
            f"at most {max_pixels} in all are decoded. Send a smaller one.",
        )
    if max(image.size) > MAX_SIDE:
        raise RequestError(
            422,
            "too_many_pixels",
            f"The image has {image.width} x {image.height} pixels; "
            f"at most {MAX_SIDE} on a side are decoded. Send a smaller one.",
        )
    try:
        return _to_rgb(ImageOps.exif_transpose(image))
    except Exception as error:
        raise _not_decodable() from error


def resize_and_crop(image: Image.Image, geometry: Geometry) -> Image.Image:
    """Resize the shorter side and cut out the centre in one step.

    The box is the one that torchvision's `Resize` and `CenterCrop` reach with their rounding to
    whole pixels, mapped back to the source, so that only the pixels needed are resampled.
    """
    shorter = min(image.width, image.height)
    resized_width = geometry.resize_shorter_side * image.width // shorter
    resized_height = geometry.resize_shorter_side * image.height // shorter
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


def _is_supported(data: bytes) -> bool:
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return is_webp or data.startswith(tuple(_SIGNATURES.values()))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a channel: Pillow's own conversion clips at 255
        image = image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:  # what lies under transparent pixels is often black
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque
    return image.convert("RGB")


def _not_decodable() -> RequestError:
    return RequestError(
        422, "image_not_decodable", "The image is damaged or incomplete; send it again."
    )
