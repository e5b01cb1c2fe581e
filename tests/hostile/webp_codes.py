"""A lossless WebP with another set of Huffman codes for each block of 4 x 4 pixels.

Its decoder makes five tables for each set, the largest of 2,328 symbols, from a few bytes. The
format's source: RFC 9649, section 3.
"""

import struct

_GREEN, _OTHERS, _DISTANCES = 256 + 24, 256, 40
_CACHE_BITS = 11
_CODE_LENGTH_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)


class _Bits:
    """Bits, the least significant first."""

    def __init__(self) -> None:
        self._value, self._count = 0, 0
        self._bytes = bytearray()

    def put(self, value: int, count: int) -> None:
        self._value |= value << self._count
        self._count += count
        while self._count >= 8:
            self._bytes.append(self._value & 255)
            self._value >>= 8
            self._count -= 8

    def put_code(self, symbols: int, length: int) -> None:
        """Write a code whose first `symbols` symbols all have this length; the rest have none."""
        self.put(0, 1)  # a normal code
        at = _CODE_LENGTH_ORDER.index(length)
        self.put(max(at + 1, 4) - 4, 4)
        for each in range(max(at + 1, 4)):
            self.put(1 if each == at else 0, 3)  # one length alone: it takes no bits
        bits = (symbols - 2).bit_length()
        bits += bits % 2
        self.put(1, 1)
        self.put((bits - 2) // 2, 3)
        self.put(symbols - 2, bits)

    def put_single(self) -> None:
        """Write a code of the symbol 0 alone."""
        self.put(1, 1)
        self.put(0, 3)

    def done(self) -> bytes:
        self.put(0, 7)
        return bytes(self._bytes)


def webp_of_codes(side: int) -> bytes:
    """Return a lossless WebP, side x side, of the most sets of codes that it can have."""
    bits = _Bits()
    bits.put(side - 1, 14)
    bits.put(side - 1, 14)
    bits.put(0, 1 + 3 + 1)  # no alpha, version 0, no transform
    bits.put(1, 1)
    bits.put(_CACHE_BITS, 4)
    bits.put(1, 1)  # several sets of codes
    bits.put(0, 3)  # for blocks of 4 x 4
    across = -(-side // 4)
    sets = min(across * across, 2**16)
    bits.put(0, 1)  # the image of their numbers: no cache
    bits.put_code(256, 8)
    bits.put_code(256, 8)
    for _ in range(3):
        bits.put_single()
    for block in range(across * across):
        number = block % sets
        for part in (number & 255, number >> 8):
            bits.put(int(f"{part:08b}"[::-1], 2), 8)
    for _ in range(sets):
        bits.put_code(2**_CACHE_BITS, _CACHE_BITS)
        for _ in range(3):
            bits.put_code(256, 8)
        bits.put_code(32, 5)
    for _ in range(side * side):
        bits.put(0, 11 + 8 * 3)
    data = b"\x2f" + bits.done()
    data += b"\0" * (len(data) % 2)
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
