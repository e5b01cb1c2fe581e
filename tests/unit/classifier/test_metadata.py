"""Metadata never decides: whatever is broken, large or cut off in it, the pixels are the same."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial

import pytest
from PIL import Image

from lambda_src.classifier.manifest import Geometry
from lambda_src.classifier.picture import prepare
from lambda_src.classifier.pixel_parts import pixel_parts
from tests.hostile.formats import encode, exif, jpeg_segment, png_chunk, riff_chunk
from warmlens.paths import LAMBDA_SRC, ROOT

GEOMETRY = Geometry(width=64, height=64, resize_shorter_side=72, interpolation="bicubic")
PHOTO = Image.effect_noise((90, 70), 60).convert("RGB")
PHOTO.paste("red", (0, 0, 30, 20))

TAGS = Image.Exif()
TAGS[0x0112] = 6
TURNED = TAGS.tobytes()  # with "Exif\0\0" before it
LARGE = 3 * 2**20
NOISE = bytes(number * number % 253 for number in range(5_000))
XMP = b'<x:xmpmeta><rdf:RDF tiff:Orientation="9"'  # no end, and no such orientation


def pixels(data: bytes) -> bytes:
    return prepare(data, GEOMETRY, max_pixels=10**6, max_decode_ms=20_000)


def jpeg(*segments: bytes, **options: object) -> bytes:
    whole = encode(PHOTO, "JPEG", quality=90, **options)
    return whole[:2] + b"".join(segments) + whole[2:]


def png(*chunks: bytes, after: bytes = b"", image: Image.Image = PHOTO) -> bytes:
    whole = encode(image, "PNG")
    return whole[:33] + b"".join(chunks) + whole[33:-12] + after + whole[-12:]


def webp(*chunks: bytes, flags: int = 0x2C) -> bytes:
    """A WebP in the extended format; by default its flags announce ICC, EXIF and XMP."""
    sides = struct.pack("<I", PHOTO.width - 1)[:3] + struct.pack("<I", PHOTO.height - 1)[:3]
    header = riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)
    body = b"WEBP" + header + b"".join(chunks) + encode(PHOTO, "WEBP", lossless=True)[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(*blocks: bytes) -> bytes:
    whole = encode(PHOTO.convert("P"), "GIF")
    begin = 13 + (3 << (whole[10] & 7) + 1)  # after the palette
    return whole[:begin] + b"".join(blocks) + whole[begin:]


def gif_extension(label: int, data: bytes, first: bytes = b"") -> bytes:
    blocks = [data[at : at + 255] for at in range(0, len(data), 255)]
    head = bytes([len(first)]) + first if first else b""
    body = b"".join(bytes([len(block)]) + block for block in blocks)
    return b"!" + bytes([label]) + head + body + b"\0"


def wrong_crc(chunk: bytes) -> bytes:
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


def bomb(size: int = 2**27) -> bytes:
    return zlib.compress(bytes(size), 9)


EXIFS = {
    "text": b"no TIFF at all",
    "empty": b"",
    "cut": TURNED[6:20],
    "beyond the end": b"II*\0\xff\xff\xff\x7f",
    "many entries": exif(60_000 // 12, kind=7, count=2**31),
    "another type": b"MM\0*\0\0\0\x08\0\1\x01\x12\0\x02\0\0\0\1\0\x06\0\0",
    "no such value": b"MM\0*\0\0\0\x08\0\1\x01\x12\0\x03\0\0\0\1\0\x0f\0\0",
    "many values": b"MM\0*\0\0\0\x08\0\1\x01\x12\0\x03\0\0\xff\xff\0\x06\0\0",
    "itself": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIII", 0x8769, 4, 1, 8, 8),
}
THUMBNAIL = encode(PHOTO.resize((16, 12)), "JPEG")

JPEGS: dict[str, Callable[[], bytes]] = {
    **{
        f"exif {name}": partial(jpeg, jpeg_segment(0xE1, b"Exif\0\0" + data))
        for name, data in EXIFS.items()
    },
    "exif with a wrong prefix": lambda: jpeg(jpeg_segment(0xE1, b"Exif" + TURNED)),
    "exif shorter than its length": lambda: jpeg(b"\xff\xe1\x10\0Exif\0\0II*\0"),
    "exif longer than its length": lambda: jpeg(b"\xff\xe1\0\x0cExif\0\0II*\0\x08\0" + THUMBNAIL),
    "segment of no length": lambda: jpeg(b"\xff\xed\0\0"),
    "xmp": lambda: jpeg(jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
    "xmp, large": lambda: jpeg(
        jpeg_segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000)) * 50
    ),
    "iptc": lambda: jpeg(jpeg_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\xff" + NOISE)),
    "icc of noise": lambda: jpeg(jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + NOISE)),
    "icc without its parts": lambda: jpeg(jpeg_segment(0xE2, b"ICC_PROFILE\0\1\xff" + NOISE)),
    "icc cut": lambda: jpeg(jpeg_segment(0xE2, b"ICC_PROFILE\0")),
    "pictures that are not there": lambda: jpeg(jpeg_segment(0xE2, b"MPF\0II*\0\x08\0\0\0\1")),
    "jfif cut": lambda: jpeg(jpeg_segment(0xE0, b"JFIF\0\1")),
    "adobe cut": lambda: jpeg(jpeg_segment(0xEE, b"Adobe\0")),
    "comments, large": lambda: jpeg(jpeg_segment(0xFE, bytes(65_533)) * 50),
    "all application segments": lambda: jpeg(
        *(jpeg_segment(0xE0 + number, NOISE) for number in range(16))
    ),
}
PNGS: dict[str, Callable[[], bytes]] = {
    **{f"exif {name}": partial(png, png_chunk(b"eXIf", data)) for name, data in EXIFS.items()},
    **{
        f"{kind.decode()} {name}": partial(png, png_chunk(kind, data))
        for kind in (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"cHRM", b"pHYs", b"tIME")
        for name, data in {
            "empty": b"",
            "short": b"a",
            "noise": NOISE,
            "method": b"a\0\x09",
        }.items()
    },
    **{
        f"{kind.decode()} with a wrong checksum": partial(
            png, wrong_crc(png_chunk(kind, NOISE)), after=wrong_crc(png_chunk(kind, NOISE))
        )
        for kind in (b"tEXt", b"eXIf", b"iCCP", b"tRNS", b"prIv", b"sBIT", b"bKGD", b"hIST")
    },
    "text, large": lambda: png(png_chunk(b"tEXt", b"a\0" + bytes(LARGE))),
    "text after the pixels": lambda: png(after=png_chunk(b"zTXt", b"a\0\0" + bomb())),
    "text, a bomb": lambda: png(png_chunk(b"zTXt", b"a\0\0" + bomb())),
    "international text, a bomb": lambda: png(png_chunk(b"iTXt", b"a\0\1\0\0\0" + bomb())),
    "text, many": lambda: png(png_chunk(b"zTXt", b"a\0\0" + bomb(2**20)) * 80),
    "icc, a bomb": lambda: png(png_chunk(b"iCCP", b"a\0\0" + bomb())),
    "profile, a bomb": lambda: png(png_chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb())),
    "profile of no digits": lambda: png(
        png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 8\nzz\n")
    ),
    "text longer than its length": lambda: png(b"\0\0\0\2tEXta\0bcdefghijkl"),
    "text shorter than its length": lambda: png(b"\0\xff\0\0tEXta\0b\0\0\0\0"),
    "animation of no frames": lambda: png(png_chunk(b"acTL", bytes(8))),
    "animation cut": lambda: png(png_chunk(b"acTL", b"\0"), png_chunk(b"fcTL", b"\0")),
    "frame beyond the picture": lambda: png(
        png_chunk(b"acTL", struct.pack(">II", 2, 0)),
        png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 9_999, 9_999, 5, 5, 1, 1, 0, 0)),
    ),
    "transparency cut": lambda: png(png_chunk(b"tRNS", b"\0")),
    "palette that only suggests": lambda: png(wrong_crc(png_chunk(b"PLTE", bytes(6)))),
}
WEBPS: dict[str, Callable[[], bytes]] = {
    **{f"exif {name}": partial(webp, riff_chunk(b"EXIF", data)) for name, data in EXIFS.items()},
    "nothing of what is announced": lambda: webp(),
    "metadata that is not announced": lambda: webp(
        riff_chunk(b"ICCP", NOISE), riff_chunk(b"EXIF", TURNED), flags=0
    ),
    "xmp": lambda: webp(riff_chunk(b"XMP ", XMP)),
    "xmp, large": lambda: webp(riff_chunk(b"XMP ", bytes(LARGE))),
    "icc of noise": lambda: webp(riff_chunk(b"ICCP", NOISE)),
    "icc, empty": lambda: webp(riff_chunk(b"ICCP")),
    "unknown chunks": lambda: webp(riff_chunk(b"ABCD", NOISE) * 50),
    "unknown flags": lambda: webp(flags=0xED),
    "exif after the pixels, cut": lambda: webp() + riff_chunk(b"EXIF", TURNED)[:-9],
}
GIFS: dict[str, Callable[[], bytes]] = {
    "comment": lambda: gif(gif_extension(0xFE, NOISE)),
    "comments, large": lambda: gif(gif_extension(0xFE, bytes(LARGE))),
    "application": lambda: gif(gif_extension(0xFF, NOISE, b"NETSCAPE2.0")),
    "application cut": lambda: gif(gif_extension(0xFF, b"", b"NET")),
    "xmp": lambda: gif(gif_extension(0xFF, XMP * 100, b"XMP DataXMP")),
    "icc": lambda: gif(gif_extension(0xFF, NOISE, b"ICCRGBG1012")),
    "plain text": lambda: gif(gif_extension(0x01, NOISE, bytes(12))),
    "unknown extension": lambda: gif(gif_extension(0x77, NOISE)),
    "control cut": lambda: gif(b"!\xf9\x01\x01\0"),
    "zeros between blocks": lambda: gif(bytes(5_000)),
}
SOUND: dict[str, tuple[dict[str, Callable[[], bytes]], Callable[[], bytes]]] = {
    "jpeg": (JPEGS, jpeg),
    "png": (PNGS, png),
    "webp": (WEBPS, lambda: webp(flags=0)),
    "gif": (GIFS, gif),
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, (broken, _) in SOUND.items() for name in broken]
)
def test_broken_or_large_metadata_changes_no_pixel(kind: str, name: str) -> None:
    broken, sound = SOUND[kind]
    data = broken[name]()
    assert pixels(data) == pixels(sound())
    # What a decoder is given has no more bytes than the picture: large metadata takes no memory.
    assert len(pixel_parts(data).data) <= len(sound()) + 64


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_colours_of_a_jpeg_are_those_that_its_two_segments_name(
    subsampling: int, progressive: bool
) -> None:
    """JFIF and Adobe segments are the ones that a decoder needs."""
    for mode in ("RGB", "CMYK", "L"):
        image = PHOTO.convert(mode)
        data = encode(image, "JPEG", subsampling=subsampling, progressive=progressive)
        expected = Image.open(io.BytesIO(data)).convert("RGB")
        actual = Image.open(io.BytesIO(pixel_parts(data).data)).convert("RGB")
        assert actual.tobytes() == expected.tobytes()
    kept = encode(PHOTO, "JPEG", keep_rgb=True)
    assert pixels(kept) != pixels(jpeg())
    assert pixel_parts(kept).data == kept


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_an_orientation_is_read_beside_broken_metadata(name: str) -> None:
    made = {
        "jpeg": jpeg(jpeg_segment(0xED, NOISE), jpeg_segment(0xE1, TURNED)),
        "png": png(wrong_crc(png_chunk(b"tEXt", NOISE)), png_chunk(b"eXIf", TURNED[6:])),
        "webp": webp(riff_chunk(b"ICCP", NOISE), riff_chunk(b"EXIF", TURNED)),
    }
    assert pixel_parts(made[name]).orientation == 6


def raw_profile(kind: bytes) -> bytes:
    text = f"\nexif\n{len(TURNED):8}\n{TURNED.hex()}\n".encode()
    return png_chunk(
        kind,
        b"Raw profile type exif\0" + (b"\0" + zlib.compress(text) if kind == b"zTXt" else text),
    )


@pytest.mark.parametrize("chunk", [raw_profile(b"zTXt"), raw_profile(b"tEXt")])
def test_an_orientation_is_read_as_imagemagick_writes_it(chunk: bytes) -> None:
    assert pixel_parts(png(chunk)).orientation == 6


def test_an_orientation_in_xmp_counts_where_exif_has_none() -> None:
    xmp = b"http://ns.adobe.com/xap/1.0/\0<rdf tiff:Orientation='8'/>".replace(b"'", b'"')
    assert pixel_parts(jpeg(jpeg_segment(0xE1, xmp))).orientation == 8
    both = jpeg(jpeg_segment(0xE1, xmp), jpeg_segment(0xE1, TURNED))
    assert pixel_parts(both).orientation == 6


def test_training_reads_files_by_the_same_rules() -> None:
    for name in ("pixel_parts.py", "whole.py", "wide_gamut.py"):
        assert (ROOT / "training" / name).samefile(LAMBDA_SRC / "classifier" / name)
