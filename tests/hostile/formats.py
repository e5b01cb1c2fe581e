"""Builders of valid and invalid image files."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_END = b"\xff\xd9"
PNG_END_TEXT = b"IEND"


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int,
    height: int,
    *chunks: bytes,
    depth: int = 8,
    color: int = 2,
    interlaced: bool = False,
    rows: bytes | None = None,
) -> bytes:
    """A PNG with further chunks before its pixels; `rows` are the filtered rows, not compressed."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    pixels = zlib.compress(b"\0\x80\x80\x80" if rows is None else rows, 1)
    return b"".join(
        (
            PNG_SIGNATURE,
            png_chunk(b"IHDR", header),
            *chunks,
            png_chunk(b"IDAT", pixels),
            png_chunk(b"IEND"),
        )
    )


def flat_rows(width: int, height: int, bytes_per_pixel: int) -> bytes:
    """Rows of one colour, as a PNG filters them."""
    return (b"\0" + b"\x80" * (width * bytes_per_pixel)) * height


def in_jpeg(extra: bytes) -> bytes:
    """A small JPEG with something put in after its beginning."""
    whole = encode(Image.new("RGB", (8, 8), "red"), "JPEG")
    return whole[:2] + extra + whole[2:]


def jpeg_segment(marker: int, data: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg_of_coding(marker: int, width: int, height: int) -> bytes:
    """A JPEG whose header says that it has this coding (an SOF marker) and this size."""
    whole = bytearray(encode(Image.new("RGB", (64, 64), "red"), "JPEG"))
    frame = whole.index(b"\xff\xc0")
    whole[frame + 1] = marker
    whole[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(whole)


def jpeg_of_size(width: int, height: int, **options: Any) -> bytes:
    """A JPEG of one colour in a moment: a small one with this size in its header.

    A decoder takes zeros for what is missing.
    """
    mode = options.pop("mode", "RGB")
    whole = bytearray(encode(Image.new(mode, (64, 64)), "JPEG", **options))
    frame = whole.index(b"\xff\xc2" if options.get("progressive") else b"\xff\xc0")
    whole[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(whole)


# Bits of a block in the codes of ITU-T T.81, annex K: difference of the mean, end of the block.
_FIRST_BLOCK, _BRIGHTNESS_BLOCK, _COLOR_BLOCK = "110100001010", "001010", "0000"


def whole_jpeg_of_size(width: int, height: int, *, subsampling: int = 2) -> bytes:
    """A sequential JPEG of one colour that has all of its blocks, in a moment."""
    across, down = ((1, 1), (2, 1), (2, 2))[subsampling]
    unit = _BRIGHTNESS_BLOCK * (across * down) + _COLOR_BLOCK * 2
    units = -(-width // (8 * across)) * -(-height // (8 * down))
    bits = _FIRST_BLOCK + unit[len(_BRIGHTNESS_BLOCK) :] + unit * 16
    period = len(unit)  # in bytes, of eight units
    first, then = (
        int(bits[at : at + 8 * period], 2).to_bytes(period, "big") for at in (0, 8 * period)
    )
    whole = jpeg_of_size(width, height, subsampling=subsampling)
    scan = whole.index(b"\xff\xda")
    head = whole[: scan + 2 + int.from_bytes(whole[scan + 2 : scan + 4], "big")]
    return head + first + then * (units // 8 + 1) + JPEG_END


def refined_jpeg(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose scans refine the mean of all blocks, without any data.

    A decoder goes over all blocks for each one: 14 bytes.
    """
    whole = jpeg_of_size(width, height, progressive=True, subsampling=0)
    head = whole[: whole.index(b"\xff\xda")]
    components = bytes([3, 1, 0, 2, 0, 3, 0])
    first = jpeg_segment(0xDA, components + b"\0\0\1")
    return head + first + jpeg_segment(0xDA, components + b"\0\0\x10") * scans + JPEG_END


# The bits of a block without detail as their tables are in a JPEG of one component: 00, then 1010.
_PLAIN_BLOCK = b"\x2b"


def jpeg_of_restarts(width: int, height: int) -> bytes:
    """A grey JPEG with a restart marker after each of its blocks."""
    whole = jpeg_of_size(width, height, mode="L")
    scan = whole.index(b"\xff\xda")
    end = scan + 2 + int.from_bytes(whole[scan + 2 : scan + 4], "big")
    blocks = -(-width // 8) * -(-height // 8)
    eight = b"".join(_PLAIN_BLOCK + bytes([0xFF, 0xD0 + number]) for number in range(8))
    data = (eight * (blocks // 8 + 1))[: 3 * blocks]
    restart = jpeg_segment(0xDD, b"\0\1")
    return whole[:scan] + restart + whole[scan:end] + data + JPEG_END


def jpeg_of_eob_runs(side: int, scans: int) -> bytes:
    """A grey progressive JPEG, each scan of which is a few bytes that end the bands of all blocks.

    Source: ITU-T T.81, G.1.2.2: the symbol 0xE0 and 14 bits stand for up to 32,767 blocks.
    """
    whole = jpeg_of_size(side, side, mode="L", progressive=True)
    head = whole[: whole.index(b"\xff\xda")]
    blocks = (-(-side // 8)) ** 2
    one_code = b"\1" + bytes(15)  # of one bit
    means = jpeg_segment(0xC4, b"\0" + one_code + b"\0")
    first = jpeg_segment(0xDA, bytes([1, 1, 0, 0, 0, 1])) + bytes(blocks // 8 + 1)
    bits = ("0" + "1" * 13 + "0") * (blocks // 24_575 + 1)
    padded = bits + "1" * (-len(bits) % 8)
    data = int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\0")
    runs = jpeg_segment(0xC4, b"\x10" + one_code + b"\xe0")
    parts = [head, means, first]
    for number in range(scans):
        band, precision = 1 + number % 63, 0x01 if number < 63 else 0x10
        parts += [runs, jpeg_segment(0xDA, bytes([1, 1, 0, band, band, precision])), data]
    return b"".join(parts) + JPEG_END


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated until it has this many."""
    whole = encode(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    begin, end = whole.rindex(b"\xff\xda"), whole.rindex(b"\xff\xd9")
    more = scans - whole.count(b"\xff\xda")
    return whole[:end] + whole[begin:end] * more + whole[end:]


def plain_jpeg_of_scans(side: int, scans: int) -> bytes:
    """A sequential JPEG whose first component comes in this many scans, all of them cut short."""
    whole = encode(Image.new("RGB", (side, side), "red"), "JPEG", subsampling=0)
    head = whole[: whole.index(b"\xff\xda")]

    def scan(component: int) -> bytes:
        return jpeg_segment(0xDA, bytes([1, component, 0, 0, 63, 0]))

    return head + scan(1) * scans + scan(2) + scan(3) + JPEG_END


def jpeg_with_fill_bytes(count: int, scans: int) -> bytes:
    """A JPEG of scans, in whose first one fill bytes lead to no marker."""
    whole = jpeg_of_scans(64, scans)
    begin = whole.index(b"\xff\xda")
    end = begin + 2 + int.from_bytes(whole[begin + 2 : begin + 4], "big")
    return whole[:end] + b"\xff" * count + b"\0" + whole[end:]


def jpeg_of_hidden_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG whose further scans lie behind a reserved marker.

    Where a decoder looks for a restart marker, it goes on byte by byte; who takes the next two
    bytes for a length steps over all of them.
    """
    whole = encode(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    begin, end = whole.rindex(b"\xff\xda"), whole.rindex(JPEG_END)
    scan = whole[begin:end]
    scan_header = scan[: 2 + int.from_bytes(scan[2:4], "big")]
    restart_each, restart_never = jpeg_segment(0xDD, b"\0\1"), jpeg_segment(0xDD, b"\0\0")
    hidden = b"\xff\x02\xff\xff" + restart_never + scan * scans
    return whole[:end] + restart_each + scan_header + hidden + JPEG_END + bytes(70_000)


def exif(entries: int, *, kind: int, count: int, offset: int = 8) -> bytes:
    """EXIF whose entries all point at the same bytes, wherever that is."""
    each = (
        struct.pack("<HHII", (0x9000 + number) % 2**16, kind, count, offset)
        for number in range(entries)
    )
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + b"".join(each) + b"\0\0\0\0"


def exif_in_exif(count: int) -> bytes:
    """EXIF whose only entry is the place of another EXIF, and so on."""
    folders = (
        struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8 + 18 * (number + 1), 0) for number in range(count)
    )
    return b"II*\0\x08\0\0\0" + b"".join(folders)


def exif_segment(data: bytes) -> bytes:
    return jpeg_segment(0xE1, b"Exif\0\0" + data)


def riff_chunk(kind: bytes, data: bytes = b"") -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp_canvas(width: int, height: int, *chunks: bytes) -> bytes:
    """An animated WebP that says its canvas has this size."""
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    header = riff_chunk(b"VP8X", b"\x12\0\0\0" + sides)
    body = b"".join((b"WEBP", header, riff_chunk(b"ANIM", b"\0" * 6), *chunks))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_still(width: int, height: int, picture: bytes) -> bytes:
    """A WebP that says its canvas has this size, with the picture of another WebP."""
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBP" + riff_chunk(b"VP8X", b"\0\0\0\0" + sides) + picture[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_frame() -> bytes:
    """One animation frame of a single pixel."""
    still = encode(Image.new("RGBA", (1, 1)), "WEBP", lossless=True)[12:]
    return riff_chunk(b"ANMF", b"\0" * 12 + b"\x0a\0\0" + b"\0" + still)


def in_gif(extra: bytes) -> bytes:
    """A GIF of a single pixel with something put in before its picture."""
    whole = encode(Image.new("P", (1, 1)), "GIF")
    picture = whole.index(b"\x2c")
    return whole[:picture] + extra + whole[picture:]
