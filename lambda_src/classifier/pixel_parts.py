"""The parts of an image file that its pixels depend on, without its metadata.

Decoders refuse a picture for a broken comment, and take memory for what no pixel needs. Here each
file is reduced to what decides its pixels, with the end mark that it may lack, before a decoder
opens it; only the EXIF orientation is read.

`training/pixel_parts.py` is a link to this file: what the service reads, training reads.
"""

import io
import itertools
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

JPEG = b"\xff\xd8\xff"
PNG = b"\x89PNG\r\n\x1a\n"
GIF = b"GIF8"
UPRIGHT = 1

Check = Callable[[], None]

# Only the pattern that most files need is compiled at init, the others where they are used.

# A marker; of several 0xff the last one counts. A pattern for all of them would backtrack.
_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_JPEG_END = b"\xff\xd9"
_JPEG_END_IN_LAST_BYTES = 2**16
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
_SEGMENT = rb"\xff[\xc0-\xc4\xdb\xdd-\xef\xfe]"
_MAX_TRIED_SEGMENTS = 500
_APP0, _APP1, _APP2, _APP14, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_ICC = b"ICC_PROFILE\0"  # then the number of the part, from 1 on, and of all parts
_AFTER_ICC = b"\5"  # the first four parts have what is read
_METADATA = (*range(0xE0, 0xF0), _COMMENT)

_PNG_CRITICAL = rb"PLTE|IDAT|IEND"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PALETTE_COLOR = 3
_CURVE_OF_SRGB = b"\x0d\0\1"  # full range; after the primaries
# Bytes of a transparent colour, by the colour type of the header; a palette has up to 256.
_TRANSPARENCY_BYTES = {0: 2, 2: 6, _PALETTE_COLOR: 1}
_MAX_PROFILE_BYTES = 2**18  # of EXIF as text, and of a colour profile

_GIF_BLOCKS = rb"[!,;]"
_GIF_CONTROL = 0xF9  # has the transparent colour
_GIF_END = b"\0;"

_WEBP_KEPT = (b"ANIM", b"ALPH", b"VP8 ", b"VP8L")
_WEBP_ALPHA_AND_ANIMATION = 0x12  # of the flags in VP8X; the others announce metadata
_WEBP_HAS_EXIF = 0x08

_ORIENTATION = 0x0112
_EXIF_PREFIX = b"Exif\0\0"
_VALUE_BYTES = {1: 1, 3: 2, 4: 4}  # byte, short, long
_XMP_ORIENTATION = rb"tiff:Orientation(?:=[\"']|>)([1-8])"


class PixelParts(NamedTuple):
    """A file without metadata.

    Attributes:
        data: the file; it ends with its end mark.
        orientation: the EXIF orientation, 1 to 8; 1 (upright) where none can be read.
        had_end: False if the end mark was missing. Only known for JPEG.
        profile: the beginning of the ICC profile, as far as it was easily read, or PNG's cICP,
            which has precedence where its curve is sRGB's.
    """

    data: bytes
    orientation: int = UPRIGHT
    had_end: bool = True
    profile: bytes = b""


def is_webp(data: bytes) -> bool:
    """Return True if a file begins as a WebP does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def pixel_parts(data: bytes, check: Check = lambda: None) -> PixelParts:
    """Return a JPEG, PNG, GIF or WebP without its metadata.

    A file that has no picture is returned as it is, for a decoder to refuse.

    Args:
        data: the file's bytes.
        check: called for each part; an exception that it raises ends the work.
    """
    if data.startswith(JPEG):
        parts = _jpeg(data, check)
    elif data.startswith(PNG):
        parts = _png(data, check)
    elif data.startswith(GIF):
        parts = _gif(data, check)
    elif is_webp(data):
        parts = _webp(data, check)
    else:
        parts = None
    return parts or PixelParts(data)


def _jpeg(data: bytes, check: Check) -> PixelParts | None:
    kept, position = io.BytesIO(), 2
    kept.write(data[:2])
    exif: int | None = None  # of the first EXIF segment
    xmp, icc = 0, dict[bytes, bytes]()
    while match := _MARKER.search(data, position):
        check()
        position = match.end()
        marker = data[position - 1]
        if marker == _START_OF_SCAN:
            begin = position - 2
            last = max(begin, len(data) - _JPEG_END_IN_LAST_BYTES)
            had_end = data.rfind(_JPEG_END, last) >= 0 or data.find(_JPEG_END, begin) >= 0
            # Of a download that stopped, the rest may be zeros, which look like pixels.
            end = len(data) if had_end or data[-1] else len(data.rstrip(b"\0")) + 1
            kept.write(memoryview(data)[begin:end])
            kept.write(b"" if had_end else _JPEG_END)
            profile = b"".join(icc[number] for number in sorted(icc))
            return PixelParts(kept.getvalue(), exif or xmp or UPRIGHT, had_end, profile)
        if marker == _END_OF_IMAGE:
            return None
        if marker in _WITHOUT_LENGTH:
            continue
        end_of_part = position + max(2, int.from_bytes(data[position : position + 2], "big"))
        content = data[position + 2 : end_of_part]
        if marker == _APP1 and content.startswith(_EXIF_PREFIX[:5]):
            exif = _exif(content[6:]) if exif is None else exif
        elif marker == _APP1:
            xmp = xmp or _xmp(content)
        elif marker == _APP2 and content.startswith(_ICC) and content[12:] < _AFTER_ICC:
            icc.setdefault(content[12:13], content[14:])
        if marker not in _METADATA or _names_colors(marker, content):
            kept.write(b"\xff" + data[position - 1 : end_of_part])
        elif data[end_of_part : end_of_part + 1] != b"\xff":  # its length is wrong
            end_of_part = _largest_frame(data, position, check)
        position = end_of_part
    return None


def _largest_frame(data: bytes, position: int, check: Check) -> int:
    """Return where the segments of the largest frame begin; metadata may hold a thumbnail's."""
    best, largest = len(data), 0
    segments = re.compile(_SEGMENT).finditer(data, position)
    for match in itertools.islice(segments, _MAX_TRIED_SEGMENTS):
        check()
        pixels = _frame_pixels(data, match.start())
        if pixels > largest:
            best, largest = match.start(), pixels
    return best


def _frame_pixels(data: bytes, position: int) -> int:
    """Return width x height if segment follows segment up to a scan, else 0."""
    pixels, has_tables = 0, False
    for _ in range(_MAX_TRIED_SEGMENTS):
        if data[position : position + 1] != b"\xff":
            return 0
        marker = data[position + 1 : position + 2]
        if marker == b"\xda":
            return pixels if has_tables else 0
        has_tables = has_tables or marker == b"\xdb"
        if marker in (b"\xc0", b"\xc1", b"\xc2"):
            height, width = data[position + 5 : position + 7], data[position + 7 : position + 9]
            pixels = int.from_bytes(height, "big") * int.from_bytes(width, "big")
        position += 2 + max(2, int.from_bytes(data[position + 2 : position + 4], "big"))
    return 0


def _names_colors(marker: int, content: bytes) -> bool:
    """Return True for the two segments by which a decoder chooses the colour space."""
    if marker == _APP0:
        return content.startswith(b"JFIF\0") and len(content) >= 14
    return marker == _APP14 and content.startswith(b"Adobe") and len(content) >= 12


def _png(data: bytes, check: Check) -> PixelParts | None:
    view, kept, color = memoryview(data), io.BytesIO(), -1
    kept.write(PNG)
    exif = raw_profile = xmp = 0
    profile = code_points = b""
    for kind, begin, end in _png_chunks(data):
        check()
        if kind == b"IDAT" and end + 4 > len(data):  # cut off: with the length that is there
            length = (end - begin - 8).to_bytes(4, "big")
            kept.write(length + data[begin + 4 : end] + bytes(4))
            continue
        if kind == b"IDAT":
            kept.write(view[begin : end + 4])
            continue
        content = data[begin + 8 : end]
        if kind == b"IHDR":
            color = content[9] if len(content) > 9 else -1
            kept.write(view[begin : end + 4])
        elif _is_palette(kind, color) or _is_transparency(
            kind, color, content, data[end : end + 4]
        ):
            kept.write(view[begin : end + 4])
        elif kind == b"eXIf":
            exif = exif or _exif(content.removeprefix(_EXIF_PREFIX))
        elif kind in (b"tEXt", b"zTXt"):
            raw_profile = raw_profile or _raw_profile(kind, content)
        elif kind == b"iCCP":
            profile = profile or _inflated(content.partition(b"\0")[2][1:])
        elif kind == b"cICP" and content[1:] == _CURVE_OF_SRGB:
            code_points = content
        elif kind == b"iTXt" and content.startswith(b"XML:com.adobe.xmp\0"):
            xmp = xmp or _xmp(content)
    kept.write(_PNG_END)
    orientation = exif or raw_profile or xmp or UPRIGHT
    return PixelParts(kept.getvalue(), orientation, profile=code_points or profile)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's kind, first byte and the byte after its content, up to the end mark.

    Where the length of a chunk leads to no chunk, the next ones are found by their names.
    """
    position = len(PNG)
    while position + 8 <= len(data):
        kind = data[position + 4 : position + 8]
        if kind == b"IEND":
            return
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        following = data[end + 8 : end + 12]
        leads_to_chunk = len(following) == 4 and following.isalpha()
        if kind[:1].islower() and end + 4 != len(data) and not leads_to_chunk:  # metadata
            found = re.compile(_PNG_CRITICAL).search(data, position + 8)
            if not found:
                return
            yield kind, position, found.start() - 8
            position = found.start() - 4
        else:
            yield kind, position, min(end, len(data))
            position = end + 4


def _is_palette(kind: bytes, color: int) -> bool:
    return kind == b"PLTE" and color == _PALETTE_COLOR


def _is_transparency(kind: bytes, color: int, content: bytes, checksum: bytes) -> bool:
    if kind != b"tRNS" or not 256 >= len(content) >= _TRANSPARENCY_BYTES.get(color, 257):
        return False
    import zlib  # not at init, since few files need it

    return zlib.crc32(kind + content).to_bytes(4, "big") == checksum


def _raw_profile(kind: bytes, content: bytes) -> int:
    """Return the orientation in EXIF as ImageMagick writes it into text, or 0."""
    name, _, text = content.partition(b"\0")
    if name != b"Raw profile type exif":
        return 0
    if kind == b"zTXt":
        text = _inflated(text[1:])
    # Lines: empty, "exif", the length, then hexadecimal digits.
    digits = b"".join(text[:_MAX_PROFILE_BYTES].split(b"\n")[3:])
    try:
        return _exif(bytes.fromhex(digits.decode("ascii")).removeprefix(_EXIF_PREFIX))
    except ValueError:
        return 0


def _inflated(data: bytes) -> bytes:
    """Return the beginning of compressed metadata; nothing where it is broken."""
    import zlib  # not at init, since few files need it

    try:
        return zlib.decompressobj().decompress(data, _MAX_PROFILE_BYTES)
    except zlib.error:
        return b""


def _gif(data: bytes, check: Check) -> PixelParts | None:
    position = 13 + _gif_palette_bytes(data[10:11])
    kept = io.BytesIO()
    kept.write(data[:position])
    blocks = re.compile(_GIF_BLOCKS)
    while match := blocks.search(data, position):
        check()
        begin = match.start()
        if match[0] == b";":
            return None
        if match[0] == b",":
            start = begin + 10 + _gif_palette_bytes(data[begin + 9 : begin + 10]) + 1
            kept.write(data[begin:start])
            kept.write(_gif_pixels(data, start, check))
            return PixelParts(kept.getvalue())
        label = data[begin + 1 : begin + 2]
        position = _gif_blocks_end(data, begin + 2, check)
        if label and label[0] == _GIF_CONTROL and data[begin + 2 : begin + 3] == b"\x04":
            kept.write(data[begin : begin + 7] + b"\0")
    return None


def _gif_palette_bytes(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _gif_blocks_end(data: bytes, position: int, check: Check) -> int:
    while position < len(data) and data[position]:
        check()
        position += 1 + data[position]
    return position + 1


def _gif_pixels(data: bytes, start: int, check: Check) -> bytes:
    """Return the blocks of the first frame; a last one that is cut off gets the length it has."""
    position = start
    while position < len(data) and data[position]:
        check()
        following = position + 1 + data[position]
        if following > len(data):
            rest = data[position + 1 :]
            last = bytes([len(rest)]) + rest if rest else b""
            return data[start:position] + last + _GIF_END
        position = following
    return data[start:position] + _GIF_END


def _webp(data: bytes, check: Check) -> PixelParts | None:
    kept = io.BytesIO()
    kept.write(b"RIFF\0\0\0\0WEBP")
    orientation, flags, position, has_frame = 0, 0, 12, False
    xmp, profile = 0, b""
    while position + 8 <= len(data):
        check()
        kind = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        content = data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
        if kind == b"VP8X" and len(content) >= 10:
            flags = content[0]
            content = bytes([flags & _WEBP_ALPHA_AND_ANIMATION]) + content[1:]
            kept.write(_riff_chunk(kind, content))
        elif kind == b"EXIF" and flags & _WEBP_HAS_EXIF:
            orientation = orientation or _exif(content.removeprefix(_EXIF_PREFIX))
        elif kind == b"ICCP":
            profile = profile or content
        elif kind == b"XMP ":
            xmp = xmp or _xmp(content)
        elif kind in _WEBP_KEPT and len(content) == size:
            kept.write(_riff_chunk(kind, content))
        elif kind == b"ANMF" and len(content) == size and not has_frame:
            has_frame = True  # the first frame is the only one that is shown
            kept.write(_riff_chunk(kind, content))
    size = kept.tell() - 8
    if size == 4:
        return None
    kept.seek(4)
    kept.write(size.to_bytes(4, "little"))
    return PixelParts(kept.getvalue(), orientation or xmp or UPRIGHT, profile=profile)


def _riff_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def _exif(data: bytes) -> int:
    """Return the orientation in EXIF, 1 to 8, or 0 if none can be read.

    Source: TIFF 6.0, section 2, and EXIF 2.32, tag 274.
    """
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return 0
    is_little = data.startswith(b"II")

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little" if is_little else "big")

    first = number(4, 4) + 2
    for at in range(first, min(first + 12 * number(first - 2, 2), len(data) - 11), 12):
        if number(at, 2) == _ORIENTATION:
            size = _VALUE_BYTES.get(number(at + 2, 2), 0)
            value = number(at + 8, size) if number(at + 4, 4) == 1 else 0
            return value if value in range(1, 9) else 0
    return 0


def _xmp(content: bytes) -> int:
    found = re.search(_XMP_ORIENTATION, content)
    return int(found[1]) if found else 0
