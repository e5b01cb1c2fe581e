"""Small valid images of every supported type, as seeds for fuzzing."""

from PIL import Image

from tests.hostile.formats import encode, exif, exif_segment, png_chunk


def seeds() -> dict[str, bytes]:
    """Return the images by name."""
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
    }
