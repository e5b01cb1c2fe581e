"""Opening of photos by the rules of the service: no metadata refuses one, a missing row does."""

import dataclasses
import io
import math
from pathlib import Path

from PIL import Image, ImageFile

from training.pixel_parts import PixelParts, pixel_parts
from training.whole import load_whole

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "GIF": (".gif",),
}
"""Types that the service takes, with the suffixes of their files."""

MAX_PIXELS = 50_000_000
"""Maximum number of decoded pixels, of a JPEG at its reduced scale, as by the service's default."""

Image.MAX_IMAGE_PIXELS = None  # counted in PhotoFile.load() instead


class TooManyPixelsError(Exception):
    """The photo has more than `MAX_PIXELS` pixels to decode."""


@dataclasses.dataclass(frozen=True)
class PhotoFile:
    """An open photo, not decoded yet."""

    image: ImageFile.ImageFile
    parts: PixelParts

    def load(self, side: int, mode: str | None = None) -> Image.Image:
        """Decode the first frame, not rotated.

        Args:
            side: minimum width and height, in pixels, to which a JPEG may be reduced.
            mode: "L" decodes the brightness of a JPEG alone.

        Raises:
            TooManyPixelsError: no pixel was decoded.
            Exception: of many types, where the photo is damaged.
        """

        def reopen(data: bytes, *, half: bool = False) -> ImageFile.ImageFile:
            image = _open(data)
            least = min(image.size) // 2 if half else side
            image.draft(mode, (least, least))
            return image

        self.image.draft(mode, (side, side))
        if math.prod(self.image.size) > MAX_PIXELS:
            raise TooManyPixelsError(f"it has more than {MAX_PIXELS:,} pixels")
        load_whole(self.image, self.parts.data, had_end=self.parts.had_end, reopen=reopen)
        return self.image


def open_photo(path: Path) -> PhotoFile:
    """Open a JPEG, PNG, WebP or GIF, whatever its name.

    Raises:
        Exception: of many types, where it is none or is damaged.
    """
    parts = pixel_parts(path.read_bytes())
    return PhotoFile(_open(parts.data), parts)


def _open(data: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(data), formats=tuple(FORMATS))
