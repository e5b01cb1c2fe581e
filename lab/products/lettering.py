"""Drawing of text, with typefaces from Python packages instead of the system's."""

import functools
import importlib
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from lab.products.design import RGB, Typeface

FONT_FILES = {
    Typeface.ROUND: ("font_fredoka_one", "FredokaOne-Regular.ttf"),
    Typeface.SANS: ("font_lato", "Lato-Black.ttf"),
    Typeface.SLANTED: ("font_lato", "Lato-BlackItalic.ttf"),
    Typeface.SERIF: ("font_caladea", "Caladea-Bold.ttf"),
    Typeface.SERIF_SLANTED: ("font_caladea", "Caladea-BoldItalic.ttf"),
    Typeface.HAND: ("font_amatic_sc", "AmaticSC-Bold.ttf"),
}
PROBE_PX = 100


def fit_text(
    draw: ImageDraw.ImageDraw,
    text: str,
    box: tuple[float, float, float, float],
    typeface: Typeface,
    colour: RGB,
) -> None:
    """Draw ``text`` centred in ``box`` (pixels), as large as it fits."""
    left, top, right, bottom = box
    probe = font(typeface, PROBE_PX).getbbox(text)
    size_px = PROBE_PX * min(
        (right - left) / (probe[2] - probe[0]), (bottom - top) / (probe[3] - probe[1])
    )
    draw.text(
        ((left + right) / 2, (top + bottom) / 2),
        text,
        fill=colour,
        font=font(typeface, max(4, int(size_px))),
        anchor="mm",
    )


def written_lines(width_px: int, height_px: int, ink: RGB, paper: RGB) -> Image.Image:
    """Return a panel of small print, such as a list of ingredients."""
    panel = Image.new("RGB", (width_px, height_px), paper)
    draw = ImageDraw.Draw(panel)
    rows = ("Per 100 g", "Energy 1482 kJ", "Fat 3.1 g", "Carbohydrate 61 g", "Protein 9.4 g",
            "Salt 0.3 g", "Store cool and dry", "Best before: see top")  # fmt: skip
    step_px = height_px / (len(rows) + 1)
    size = font(Typeface.SANS, max(5, int(min(step_px * 0.7, width_px / 11))))
    for row, text in enumerate(rows):
        draw.text((width_px * 0.06, step_px * (row + 0.5)), text, fill=ink, font=size)
        draw.line(
            (width_px * 0.05, step_px * (row + 1.4), width_px * 0.95, step_px * (row + 1.4)),
            fill=ink,
        )
    return panel


@functools.lru_cache(maxsize=512)
def font(typeface: Typeface, size_px: int) -> ImageFont.FreeTypeFont:
    """Return a typeface at a size in pixels."""
    package, file = FONT_FILES[typeface]
    folder = Path(importlib.import_module(package).__path__[0])
    return ImageFont.truetype(str(folder / "files" / file), size_px)
