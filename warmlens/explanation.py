"""Pictures of class-activation maps: photos in which the parts that support a class are red."""

from io import BytesIO
from pathlib import Path
from typing import Any

from warmlens.errors import WarmlensError

COLOR = (255, 32, 0)
STRONGEST = 170
"""Opacity, up to 255, of the color where the map is 1."""


def require_picture_path(path: Path) -> None:
    """Raise WarmlensError unless a picture can be written to the path.

    Raises:
        WarmlensError: `bad_picture_name`, `folder_missing`.
    """
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise WarmlensError("bad_picture_name", f"{path} must end in .png or .jpg.", exit_code=2)
    if not path.parent.is_dir():
        raise WarmlensError(
            "folder_missing", f"The folder {path.parent} does not exist.", exit_code=2
        )


def write_picture(photo: Path, answer: dict[str, Any], path: Path) -> None:
    """Write a photo with the class-activation map of an answer.

    Args:
        photo: the photo that was classified.
        answer: the API's answer.
        path: the picture, PNG or JPEG.

    Raises:
        WarmlensError: `no_explanation`: the answer has no map.
    """
    from PIL import Image, ImageOps

    explanation = answer.get("explanation")
    if explanation is None:
        raise WarmlensError(
            "no_explanation",
            f"{answer['model']} {answer['version']} has no class-activation maps; {path} was "
            "not written. A version exported now has them if the network ends in average pooling "
            "and one fully connected layer.",
        )
    Image.MAX_IMAGE_PIXELS = None  # a photo that the API classified, of a phone with 200 megapixels
    with Image.open(photo) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    area = explanation["area"]
    left, width = (round(area[side] * picture.width) for side in ("left", "width"))
    top, height = (round(area[side] * picture.height) for side in ("top", "height"))
    mask = Image.new("L", (explanation["columns"], explanation["rows"]))
    mask.putdata([round(STRONGEST * value) for value in explanation["values"]])
    mask = mask.resize((width, height), Image.Resampling.BICUBIC)
    picture.paste(COLOR, (left, top, left + width, top + height), mask)
    data = BytesIO()
    picture.save(data, "PNG" if path.suffix.lower() == ".png" else "JPEG", quality=90)
    part = path.with_name(f"{path.name}.part")  # a full disk leaves no part of a picture
    try:
        part.write_bytes(data.getvalue())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
