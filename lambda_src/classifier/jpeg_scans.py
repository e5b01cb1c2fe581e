"""How many scans a JPEG has: one of a dozen bytes can make a decoder go over all pixels again.

A decoder that meets the end of a scan too early takes zeros for the rest, so that a file's size
does not bound the work: 20 MB hold a million scans, hours of decoding, and the decoder does not
come back in between. Encoders write about ten.
"""

import re
from collections.abc import Callable

MAX_SCANS = 100

# What a decoder stops at; in an image's data 0xff is followed by 0, or by 0xd0 to 0xd7 (restart).
# Of several 0xff the last one counts; a pattern that takes them all would try each in turn.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_START_OF_SCAN = 0xDA
_START_OF_IMAGE = 0xD8
_END_OF_IMAGE = 0xD9
_SEQUENTIAL_HUFFMAN = (0xC0, 0xC1)
_FIRST_WITH_LENGTH = 0xC0


def has_too_many_scans(data: bytes, check: Callable[[], None]) -> bool:
    """Tell whether a JPEG has more than `MAX_SCANS`.

    Args:
        data: the file's bytes.
        check: called for each part of the file; what it raises ends the count.
    """
    scans, position, components = 0, 2, b""
    while found := _MARKER.search(data, position):
        check()
        position = found.end()
        marker = data[position - 1]
        if marker == _END_OF_IMAGE:
            return False
        if marker in _SEQUENTIAL_HUFFMAN:
            components = data[position + 7 : position + 8]
        if marker == _START_OF_SCAN:
            # As cameras write it: one scan of all components, after which a decoder takes no other.
            if not scans and components and data[position + 2 : position + 3] == components:
                return False
            scans += 1
            if scans > MAX_SCANS:
                return True
        # A decoder that looks for a restart steps over lower markers byte by byte.
        if marker >= _FIRST_WITH_LENGTH and marker != _START_OF_IMAGE:
            position += int.from_bytes(data[position : position + 2], "big")
    return False
