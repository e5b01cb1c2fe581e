"""Names of files that are no JPEG, PNG, WebP or GIF, known from their first bytes.

`warmlens_client/other_types.py` is a link to this file, for callers.
"""

import re

_SAVE = "Save or export it as JPEG and send that."
_SEND = "Send a JPEG, PNG, WebP or GIF."
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")

# Patterns for the beginning of a file, with what the file is and what to do.
_KINDS = (
    (rb"(?:II\*\0|MM\0\*|II\x2b\0|MM\0\x2b)", "a TIFF or a camera's raw file", _SAVE),
    (rb"(?:IIRO|IIRS|IIU\0|FUJIFILMCCD-RAW)", "a camera's raw file", _SAVE),
    (rb"BM", "a BMP picture", _SAVE),
    (rb"8BPS", "a Photoshop file", _SAVE),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture", _SAVE),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture", _SAVE),
    (rb"\0\0[\x01\x02]\0", "an icon", _SAVE),
    (rb"(?s:[\xef\xbb\xbf\s]*(?:<\?xml.{0,500})?(?:<!--.{0,500})?<svg)", "an SVG drawing", _SAVE),
    (rb"%PDF", "a PDF document", "Save the page or picture as JPEG and send that."),
    (rb"%!PS", "a PostScript file", _SAVE),
    (
        rb"(?s:RIFF....AVI )|\x1a\x45\xdf\xa3|\0\0\x01\xba",
        "a video",
        "Send a single picture of it.",
    ),
    (rb"(?s:....)(?:moov|mdat|wide|ftyp)", "a video", "Send a single picture of it."),
    (
        rb"(?is:[\xef\xbb\xbf\s]*<(?:!doctype html|html|head|body))",
        "a web page",
        "The link leads to a page: save the picture itself and send that.",
    ),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!", "an archive", "Unpack it and send a picture."),
    (rb"data:image/|/9j/|iVBORw0KGgo|R0lGOD|UklGR", "text in base64", "Decode it and send that."),
)


def refusal(data: bytes) -> str:
    """Return a sentence about a file of a type that is not supported, and what to do.

    Args:
        data: the file, or its first kilobyte.
    """
    if not data:
        return f"The file is empty. {_SEND}"
    kind = _kind(data[:1024])
    if kind is None:
        return f"The file is not a supported picture. {_SEND}"
    what, advice = kind
    return f"The file is {what}, which is not read. {advice}"


def _kind(head: bytes) -> tuple[str, str] | None:
    if head[4:8] == b"ftyp":
        brands = head[8 : max(12, min(len(head), int.from_bytes(head[:4], "big")))]
        if any(brand in brands for brand in _AVIF_BRANDS):
            return "an AVIF picture", _SAVE
        if any(brand in brands for brand in _HEIC_BRANDS):
            return "a HEIC photo, as iPhones take them", _SAVE
        if b"crx " in brands:
            return "a camera's raw file", _SAVE
    for pattern, what, advice in _KINDS:
        if re.match(pattern, head):
            return what, advice
    return None
