"""Conversion of wide-gamut photos, as phones and cameras take them, to sRGB.

Models are trained with sRGB; a photo in Display P3 looks pale to them. Only the two profiles that
cameras write are converted, with the factors below: no bytes of a file choose a calculation.

`training/wide_gamut.py` is a link to this file: what the service converts, training converts.
"""

from typing import Any

from PIL import Image

_WITH_COLORS = ("RGB", "RGBA", "RGBX", "P")
_SIGNATURES = (b"rXYZ", b"gXYZ", b"bXYZ")
_TOLERANCE = 0.003
_MAX_TAGS = 100
_STEPS = 17

# Red, green and blue in the profile connection space (D50), as in the profiles of Apple and Adobe.
_PRIMARIES = {
    "Display P3": ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)),
    "Adobe RGB": ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)),
}
# To linear sRGB, from the primaries in SMPTE EG 432-1 and in Adobe RGB (1998), for D65.
_TO_SRGB = {
    "Display P3": ((1.2249, -0.2249, 0.0), (-0.0421, 1.0421, 0.0), (-0.0196, -0.0786, 1.0982)),
    "Adobe RGB": ((1.3984, -0.3984, 0.0), (0.0, 1.0, 0.0), (0.0, -0.0429, 1.0429)),
}
_ADOBE_GAMMA = 563 / 256
_P3_CODE_POINT = b"\x0c"

_filters: dict[str, Any] = {}


def wide_gamut(profile: bytes) -> str:
    """Return the name of a wide-gamut colour space that a profile has, or an empty string.

    Args:
        profile: an ICC profile, or its beginning. Source: ICC.1:2022, 7.2, 7.3 and 10.31. Or the
            four code points of PNG's cICP. Source: PNG, third edition, 11.3.2.6; ITU-T H.273.
    """
    if len(profile) == 4 and profile.startswith(_P3_CODE_POINT):
        return "Display P3"
    if profile[16:20] != b"RGB " or profile[36:40] != b"acsp":
        return ""
    found: dict[bytes, tuple[float, ...]] = {}
    count = int.from_bytes(profile[128:132], "big")
    for at in range(132, 132 + 12 * min(count, _MAX_TAGS), 12):
        offset = int.from_bytes(profile[at + 4 : at + 8], "big")
        found[profile[at : at + 4]] = tuple(
            int.from_bytes(profile[place : place + 4], "big", signed=True) / 65536
            for place in range(offset + 8, offset + 20, 4)
        )
    for name, primaries in _PRIMARIES.items():
        if all(
            abs(is_there - wanted) <= _TOLERANCE
            for signature, color in zip(_SIGNATURES, primaries, strict=True)
            for is_there, wanted in zip(found.get(signature, (9, 9, 9)), color, strict=True)
        ):
            return name
    return ""


def to_srgb(image: Image.Image, *, mode: str, profile: bytes) -> Image.Image:
    """Convert an RGB image to sRGB if its profile has a wide gamut, else return it as it is.

    Args:
        image: the picture in RGB.
        mode: Pillow's mode of the decoded picture: grey and CMYK have other profiles.
        profile: as for `wide_gamut`.
    """
    space = wide_gamut(profile) if mode in _WITH_COLORS else ""
    if not space:
        return image
    if space not in _filters:
        _filters[space] = _table(space)
    return image.filter(_filters[space])


def _table(space: str) -> Any:
    from PIL import ImageFilter  # here, since only some photos need it

    linear = [_linear(step / (_STEPS - 1), space) for step in range(_STEPS)]
    rows = _TO_SRGB[space]
    values = [
        _encoded(to_red * red + to_green * green + to_blue * blue)
        for blue in linear
        for green in linear
        for red in linear
        for to_red, to_green, to_blue in rows
    ]
    return ImageFilter.Color3DLUT(_STEPS, values)


def _linear(value: float, space: str) -> float:
    if space == "Adobe RGB":
        return float(value**_ADOBE_GAMMA)
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _encoded(value: float) -> float:
    """Return sRGB's code of a linear value; outside of it, continued by its straight line."""
    if value <= 0.0031308:
        return value * 12.92
    return float(1.055 * value ** (1 / 2.4) - 0.055)
