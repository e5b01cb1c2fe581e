"""The print on a product's front, side and top."""

import math

from PIL import Image, ImageDraw, ImageStat

from lab.products.design import RGB, Decoration, Icon, Palette, Product, Rect, Role
from lab.products.lettering import fit_text, written_lines

OVERSAMPLING = 2
STRIPE_GAP = 0.5


def front(product: Product, width_px: int, height_px: int) -> Image.Image:
    """Draw the front: decoration, brand, icon, word, size and stripes."""
    width, height = width_px * OVERSAMPLING, height_px * OVERSAMPLING
    palette, layout = product.brand.palette, product.brand.layout
    panel = Image.new("RGB", (width, height), palette.base)
    draw = ImageDraw.Draw(panel)
    _decorate(draw, layout.decoration, layout.edge, palette, width, height)
    _stripes(draw, product.stripes, _pixels(layout.stripes, width, height), palette.accent)
    _icon(panel, product.icon, _pixels(layout.icon, width, height), palette)
    for text, rect in (
        (product.brand.name, layout.brand),
        (product.word, layout.word),
        (product.size, layout.size),
    ):
        box = _pixels(rect, width, height)
        fit_text(draw, text, box, product.brand.typeface, _legible(panel, box, palette))
    return panel.resize((width_px, height_px), Image.Resampling.BOX)


def side(product: Product, width_px: int, height_px: int) -> Image.Image:
    """Draw a narrow side: a strip of the brand's colour, small print, a bar code."""
    palette = product.brand.palette
    panel = Image.new("RGB", (width_px, height_px), palette.base)
    draw = ImageDraw.Draw(panel)
    draw.rectangle((0, 0, width_px, height_px * 0.16), fill=palette.second)
    fit_text(
        draw,
        product.brand.name,
        (width_px * 0.1, height_px * 0.03, width_px * 0.9, height_px * 0.13),
        product.brand.typeface,
        palette.paper if _luminance(palette.second) < 128 else palette.ink,
    )
    text = written_lines(int(width_px * 0.8), int(height_px * 0.4), palette.ink, palette.paper)
    panel.paste(text, (int(width_px * 0.1), int(height_px * 0.22)))
    _bar_code(draw, (width_px * 0.2, height_px * 0.7, width_px * 0.8, height_px * 0.88))
    return panel


def top(product: Product, width_px: int, height_px: int) -> Image.Image:
    """Draw the top: the brand on its second colour."""
    palette = product.brand.palette
    panel = Image.new("RGB", (width_px, height_px), palette.second)
    box = (width_px * 0.15, height_px * 0.3, width_px * 0.85, height_px * 0.7)
    fit_text(
        ImageDraw.Draw(panel),
        product.brand.name,
        box,
        product.brand.typeface,
        _legible(panel, box, palette),
    )
    return panel


def _decorate(
    draw: ImageDraw.ImageDraw,
    decoration: Decoration,
    edge: float,
    palette: Palette,
    width: int,
    height: int,
) -> None:
    second = palette.second
    match decoration:
        case Decoration.BAND:
            draw.rectangle((0, 0, width, edge * height), fill=second)
        case Decoration.WAVE:
            wave = [
                (width * i / 40, height * (edge + 0.04 * math.sin(2 * math.pi * i / 40)))
                for i in range(41)
            ]
            draw.polygon([(0, 0), *wave, (width, 0)], fill=second)
        case Decoration.DIAGONAL:
            draw.polygon(
                [
                    (0, 0),
                    (width, 0),
                    (width, (edge - 0.12) * height),
                    (0, (edge + 0.04) * height),
                ],
                fill=second,
            )
        case Decoration.OVAL:
            draw.ellipse((-0.08 * width, -0.2 * height, 1.08 * width, edge * height), fill=second)
        case Decoration.COLUMN:
            draw.rectangle((0, 0, edge * width, height), fill=second)
        case Decoration.SPLIT:
            draw.rectangle((0, edge * height, width, height), fill=second)
        case Decoration.FRAME:
            line = edge * min(width, height)
            draw.rectangle((0, 0, width, height), outline=second, width=int(line))
        case Decoration.ARCH:
            draw.ellipse(
                (-0.2 * width, edge * height, 1.2 * width, (2.6 - edge) * height), fill=second
            )


def _stripes(draw: ImageDraw.ImageDraw, count: int, box: Rect, colour: RGB) -> None:
    if not count:
        return
    left, top_px, right, bottom = box
    # More stripes get a wider field, so that a small photo still shows their number.
    step = (bottom - top_px) / (1 + STRIPE_GAP)
    centre = (top_px + bottom) / 2
    for i in range(count):
        y = centre + (i - (count - 1) / 2) * step * (1 + STRIPE_GAP) - step / 2
        draw.rectangle((left, y, right, y + step), fill=colour)


def _icon(panel: Image.Image, icon: Icon, box: Rect, palette: Palette) -> None:
    draw = ImageDraw.Draw(panel)
    left, top_px, right, bottom = box
    size = min(right - left, bottom - top_px)
    x0, y0 = (left + right - size) / 2, (top_px + bottom - size) / 2
    ground = _mean(panel, box)
    for part in icon:
        points = [(x0 + x * size, y0 + y * size) for x, y in part.points]
        colour = _apart(palette.colour(part.role), ground, part.role)
        if part.width:
            width = max(1, round(part.width * size))
            draw.line(points, fill=colour, width=width, joint="curve")
        else:
            draw.polygon(points, fill=colour)


def _apart(colour: RGB, ground: RGB, role: Role) -> RGB:
    """Return the colour, changed if it has too little contrast to ``ground``."""
    if role is Role.BASE or sum(abs(a - b) for a, b in zip(colour, ground, strict=True)) > 120:
        return colour
    target = 255 if role is Role.PAPER or _luminance(ground) < 110 else 20
    return _mixed(colour, (target, target, target), 0.55)


def _bar_code(draw: ImageDraw.ImageDraw, box: Rect) -> None:
    left, top_px, right, bottom = box
    draw.rectangle(box, fill=(250, 250, 250))
    step = (right - left) / 34
    for i in (1, 3, 4, 6, 9, 10, 12, 15, 17, 18, 20, 23, 24, 26, 29, 31, 32):
        draw.rectangle(
            (left + i * step, top_px + step, left + (i + 0.6) * step, bottom - step),
            fill=(10, 10, 10),
        )


def _legible(panel: Image.Image, box: Rect, palette: Palette) -> RGB:
    return palette.paper if _luminance(_mean(panel, box)) < 128 else palette.ink


def _mean(panel: Image.Image, box: Rect) -> RGB:
    left, top_px, right, bottom = (int(value) for value in box)
    mean = ImageStat.Stat(panel.crop((left, top_px, right, bottom))).mean
    return (round(mean[0]), round(mean[1]), round(mean[2]))


def _mixed(colour: RGB, other: RGB, share: float) -> RGB:
    red, green, blue = (
        round(a * (1 - share) + b * share) for a, b in zip(colour, other, strict=True)
    )
    return (red, green, blue)


def _luminance(colour: RGB) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _pixels(rect: Rect, width: int, height: int) -> Rect:
    return (rect[0] * width, rect[1] * height, rect[2] * width, rect[3] * height)
