"""Decoding of photos, identical to the service's, and a cache of decoded photos.

Decoding a photo takes longer than a training step of the small CNN, so each photo is decoded once
for each size, to a file that training maps into memory.
"""

import concurrent.futures
import dataclasses
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.dataset import Photo
from training.photo_file import open_photo
from training.whole import ROTATED, upright_rgb
from training.wide_gamut import to_srgb
from warmlens.errors import WarmlensError

# To increase with any change of the steps below, so that older cached files are not used.
STEPS = "3"
REDUCED_TO = 2  # the same as the service's
RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

Pixels = npt.NDArray[np.uint8]
OnDecoded = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Geometry:
    """The preparation of an image: resize its shorter side, then crop width x height."""

    width: int
    height: int
    resize_shorter_side: int
    interpolation: Literal["bicubic", "bilinear"]


def square(side: int) -> Geometry:
    """Return the geometry of square inputs, which crops nothing from a square photo."""
    return Geometry(side, side, side, "bicubic")


def read_pixels(path: Path, geometry: Geometry) -> Pixels:
    """Decode and prepare an image file as the service does.

    Returns:
        uint8 [height, width, 3].

    Raises:
        WarmlensError: `unreadable_photo`.
    """
    try:
        photo = open_photo(path)
        size, orientation = photo.image.size, photo.parts.orientation
        if orientation in ROTATED:
            size = (size[1], size[0])
        # The service decodes a large JPEG at a reduced scale.
        image = photo.load(REDUCED_TO * geometry.resize_shorter_side)
        small = _resize_and_crop(upright_rgb(image, orientation), size, geometry)
        return np.asarray(to_srgb(small, mode=image.mode, profile=photo.parts.profile))
    except Exception as error:  # decoders raise many types on damaged files
        raise WarmlensError("unreadable_photo", f"{path} cannot be decoded: {error}.") from error


def _resize_and_crop(image: Image.Image, size: tuple[int, int], geometry: Geometry) -> Image.Image:
    shorter = min(size)
    resized = [geometry.resize_shorter_side * side // shorter for side in size]
    cut = (geometry.width, geometry.height)
    scale = [side / new for side, new in zip(image.size, resized, strict=True)]
    start = [round((new - part) / 2) for new, part in zip(resized, cut, strict=True)]
    box = (
        start[0] * scale[0],
        start[1] * scale[1],
        (start[0] + cut[0]) * scale[0],
        (start[1] + cut[1]) * scale[1],
    )
    return image.resize(cut, RESAMPLING[geometry.interpolation], box=box)


def decode_photos(
    photos: tuple[Photo, ...], side: int, cache: Path, on_decoded: OnDecoded | None = None
) -> Path:
    """Decode photos to a file of uint8 [n, side, side, 3], unless the cache has it.

    Args:
        photos: the photos.
        side: width and height in pixels.
        cache: folder of decoded photos.
        on_decoded: called now and then with the number of decoded photos and of all photos.

    Returns:
        The `.npy` file.

    Raises:
        WarmlensError: `unreadable_photo`.
    """
    digest = hashlib.sha256(f"{STEPS} {side}".encode())
    for photo in photos:
        digest.update(bytes.fromhex(photo.sha256))
    path = cache / f"{digest.hexdigest()[:32]}-{side}.npy"
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    # A temporary name, so that a killed process leaves no incomplete file.
    with tempfile.TemporaryDirectory(dir=cache, prefix=".building-") as folder:
        part = Path(folder) / "pixels.npy"
        shape = (len(photos), side, side, 3)
        pixels = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            rows = threads.map(lambda photo: read_pixels(photo.path, square(side)), photos)
            for index, row in enumerate(rows):
                pixels[index] = row
                if on_decoded is not None and (index % 100 == 99 or index + 1 == len(photos)):
                    on_decoded(index + 1, len(photos))
        pixels.flush()
        part.replace(path)
    return path
