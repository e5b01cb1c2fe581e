"""Hostile images with their allowed answers: `python -m tests.hostile.images FOLDER`."""

import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from tests.hostile.formats import (
    PNG_SIGNATURE,
    encode,
    exif,
    exif_in_exif,
    exif_segment,
    flat_rows,
    in_gif,
    in_jpeg,
    jpeg_of_coding,
    jpeg_of_eob_runs,
    jpeg_of_hidden_scans,
    jpeg_of_restarts,
    jpeg_of_scans,
    jpeg_of_size,
    jpeg_segment,
    jpeg_with_fill_bytes,
    png,
    png_chunk,
    refined_jpeg,
    webp_canvas,
    webp_frame,
    webp_still,
    whole_jpeg_of_size,
)
from tests.hostile.webp_codes import webp_of_codes

OK = "ok"
DAMAGED = "image_not_decodable"
PIXELS = "too_many_pixels"
TYPE = "unsupported_type"
SLOW = "image_too_slow"
CODING = "unsupported_coding"

FILL_BYTES = 3 * 2**20  # a seventh of what the settings let through: quick to make and to decode
SIDE = 7_000  # with 49 megapixels just under the default limit
_XMP = b"XML:com.adobe.xmp\0"
_RED = Image.new("RGB", (64, 64), "red")


@dataclass(frozen=True)
class Hostile:
    """One image.

    Attributes:
        make: returns its bytes.
        answers: the right answers: OK or an error's code. More than one where a decoder may either
            accept or refuse it.
    """

    make: Callable[[], bytes]
    answers: tuple[str, ...]


def _half(kind: str) -> bytes:
    whole = encode(Image.effect_noise((64, 64), 90).convert("RGB"), kind)
    return whole[: len(whole) // 2]


def _fill(unit: bytes) -> bytes:
    return unit * (FILL_BYTES // len(unit))


def _upright(degrees_tag: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = degrees_tag
    return tags


def _bomb(size_bytes: int) -> bytes:
    return zlib.compress(bytes(size_bytes), 9)


def _icc(parts: int) -> bytes:
    header = b"ICC_PROFILE\0"
    return b"".join(jpeg_segment(0xE2, header + bytes([1, parts]) + b"x" * 100) for _ in range(9))


def _tiff_in_jpeg() -> bytes:
    """Directories that point at themselves and at each other."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)  # the EXIF directory is this one
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 8)
    return in_jpeg(exif_segment(data))


def _multi_picture() -> bytes:
    """A directory of pictures that are not there."""
    entry = struct.pack("<HHII", 0xB001, 4, 1, 2**31)
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 0)
    return in_jpeg(jpeg_segment(0xE2, b"MPF\0" + data))


def _animation() -> bytes:
    frames = [Image.new("P", (16, 16), number % 250) for number in range(300)]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _gif_frame_beyond_its_screen() -> bytes:
    whole = bytearray(encode(Image.new("P", (8, 8)), "GIF"))
    frame = whole.index(0x2C)
    whole[frame + 5 : frame + 9] = struct.pack("<HH", 60_000, 60_000)
    return bytes(whole)


HOSTILE: dict[str, Hostile] = {
    # Small files that become large.
    "bomb-png-30000x30000": Hostile(lambda: png(30_000, 30_000), (PIXELS,)),
    "bomb-png-strip": Hostile(lambda: png(1, 1_000_000), (PIXELS,)),
    "bomb-png-2147483647": Hostile(lambda: png(2**31 - 1, 2**31 - 1), (PIXELS, DAMAGED)),
    "bomb-png-49-megapixels-rgba": Hostile(
        lambda: png(SIDE, SIDE, color=6, rows=flat_rows(SIDE, SIDE, 4)), (OK,)
    ),
    "bomb-png-49-megapixels-16-bit": Hostile(
        lambda: png(SIDE, SIDE, color=0, depth=16, rows=flat_rows(SIDE, SIDE, 2)), (OK,)
    ),
    "bomb-png-turned": Hostile(
        lambda: encode(Image.new("RGBA", (SIDE, SIDE)), "PNG", exif=_upright(6)), (OK,)
    ),
    "bomb-gif-60000x60000": Hostile(_gif_frame_beyond_its_screen, (PIXELS, DAMAGED)),
    "bomb-gif-49-megapixels": Hostile(
        lambda: encode(Image.new("P", (SIDE, SIDE)), "GIF", transparency=0), (OK,)
    ),
    "bomb-webp-16384x16384": Hostile(lambda: webp_canvas(16_384, 16_384, webp_frame()), (PIXELS,)),
    "bomb-webp-49-megapixels": Hostile(lambda: webp_canvas(SIDE, SIDE, webp_frame()), (OK,)),
    "bomb-webp-turned": Hostile(
        lambda: encode(
            Image.new("RGBA", (SIDE, SIDE), (255, 0, 0, 128)),
            "WEBP",
            lossless=True,
            method=0,
            quality=0,
            exif=_upright(6),
        ),
        (OK,),
    ),
    "bomb-webp-larger-than-its-canvas": Hostile(
        lambda: webp_still(64, 64, encode(Image.new("L", (9_000, 9_000)), "WEBP")),
        (DAMAGED, PIXELS),
    ),
    "bomb-jpeg-65535x65535": Hostile(
        lambda: encode(_RED, "JPEG").replace(b"\x08\0\x40\0\x40", b"\x08\xff\xff\xff\xff"),
        (PIXELS,),
    ),
    "bomb-jpeg-49-megapixels-cmyk": Hostile(
        lambda: encode(
            Image.new("CMYK", (SIDE, SIDE)),
            "JPEG",
            progressive=True,
            subsampling=0,
            exif=_upright(6),
        ),
        (OK,),
    ),
    "phone-200-megapixels": Hostile(lambda: whole_jpeg_of_size(16_320, 12_240), (OK,)),
    "bomb-text": Hostile(
        lambda: png(1, 1, *[png_chunk(b"zTXt", b"a\0\0" + _bomb(2**26))] * 20), (OK,)
    ),
    "bomb-text-within-its-limit": Hostile(
        lambda: png(1, 1, *[png_chunk(b"zTXt", b"a\0\0" + _bomb(2**20))] * 60), (OK,)
    ),
    "bomb-icc-in-png": Hostile(
        lambda: png(1, 1, png_chunk(b"iCCP", b"a\0\0" + _bomb(2**28))), (OK,)
    ),
    # Small files that take long.
    "slow-jpeg-refined": Hostile(lambda: refined_jpeg(SIDE, SIDE, 250_000), (SLOW,)),
    "slow-jpeg-hidden-scans": Hostile(lambda: jpeg_of_hidden_scans(SIDE, 860), (SLOW,)),
    "slow-jpeg-101-scans": Hostile(lambda: jpeg_of_scans(2_000, 101), (OK,)),
    "slow-jpeg-strip": Hostile(lambda: refined_jpeg(763, 65_500, 100), (PIXELS,)),
    "slow-jpeg-fill-bytes-to-no-marker": Hostile(
        lambda: jpeg_with_fill_bytes(2**20, 101), (OK, DAMAGED)
    ),
    "slow-jpeg-eob-runs": Hostile(lambda: jpeg_of_eob_runs(SIDE, 2_000), (SLOW,)),
    "slow-jpeg-restarts": Hostile(lambda: jpeg_of_restarts(8_000, 8_000), (OK,)),
    "slow-webp-codes": Hostile(lambda: webp_of_codes(424), (OK,)),
    # Codings that neither cameras nor programs write.
    **{
        f"coding-{marker:x}": Hostile(partial(jpeg_of_coding, marker, SIDE, SIDE), (CODING,))
        for marker in (*range(0xC3, 0xD0), 0xDE)
        if marker not in (0xC4, 0xC8, 0xCC)  # tables, and one that is reserved
    },
    "coding-12-bits": Hostile(
        lambda: encode(_RED, "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
        (CODING,),
    ),
    "coding-height-after-pixels": Hostile(lambda: jpeg_of_size(64, 0), (CODING,)),
    "coding-reserved": Hostile(lambda: jpeg_of_coding(0xC8, SIDE, SIDE), (DAMAGED,)),
    "coding-twice": Hostile(
        lambda: encode(_RED, "JPEG").replace(
            b"\xff\xc0", jpeg_segment(0xC2, b"\x08\xff\xff\xff\xff\1\1\x11\0") + b"\xff\xc0"
        ),
        (DAMAGED,),
    ),
    # Files that take long by their many parts.
    "slow-jpeg-fill-bytes": Hostile(lambda: in_jpeg(_fill(b"\xff")), (OK, SLOW)),
    "slow-jpeg-comments": Hostile(lambda: in_jpeg(_fill(jpeg_segment(0xFE))), (OK, SLOW)),
    "slow-jpeg-exif-segments": Hostile(lambda: in_jpeg(_fill(exif_segment(b""))), (OK, SLOW)),
    "slow-jpeg-tables": Hostile(lambda: in_jpeg(_fill(jpeg_segment(0xDB, bytes(65)))), (DAMAGED,)),
    "slow-png-chunks": Hostile(lambda: png(1, 1, _fill(png_chunk(b"prIv"))), (OK, SLOW)),
    "slow-png-texts": Hostile(lambda: png(1, 1, _fill(png_chunk(b"tEXt", b"a\0b"))), (OK, SLOW)),
    "slow-gif-comments": Hostile(lambda: in_gif(_fill(b"\x21\xfe\x01a\0")), (OK, SLOW)),
    "slow-gif-junk": Hostile(lambda: in_gif(_fill(b"\0")), (OK, SLOW, DAMAGED)),
    "slow-webp-frames": Hostile(
        lambda: webp_canvas(1, 1, _fill(webp_frame())), (OK, SLOW, DAMAGED)
    ),
    "slow-png-xmp-bombs": Hostile(
        lambda: png(1, 1, _fill(png_chunk(b"iTXt", _XMP + b"\1\0\0\0" + _bomb(2**20)))), (OK, SLOW)
    ),
    "slow-gif-palettes": Hostile(
        lambda: in_gif(_fill(b"\x2c" + bytes(8) + b"\x87" + bytes(768) + b"\2\0")), (OK, DAMAGED)
    ),
    "slow-apng-frames": Hostile(
        lambda: png(1, 1, png_chunk(b"acTL", b"\x7f" * 8), _fill(png_chunk(b"fcTL", bytes(26)))),
        (OK, SLOW),
    ),
    "animated-gif": Hostile(_animation, (OK,)),
    # Files that are not what they seem.
    "empty": Hostile(lambda: b"", (TYPE,)),
    "magic-jpeg-alone": Hostile(lambda: b"\xff\xd8\xff", (DAMAGED,)),
    "magic-png-alone": Hostile(lambda: PNG_SIGNATURE, (DAMAGED,)),
    "magic-gif-alone": Hostile(lambda: b"GIF89a", (DAMAGED,)),
    "magic-webp-alone": Hostile(lambda: b"RIFF\x04\0\0\0WEBP", (DAMAGED,)),
    "magic-png-on-jpeg": Hostile(lambda: PNG_SIGNATURE + encode(_RED, "JPEG")[8:], (DAMAGED,)),
    "tiff": Hostile(lambda: encode(_RED, "TIFF"), (TYPE,)),
    "bmp": Hostile(lambda: encode(_RED, "BMP"), (TYPE,)),
    "icns": Hostile(lambda: b"icns" + bytes(100), (TYPE,)),
    "heic-named-jpg": Hostile(lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(999), (TYPE,)),
    "eps": Hostile(lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file\n", (TYPE,)),
    "svg": Hostile(
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        (TYPE,),
    ),
    "polyglot-jpeg-zip": Hostile(lambda: encode(_RED, "JPEG") + b"PK\x03\x04" + bytes(1000), (OK,)),
    "polyglot-gif-script": Hostile(lambda: b"GIF89a=1;alert(1)//" + bytes(200), (DAMAGED, PIXELS)),
    "polyglot-png-html": Hostile(
        lambda: png(1, 1, png_chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")), (OK,)
    ),
    "polyglot-jpeg-png": Hostile(lambda: encode(_RED, "JPEG") + encode(_RED, "PNG"), (OK,)),
    # Files that are damaged.
    "half-jpeg": Hostile(lambda: _half("JPEG"), (DAMAGED,)),
    "half-png": Hostile(lambda: _half("PNG"), (DAMAGED,)),
    "half-gif": Hostile(lambda: _half("GIF"), (DAMAGED,)),
    "half-webp": Hostile(lambda: _half("WEBP"), (DAMAGED,)),
    "png-0x0": Hostile(lambda: png(0, 0), (DAMAGED,)),
    "png-wrong-checksum": Hostile(
        lambda: encode(_RED, "PNG").replace(b"IHDR", b"IHDS"), (DAMAGED,)
    ),
    "png-too-few-rows": Hostile(lambda: png(64, 64), (DAMAGED,)),
    "png-without-pixels": Hostile(
        lambda: PNG_SIGNATURE + png(9, 9)[8:33] + png_chunk(b"IEND"), (DAMAGED,)
    ),
    # Metadata.
    "exif-65000-entries-beyond-the-end": Hostile(
        lambda: png(1, 1, png_chunk(b"eXIf", exif(65_000, kind=7, count=2**31))), (OK,)
    ),
    "exif-5000-entries-on-the-same-bytes": Hostile(
        lambda: in_jpeg(exif_segment(exif(5_000, kind=5, count=7_000))), (OK,)
    ),
    "exif-in-exif": Hostile(lambda: png(1, 1, png_chunk(b"eXIf", exif_in_exif(50_000))), (OK,)),
    "exif-that-contains-itself": Hostile(_tiff_in_jpeg, (OK,)),
    "exif-orientation-of-all-values": Hostile(
        lambda: in_jpeg(
            exif_segment(b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 60_000, 0))
        ),
        (OK,),
    ),
    "exif-that-is-text": Hostile(lambda: in_jpeg(exif_segment(b"no TIFF at all")), (OK,)),
    "icc-parts-that-are-missing": Hostile(lambda: in_jpeg(_icc(255)), (OK,)),
    "icc-that-is-no-profile": Hostile(lambda: encode(_RED, "PNG", icc_profile=b"x" * 5_000), (OK,)),
    "multi-picture-beyond-the-end": Hostile(_multi_picture, (OK,)),
}


def main() -> None:
    """Write each image as a file into a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, hostile in HOSTILE.items():
        (folder / name).write_bytes(hostile.make())


if __name__ == "__main__":
    main()
