"""JPEG photos of three sizes for the benchmarks, enlarged from a sample photo."""

import io
from pathlib import Path

from warmlens.paths import WEB

SOURCE = WEB / "samples" / "flower.jpg"
SIZES = {0.3: (640, 480), 2: (1632, 1224), 12: (4000, 3000)}
"""Megapixels, and width x height: a page's picture, a screen's, a phone's camera's."""

_QUALITY = 90
_NOISE = 3.0  # grey levels, as a sensor's: without noise an enlarged photo decodes too fast


def photo(megapixels: float) -> bytes:
    """Return the JPEG of this size; the same version of Pillow gives the same bytes."""
    # The command line starts without both: `make run` does not install them.
    import numpy as np
    from PIL import Image

    size = SIZES[megapixels]
    pixels = np.asarray(Image.open(SOURCE).convert("RGB").resize(size), np.float32)
    noise = np.random.default_rng(0).normal(0, _NOISE, pixels.shape).astype(np.float32)
    image = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def key(megapixels: float) -> str:
    """Return the photo's key in the images bucket."""
    return f"test/{megapixels:g}-megapixels.jpg"


def write_photos(folder: Path) -> None:
    """Write all photos into a folder."""
    for megapixels in SIZES:
        path = folder / key(megapixels)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(megapixels))
