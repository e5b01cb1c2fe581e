"""Photos as callers have them: files, bytes and PIL images."""

import io
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import PhotoError
from .other_types import refusal

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_IN_CALL_BYTES = 4_400_000
"""The largest photo in a call: Lambda takes 6 MB as JSON, in which a photo grows by a third."""

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | Image"
"""A path, the bytes of a file, or a PIL image."""

HEAD_BYTES = 1024
"""As many first bytes as the type of a file needs."""
_SIGNATURES = {
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/gif": re.compile(rb"GIF8"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
_FORMATS = {  # by Pillow's mode
    **dict.fromkeys(("L", "RGB", "CMYK", "YCbCr"), "JPEG"),
    **dict.fromkeys(("1", "P", "LA", "RGBA", "I;16"), "PNG"),
}
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Photo:
    """A photo to send.

    Attributes:
        data: the bytes of a JPEG, PNG, WebP or GIF file.
        content_type: its type, read from the bytes.
    """

    data: bytes
    content_type: str


def read_photo(source: Source) -> Photo:
    """Return the photo that a caller named.

    Args:
        source: a path, bytes, or a PIL image. A PIL image is sent as JPEG of quality 95, or as PNG
            if it has transparency or a palette; Pillow is imported by its caller.

    Raises:
        PhotoError: `unreadable_file`, `empty_file`, `unsupported_type`: it cannot be read or
            classified. `unsupported_mode`, `unreadable_image`: no file can be made of a PIL image.
        TypeError: it is none of these.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        return Photo(data, _content_type(data, "The photo"))
    if isinstance(source, str | os.PathLike):
        return _from_file(Path(source))
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(source, pillow.Image):
        data = _encoded(source)
        return Photo(data, _content_type(data, "The image"))
    raise TypeError(
        f"A photo is a path, bytes or a PIL image, not {type(source).__name__}; "
        "of a NumPy array make one with PIL.Image.fromarray."
    )


def _from_file(path: Path) -> Photo:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            content_type = _content_type(head, str(path))
            return Photo(head + file.read(), content_type)
    except OSError as error:
        raise PhotoError("unreadable_file", f"{path}: {error.strerror}") from error


def type_of(head: bytes) -> str | None:
    """Return the type of a file by its first bytes; None if the API does not classify it."""
    types = (name for name, signature in _SIGNATURES.items() if signature.match(head))
    return next(types, None)


def _content_type(data: bytes, name: str) -> str:
    if not data:
        raise PhotoError("empty_file", f"{name} is empty.")
    content_type = type_of(data)
    if content_type is None:
        raise PhotoError("unsupported_type", f"{name}: {refusal(data[:HEAD_BYTES])}")
    return content_type


def _encoded(image: "Image") -> bytes:
    """Return a PIL image as a file, with what decides its pixels: orientation and profile."""
    kind = _FORMATS.get(image.mode)
    if kind is None:
        raise PhotoError(
            "unsupported_mode",
            f'An image of mode {image.mode} cannot be sent: convert it, image.convert("RGB").',
        )
    options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else {}
    if profile := image.info.get("icc_profile"):
        options["icc_profile"] = profile
    file = io.BytesIO()
    try:
        exif = image.getexif()
        orientation = exif.get(_ORIENTATION)
        exif = type(exif)()
        if orientation is not None:
            exif[_ORIENTATION] = orientation
        image.save(file, kind, exif=exif, **options)
    except Exception as error:  # of a damaged file Pillow raises SyntaxError, too, and others
        raise PhotoError("unreadable_image", f"Pillow cannot encode the image: {error}") from error
    return file.getvalue()
