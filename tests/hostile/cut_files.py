"""Pictures that lack only their end mark, and pictures that lack rows, in every format."""

import re
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from tests.hostile.formats import JPEG_END, encode, png, png_chunk, riff_chunk

SIZE = (120, 96)
PHOTO = Image.fromarray(
    np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
).resize(SIZE, Image.Resampling.BICUBIC, (0, 0, 40, 32))
JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "full colour": {"subsampling": 0},
    "restart markers": {"restart_marker_blocks": 3},
}
_ROWS = b"".join(b"\0" + row.tobytes() for row in np.asarray(PHOTO))
_ROW_BYTES = 1 + 3 * SIZE[0]


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    return encode(PHOTO.convert(mode), "JPEG", quality=85, **options)


def cut_off(data: bytes, last: int) -> bytes:
    return data[:-last]


def cut(data: bytes, share: float, end: bytes = b"") -> bytes:
    return data[: int(share * len(data))] + end


def cut_at_restart(number: int, byte: int, end: bytes) -> bytes:
    data = jpeg(restart_marker_blocks=3)
    markers = [match.start() for match in re.finditer(rb"\xff[\xd0-\xd7]", data)]
    return data[: markers[-number] + byte] + end


def gif(height: int | None = None) -> bytes:
    """A GIF; one that says it has `height` has fewer rows."""
    data = bytearray(encode(PHOTO.convert("P"), "GIF"))
    if height:
        frame = 13 + (3 << (data[10] & 7) + 1)
        data[8:10] = data[frame + 7 : frame + 9] = struct.pack("<H", height)
    return bytes(data)


def animation(kind: str) -> bytes:
    frames = [PHOTO, PHOTO.transpose(Image.Transpose.ROTATE_180)]
    return encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)


def webp(*, size: int) -> bytes:
    """A WebP whose header says another size, in bytes more than there are."""
    data = encode(PHOTO, "WEBP")
    return data[:4] + struct.pack("<I", max(0, len(data) - 8 + size)) + data[8:]


def webp_without_padding() -> bytes:
    """A WebP that ends in a chunk of an odd size."""
    chunk = encode(PHOTO, "WEBP")[12:]
    odd = riff_chunk(b"VP8 ", chunk[8:] + (b"" if len(chunk) % 2 else b"\0"))[:-1]
    return b"RIFF" + struct.pack("<I", len(odd) + 5) + b"WEBP" + odd


WHOLE: dict[str, Callable[[], bytes]] = {
    **{
        f"jpeg, {name}, {last} bytes cut": partial(cut_off, jpeg(**options), last)
        for name, options in JPEGS.items()
        for last in (1, 2)
    },
    "jpeg, grey": lambda: jpeg("L")[:-2],
    "jpeg, CMYK": lambda: jpeg("CMYK")[:-2],
    "jpeg, zeros for its end": lambda: jpeg()[:-2] + bytes(512),
    "jpeg, all grey": lambda: encode(Image.new("RGB", SIZE, (128, 128, 128)), "JPEG"),
    "jpeg, all grey without its end": lambda: encode(Image.new("L", SIZE, 128), "JPEG")[:-2],
    **{
        f"png, {last} bytes cut": partial(cut_off, encode(PHOTO, "PNG"), last)
        for last in (1, 4, 8, 12, 13, 16)
    },
    "png, palette": lambda: encode(PHOTO.convert("P"), "PNG")[:-12],
    "png, zeros for its end": lambda: encode(PHOTO, "PNG")[:-12] + bytes(512),
    "png, checksum of the pixels' chunk": lambda: (
        encode(PHOTO, "PNG")[:-16] + b"abcd" + png_chunk(b"IEND")
    ),
    "png, animation": lambda: animation("PNG")[:-200],
    "gif, 1 byte cut": lambda: gif()[:-1],
    "gif, 2 bytes cut": lambda: gif()[:-2],
    "gif, its end code cut": lambda: gif()[:-3],
    "gif, animation": lambda: animation("GIF")[:-200],
    "webp, too large a size": lambda: webp(size=1_000),
    "webp, a size that is one too large": lambda: webp(size=1),
    "webp, too small a size": lambda: webp(size=-500),
    "webp, no size": lambda: webp(size=-(2**20)),
    "webp, no padding": webp_without_padding,
    "webp, animation": lambda: animation("WEBP")[:-200],
}
"""Whole pictures."""

CUT: dict[str, Callable[[], bytes]] = {
    **{
        f"jpeg, {name}, {share:.0%}": partial(cut, jpeg(**options), share)
        for name, options in JPEGS.items()
        for share in (0.3, 0.6, 0.9, 0.99)
    },
    **{
        f"jpeg, {name}, {share:.0%} with an end mark": partial(
            cut, jpeg(**options), share, JPEG_END
        )
        for name, options in JPEGS.items()
        if name != "progressive"
        for share in (0.3, 0.6, 0.9)
    },
    **{
        f"jpeg, {name}, {share:.0%} and then zeros": partial(
            cut, jpeg(**options), share, bytes(9_000)
        )
        for name, options in JPEGS.items()
        for share in (0.3, 0.6, 0.9)
    },
    **{
        f"jpeg, up to byte {byte} of restart marker {number} from its end{named}": partial(
            cut_at_restart, number, byte, end
        )
        for number in range(1, 10)
        for byte in (0, 2)
        for named, end in (("", b""), (" with an end mark", JPEG_END))
    },
    "jpeg, grey": lambda: jpeg("L")[:-900] + JPEG_END,
    "jpeg, CMYK": lambda: jpeg("CMYK")[:-2_000] + JPEG_END,
    "jpeg, more rows than it has": lambda: jpeg().replace(
        struct.pack(">HH", SIZE[1], SIZE[0]), struct.pack(">HH", 2 * SIZE[1], SIZE[0])
    ),
    **{
        f"png, {share:.0%}": partial(cut, encode(PHOTO, "PNG"), share) for share in (0.3, 0.6, 0.99)
    },
    "png, half of the rows": lambda: png(*SIZE, rows=_ROWS[: SIZE[1] // 2 * _ROW_BYTES]),
    "png, without its last row": lambda: png(*SIZE, rows=_ROWS[:-_ROW_BYTES]),
    "png, without its last pixels": lambda: png(*SIZE, rows=_ROWS[:-9]),
    "gif, half": lambda: gif()[: len(gif()) // 2],
    "gif, half with an end mark": lambda: gif()[: len(gif()) // 2] + b"\0;",
    "gif, more rows than it has": lambda: gif(2 * SIZE[1]),
    "webp, half": lambda: webp(size=0)[: len(webp(size=0)) // 2],
    "webp, half with its size": lambda: riff_half("WEBP"),
}
"""Pictures that lack rows."""


def riff_half(kind: str) -> bytes:
    chunk = encode(PHOTO, kind)[20:]
    half = riff_chunk(b"VP8 ", chunk[: len(chunk) // 4 * 2])
    return b"RIFF" + struct.pack("<I", len(half) + 4) + b"WEBP" + half
