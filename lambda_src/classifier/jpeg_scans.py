"""How many scans a JPEG has: one of a dozen bytes can make a decoder go over all pixels again.

Without arithmetic coding and progression each block takes bits of its own in each scan, so that the
file's size bounds the work. With them 20 MB hold a million scans, hours of decoding, and a decoder
does not come back in between. Encoders write about ten.
"""

import re
from collections.abc import Callable

MAX_SCANS = 100

# What a decoder stops at; in an image's data 0xff is followed by 0, or by 0xd0 to 0xd7 (restart).
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_WITHOUT_LENGTH = (0x01, 0xD8)
_SEQUENTIAL_HUFFMAN = (0xC0, 0xC1)


def has_too_many_scans(data: bytes, check: Callable[[], None]) -> bool:
    """Tell whether a JPEG has more than `MAX_SCANS` that the file's size does not bound.

    Args:
        data: the file's bytes.
        check: called for each part of the file; what it raises ends the count.
    """
    scans, position = 0, 2
    while found := _MARKER.search(data, position):
        check()
        position = found.end()
        marker = data[position - 1]
        if marker in _SEQUENTIAL_HUFFMAN or marker == _END_OF_IMAGE:
            return False
        if marker == _START_OF_SCAN:
            scans += 1
            if scans > MAX_SCANS:
                return True
        if marker not in _WITHOUT_LENGTH:
            position += int.from_bytes(data[position : position + 2], "big")
    return False
