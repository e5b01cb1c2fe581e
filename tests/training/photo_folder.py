"""A tiny folder of photos: red discs, green squares and blue triangles on faint backgrounds."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"disc": (200, 60, 60), "square": (60, 180, 60), "triangle": (60, 60, 200)}
SIDE = 64
PHOTOS = {"train": 30, "val": 10, "test": 10, "hard": 5}


def make_photo_folder(root: Path, photos: dict[str, int] | None = None) -> Path:
    """Write photos to the splits of `root`; `photos` has the number for each class."""
    for split_number, (split, count) in enumerate((photos or PHOTOS).items()):
        for class_number, class_id in enumerate(COLOURS):
            folder = root / split / class_id
            folder.mkdir(parents=True)
            for index in range(count):
                random = np.random.default_rng([split_number, class_number, index])
                draw_photo(class_id, random).save(folder / f"{index:03}.jpg", quality=90)
    return root


def draw_photo(class_id: str, random: np.random.Generator) -> Image.Image:
    """Draw one photo; equal draws of `random` give equal photos."""
    grid = random.integers(70, 180, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(grid).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    x, y = map(int, random.integers(20, SIDE - 20, 2))
    reach = int(random.integers(20, 30))
    shift = random.integers(-40, 40, 3)
    red, green, blue = (
        int(np.clip(base + change, 0, 255))
        for base, change in zip(COLOURS[class_id], shift, strict=True)
    )
    draw, box = ImageDraw.Draw(image), (x - reach, y - reach, x + reach, y + reach)
    if class_id == "disc":
        draw.ellipse(box, fill=(red, green, blue))
    elif class_id == "square":
        draw.rectangle(box, fill=(red, green, blue))
    else:
        corners = [(x, y - reach), (x - reach, y + reach), (x + reach, y + reach)]
        draw.polygon(corners, fill=(red, green, blue))
    return image
