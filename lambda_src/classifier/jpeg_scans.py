"""Limit on the scans of a JPEG, each of which makes a decoder process all pixels.

A scan of a dozen bytes is enough, since decoders take zeros for what is missing: 20 MB can have a
million scans, hours of decoding in one uninterruptible call. Encoders write about ten.
"""

import re
from collections.abc import Callable

MAX_SCANS = 100

# Markers; within image data 0xff is followed by 0, or by 0xd0 to 0xd7 (restart). Of several 0xff
# the last one counts; a pattern for all of them would backtrack.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_START_OF_SCAN = 0xDA
_START_OF_IMAGE = 0xD8
_END_OF_IMAGE = 0xD9
_SEQUENTIAL_HUFFMAN = (0xC0, 0xC1)
_FIRST_WITH_LENGTH = 0xC0


def has_too_many_scans(data: bytes, check: Callable[[], None]) -> bool:
    """Return True if a JPEG has more than `MAX_SCANS` scans.

    Args:
        data: the file's bytes.
        check: called for each marker; an exception that it raises ends the count.
    """
    scans, position, components = 0, 2, b""
    while match := _MARKER.search(data, position):
        check()
        position = match.end()
        marker = data[position - 1]
        if marker == _END_OF_IMAGE:
            return False
        if marker in _SEQUENTIAL_HUFFMAN:
            components = data[position + 7 : position + 8]
        if marker == _START_OF_SCAN:
            # A baseline JPEG, as from cameras: one scan with all components, the only one read.
            if not scans and components and data[position + 2 : position + 3] == components:
                return False
            scans += 1
            if scans > MAX_SCANS:
                return True
        # Decoders skip lower markers byte by byte.
        if marker >= _FIRST_WITH_LENGTH and marker != _START_OF_IMAGE:
            position += int.from_bytes(data[position : position + 2], "big")
    return False
