"""Small files of every supported type and coding, some of full size, as seeds for fuzzing."""

from PIL import Image

from tests.hostile.formats import (
    encode,
    exif,
    exif_segment,
    jpeg_of_coding,
    jpeg_of_size,
    png,
    png_chunk,
    refined_jpeg,
)
from tests.hostile.webp_codes import webp_of_codes

FULL_SIZE = (8_000, 6_000)  # as phones write, and less than the settings allow
_CODINGS = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))


def seeds() -> dict[str, bytes]:
    """Return the files by name."""
    photo = Image.effect_noise((40, 30), 60).convert("RGB")
    grey, palette = photo.convert("L"), photo.convert("P")
    frames = [Image.new("P", (12, 9), number) for number in range(3)]
    tags = Image.Exif()
    tags[0x0112] = 6
    deep = photo.convert("I;16")
    with_exif = encode(photo, "JPEG", exif=tags)
    return {
        "jpeg": encode(photo, "JPEG"),
        "jpeg-progressive": encode(photo, "JPEG", progressive=True, subsampling=0),
        "jpeg-cmyk": encode(photo.convert("CMYK"), "JPEG"),
        "jpeg-grey-exif": encode(grey, "JPEG", exif=tags),
        "jpeg-two-exif": with_exif[:2] + exif_segment(exif(3, kind=5, count=2)) + with_exif[2:],
        "png": encode(photo, "PNG"),
        "png-palette": encode(palette, "PNG", transparency=0),
        "png-alpha": encode(photo.convert("RGBA"), "PNG", exif=tags),
        "png-16": encode(deep, "PNG"),
        "png-1": encode(grey.convert("1"), "PNG"),
        "png-chunks": encode(grey, "PNG")[:33]
        + png_chunk(b"tEXt", b"a\0b")
        + png_chunk(b"gAMA", bytes(4))
        + encode(grey, "PNG")[33:],
        "gif": encode(palette, "GIF", transparency=3),
        "gif-animated": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "webp": encode(photo, "WEBP", exif=tags),
        "webp-lossless": encode(photo.convert("RGBA"), "WEBP", lossless=True),
        "webp-animated": encode(
            frames[0].convert("RGB"),
            "WEBP",
            save_all=True,
            append_images=[frame.convert("RGB") for frame in frames[1:]],
        ),
        **{f"jpeg-sof-{marker:x}": jpeg_of_coding(marker, *FULL_SIZE) for marker in _CODINGS},
        "jpeg-full-size": jpeg_of_size(*FULL_SIZE),
        "jpeg-full-size-progressive": jpeg_of_size(*FULL_SIZE, progressive=True),
        "jpeg-full-size-cmyk": jpeg_of_size(*FULL_SIZE, mode="CMYK"),
        "jpeg-refined": refined_jpeg(*FULL_SIZE, 5),
        "jpeg-strip": jpeg_of_size(700, 60_000),
        "png-full-size": png(*FULL_SIZE),
        "png-full-size-16": png(*FULL_SIZE, depth=16, color=6, interlaced=True),
        "webp-codes": webp_of_codes(40),
    }
