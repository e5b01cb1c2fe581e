"""Reading of a JPEG's header: its coding, and what its decoding takes.

Source: ITU-T T.81, annex B.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

# Of several 0xff the last one counts; a pattern for all of them would backtrack. 0xd0 to 0xd7
# (restart) have no meaning in a header.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_START_OF_IMAGE = 0xD8
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA
_FIRST_WITH_LENGTH = 0xC0
_SEQUENTIAL = (0xC0, 0xC1)
_HUFFMAN = (*_SEQUENTIAL, 0xC2)
_OTHER_CODINGS = {
    0xC3: "lossless coding",
    0xC5: "hierarchical coding",
    0xC6: "hierarchical coding",
    0xC7: "hierarchical coding",
    0xC9: "arithmetic coding",
    0xCA: "arithmetic coding",
    0xCB: "lossless arithmetic coding",
    0xCD: "hierarchical arithmetic coding",
    0xCE: "hierarchical arithmetic coding",
    0xCF: "hierarchical arithmetic coding",
    0xDE: "hierarchical coding",
}
_MAX_SAMPLING = 4
_MAX_SEGMENTS = 1_000  # without metadata; cameras write ten. A decoder keeps them in memory


class UnsupportedCodingError(Exception):
    """The JPEG has a coding that this service does not decode; the message names it."""


class JpegHeader(NamedTuple):
    """The fields of a JPEG's header.

    Attributes:
        blocks: number of blocks of 8 x 8 values, of all components.
        in_one_scan: True if the first scan has all of a sequential JPEG, as from cameras; a decoder
            reads no other one then, and keeps no coefficients.
        is_tidy: True if the header is made of segments alone, one after the other, so that no
            decoder can read it in another way.
    """

    blocks: int
    in_one_scan: bool
    is_tidy: bool


def read_jpeg_header(data: bytes, check: Callable[[], None]) -> JpegHeader | None:
    """Read a JPEG's header up to its first scan, as libjpeg does; None if it is damaged or endless.

    Args:
        data: the file's bytes.
        check: called for each marker; an exception that it raises ends the reading.

    Raises:
        UnsupportedCodingError: the coding is none of baseline, extended sequential and progressive
            with Huffman codes, the only ones that cameras and programs write for photos.
    """
    position, is_tidy, count = 2, True, 0
    frame: tuple[int, bytes] | None = None
    while match := _MARKER.search(data, position):
        check()
        count += 1
        is_tidy = is_tidy and match.start() == position
        position = match.end()
        marker = data[position - 1]
        if marker in _OTHER_CODINGS:
            raise UnsupportedCodingError(_OTHER_CODINGS[marker])
        if marker == _END_OF_IMAGE or count > _MAX_SEGMENTS:
            return None
        if marker < _FIRST_WITH_LENGTH or marker == _START_OF_IMAGE:
            is_tidy = False
            continue
        length = max(2, int.from_bytes(data[position : position + 2], "big"))
        segment = data[position + 2 : position + length]
        position += length
        if marker == _START_OF_SCAN:
            return frame and _header(*frame, segment, is_tidy)
        if marker in _HUFFMAN:
            if frame:
                return None
            frame = marker, segment
    return None


def _header(marker: int, frame: bytes, scan: bytes, is_tidy: bool) -> JpegHeader | None:
    if len(frame) < 6 or not scan or len(frame) != 6 + 3 * frame[5]:
        return None
    bits, components = frame[0], frame[5]
    height, width = (int.from_bytes(frame[at : at + 2], "big") for at in (1, 3))
    if bits != 8:
        raise UnsupportedCodingError(f"{bits} bits a channel")
    if components not in (1, 3, 4):
        raise UnsupportedCodingError(f"{components} channels")
    if height == 0:
        raise UnsupportedCodingError("its height after its pixels")
    sampling = [(each >> 4, each & 15) for each in frame[7::3]]
    if width == 0 or not all(1 <= each <= _MAX_SAMPLING for pair in sampling for each in pair):
        return None
    units_across = -(-width // (8 * max(across for across, _ in sampling)))
    units_down = -(-height // (8 * max(down for _, down in sampling)))
    blocks = units_across * units_down * sum(across * down for across, down in sampling)
    in_one_scan = marker in _SEQUENTIAL and scan[0] == components
    return JpegHeader(blocks, in_one_scan, is_tidy)
