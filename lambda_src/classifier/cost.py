"""Upper bounds on the time and memory of decoding a picture, from its header.

The times are of one core of an AMD EPYC; docs/decisions/0060-time-of-decoding.md has the figures.
"""

from .jpeg_header import JpegHeader

QUICK_PIXELS = 8_500_000
"""Decoded pixels that take half a second at most, whatever the file."""

QUICK_BLOCKS = 5_000_000
"""Blocks of a JPEG, times its scans, that take half a second at most."""

QUICK_WEBP_PIXELS = 4_000_000
QUICK_LOSSLESS_WEBP_PIXELS = 180_000
"""The same for a lossy WebP, and for one that is lossless, also in its alpha channel or a frame: it
may have other Huffman codes for each 16 pixels."""

LOSSLESS_WEBP_BYTES_PER_PIXEL = 1_250
"""Memory that these codes take."""

_BLOCK_BYTES = 128
_START_OF_SCAN = b"\xff\xda"
_LOSSLESS = (b"VP8L", b"ALPH", b"ANMF")


def is_quick_jpeg(data: bytes, header: JpegHeader, decoded_pixels: int) -> bool:
    """Return True if decoding a JPEG takes half a second at most.

    A scan makes a decoder process all blocks, also where it has no data: decoders take zeros for
    what is missing. Each one begins with the two bytes that are counted.

    Args:
        data: the file's bytes.
        header: its header.
        decoded_pixels: width x height at the scale at which it is decoded.
    """
    if not header.is_tidy or decoded_pixels > QUICK_PIXELS:
        return False
    scans = 1 if header.in_one_scan else data.count(_START_OF_SCAN)
    return header.blocks * scans <= QUICK_BLOCKS


def is_quick_webp(data: bytes, width: int, height: int, *, memory_bytes: int) -> bool:
    """Return True if decoding a WebP takes half a second and `memory_bytes` at most.

    Args:
        data: the file's bytes.
        width: in pixels.
        height: in pixels.
        memory_bytes: memory that decoding may take.
    """
    if any(kind in data for kind in _LOSSLESS):
        most = min(QUICK_LOSSLESS_WEBP_PIXELS, memory_bytes // LOSSLESS_WEBP_BYTES_PER_PIXEL)
        return width * height <= most
    return width * height <= QUICK_WEBP_PIXELS


def pixels_of_coefficients(header: JpegHeader, bytes_per_pixel: int) -> int:
    """Return the memory of a JPEG's coefficients, as a number of decoded pixels.

    Args:
        header: the JPEG's header.
        bytes_per_pixel: what decoding takes for a pixel.
    """
    if header.in_one_scan:
        return 0
    return header.blocks * _BLOCK_BYTES // bytes_per_pixel
