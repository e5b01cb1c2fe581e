"""Rendering of a product in any pose, with its print around its shape."""

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lab.products import label_art
from lab.products.design import RGB, Product, Shape
from lab.products.polyhedron import Face, draw_faces
from lab.products.rendering import Light, Pixels, Plane, Pose, Sprite, pyramid
from lab.products.revolution import Body, draw_body
from lab.products.sheet import Sheet, draw_sheet

HEIGHT_PX = 384
FRONT_SHARE = 0.4
"""The front's share of the way around a can."""
CACHED_PACKAGES = 96
METAL: RGB = (176, 178, 182)

Solid = tuple[Face, ...] | Body | Sheet

# Heights and radii (1 is the widest) of turned bodies, and where their label is (from, to).
_TURNED: dict[Shape, tuple[tuple[float, ...], tuple[float, ...], tuple[float, float], float]] = {
    Shape.CAN: (
        (0, 0.03, 0.07, 0.92, 0.96, 0.975, 1),
        (0.86, 0.97, 1, 1, 0.93, 0.96, 0.96),
        (0.05, 0.945),
        0.9,
    ),
    Shape.BOTTLE: (
        (0, 0.02, 0.62, 0.7, 0.77, 0.83, 0.86, 0.87, 1),
        (0.94, 1, 1, 0.92, 0.68, 0.42, 0.38, 0.44, 0.44),
        (0.06, 0.62),
        0.6,
    ),
    Shape.JAR: (
        (0, 0.03, 0.74, 0.8, 0.82, 0.83, 1),
        (0.92, 1, 1, 0.9, 0.88, 0.93, 0.93),
        (0.1, 0.7),
        0.7,
    ),
    Shape.TUB: ((0, 0.84, 0.85, 1), (0.82, 0.97, 1.02, 1.02), (0.02, 0.84), 0.3),
}


@functools.lru_cache(maxsize=CACHED_PACKAGES)
def solid(product: Product) -> Solid:
    """Return the solid of a product, cached."""
    match product.brand.shape:
        case Shape.BOX:
            return _box(product)
        case Shape.CARTON:
            return _carton(product)
        case Shape.POUCH | Shape.TUBE:
            return _sheet(product)
        case _:
            return _turned(product)


def draw(product: Product, pose: Pose, light: Light, canvas_px: int) -> Sprite | None:
    """Draw a product on a square canvas; return None if it is off the canvas."""
    thing = solid(product)
    if isinstance(thing, Body):
        return draw_body(thing, pose, light, canvas_px)
    if isinstance(thing, Sheet):
        return draw_sheet(thing, pose, light, canvas_px)
    return draw_faces(thing, pose, light, canvas_px)


def _box(product: Product) -> tuple[Face, ...]:
    w, d = product.width, product.brand.depth
    x, z = w / 2, d / 2
    side = pyramid(_array(label_art.side(product, _px(d), HEIGHT_PX)))
    return (
        Face(_upright(x, z, 0.5, -0.5), _front(product, w, 1)),
        Face(((x, 0.5, z), (x, 0.5, -z), (x, -0.5, -z), (x, -0.5, z)), side),
        Face(((-x, 0.5, -z), (-x, 0.5, z), (-x, -0.5, z), (-x, -0.5, -z)), side),
        Face(
            ((-x, 0.5, -z), (x, 0.5, -z), (x, 0.5, z), (-x, 0.5, z)),
            pyramid(_array(label_art.top(product, _px(w), _px(d)))),
        ),
    )


def _carton(product: Product) -> tuple[Face, ...]:
    w, d = product.width, product.brand.depth
    x, z, eaves, ridge = w / 2, d / 2, 0.24, 0.42
    side = pyramid(_array(label_art.side(product, _px(d), _px(0.74))))
    roof = pyramid(_array(label_art.top(product, _px(w), _px(0.26))))
    plain = pyramid(_array(Image.new("RGB", (_px(d), 64), product.brand.palette.second)))
    fin = pyramid(_array(Image.new("RGB", (_px(w), 32), product.brand.palette.paper)))
    tip = 0.002
    return (
        Face(_upright(x, z, eaves, -0.5), _front(product, w, 0.74)),
        Face(((x, eaves, z), (x, eaves, -z), (x, -0.5, -z), (x, -0.5, z)), side),
        Face(((-x, eaves, -z), (-x, eaves, z), (-x, -0.5, z), (-x, -0.5, -z)), side),
        Face(((-x, ridge, tip), (x, ridge, tip), (x, eaves, z), (-x, eaves, z)), roof),
        Face(((x, ridge, tip), (x, ridge, -tip), (x, eaves, -z), (x, eaves, z)), plain),
        Face(((-x, ridge, -tip), (-x, ridge, tip), (-x, eaves, z), (-x, eaves, -z)), plain),
        Face(_upright(x, tip, 0.5, ridge), fin),
    )


def _turned(product: Product) -> Body:
    heights, radii, (low, high), gloss = _TURNED[product.brand.shape]
    radius = product.width / 2
    width_px = int(HEIGHT_PX * 2 * np.pi * radius)
    wrap = _bare_wrap(product, width_px)
    label_px = int((high - low) * HEIGHT_PX)
    front = np.asarray(label_art.front(product, int(width_px * FRONT_SHARE), label_px))
    back = np.asarray(label_art.side(product, int(width_px * 0.25), label_px))
    before = (width_px - front.shape[1]) // 2
    # The front's edge colours continue around the body, so that there is no seam.
    label = np.pad(
        front, ((0, 0), (before, width_px - front.shape[1] - before), (0, 0)), mode="edge"
    )
    start = int(width_px * 0.03)
    label[:, start : start + back.shape[1]] = back
    upper = int((1 - high) * HEIGHT_PX)
    wrap[upper : upper + label_px] = label
    return Body(
        heights=heights,
        radii=tuple(r * radius for r in radii),
        wrap=pyramid(wrap),
        lid=pyramid(_lid(product)),
        gloss=gloss,
    )


def _bare_wrap(product: Product, width_px: int) -> Pixels:
    """Return the surface of the body without its label: metal, coloured plastic or glass."""
    palette = product.brand.palette
    wrap = np.empty((HEIGHT_PX, width_px, 3), np.uint8)
    match product.brand.shape:
        case Shape.CAN:
            wrap[:] = METAL
        case Shape.BOTTLE:
            wrap[:] = palette.base
            wrap[: int(HEIGHT_PX * 0.13)] = palette.accent
            wrap[: int(HEIGHT_PX * 0.13), :: max(2, width_px // 40)] = palette.ink
        case Shape.JAR:
            wrap[:] = [int(c * 0.55) for c in palette.second]
            wrap[: int(HEIGHT_PX * 0.175)] = palette.second
            wrap[int(HEIGHT_PX * 0.175) : int(HEIGHT_PX * 0.2)] = METAL
        case _:
            wrap[:] = palette.base
            wrap[: int(HEIGHT_PX * 0.16)] = palette.second
    return wrap


def _lid(product: Product) -> Pixels:
    palette = product.brand.palette
    size = 160
    if product.brand.shape in (Shape.JAR, Shape.TUB):
        return _array(label_art.top(product, size, size))
    lid = Image.new("RGB", (size, size), METAL)
    draw = ImageDraw.Draw(lid)
    if product.brand.shape is Shape.BOTTLE:
        draw.rectangle((0, 0, size, size), fill=palette.accent)
        return _array(lid)
    draw.ellipse((8, 8, size - 8, size - 8), outline=(120, 122, 126), width=6)
    draw.ellipse((62, 76, 98, 126), outline=(110, 112, 118), width=9)
    draw.ellipse((70, 62, 90, 82), fill=(130, 132, 138))
    return _array(lid)


def _sheet(product: Product) -> Sheet:
    width_px = _px(product.width)
    tube = product.brand.shape is Shape.TUBE
    outline = _tube_outline(width_px) if tube else _pouch_outline(width_px)
    face = np.asarray(label_art.front(product, width_px, HEIGHT_PX))
    if tube:
        face = _with_cap(face, product)
    texture = np.dstack([face, outline]).astype(np.uint8)
    slopes = _tube_slopes(width_px) if tube else _pouch_slopes(product, width_px)
    return Sheet(product.width, pyramid(texture), pyramid(slopes), 0.5 if tube else 0.8)


def _pouch_outline(width_px: int) -> Pixels:
    outline = Image.new("L", (width_px * 2, HEIGHT_PX * 2), 0)
    draw = ImageDraw.Draw(outline)
    w, h = width_px * 2, HEIGHT_PX * 2
    left = [(w * 0.02 + w * 0.03 * np.sin(np.pi * i / 20) ** 2, h * i / 20) for i in range(21)]
    right = [(w - x, y) for x, y in reversed(left)]
    draw.polygon([*left, *right], fill=255)
    return _array(outline.resize((width_px, HEIGHT_PX), Image.Resampling.BOX))


def _tube_outline(width_px: int) -> Pixels:
    outline = Image.new("L", (width_px * 2, HEIGHT_PX * 2), 0)
    draw = ImageDraw.Draw(outline)
    w, h = width_px * 2, HEIGHT_PX * 2
    draw.polygon(
        [(0, 0), (w, 0), (w * 0.9, h * 0.84), (w * 0.7, h * 0.87), (w * 0.7, h),
         (w * 0.3, h), (w * 0.3, h * 0.87), (w * 0.1, h * 0.84)],
        fill=255,
    )  # fmt: skip
    return _array(outline.resize((width_px, HEIGHT_PX), Image.Resampling.BOX))


def _with_cap(face: NDArray[np.uint8], product: Product) -> Pixels:
    capped = face.copy()
    start = int(HEIGHT_PX * 0.87)
    capped[start:] = product.brand.palette.second
    capped[start:, :: max(2, face.shape[1] // 24)] = product.brand.palette.ink
    return capped


def _pouch_slopes(product: Product, width_px: int) -> Pixels:
    """Return the slopes of a pouch: a cushion with flat seams, and random creases."""
    y, x = _grid(width_px)
    rng = np.random.default_rng(sum(map(ord, product.label)))
    right = x**3 * 0.9
    up = -np.where(np.abs(y) > 0.86, 0.0, (y / 0.86) ** 3 * 0.8)
    up += np.where(np.abs(y) > 0.86, 0.25 * np.sin(y * 160), 0.0)
    for _ in range(7):
        angle, at, reach = rng.uniform(-0.7, 0.7), rng.uniform(-0.9, 0.9), rng.uniform(0.03, 0.08)
        across = x * np.sin(angle) + y * np.cos(angle) - at
        crease = across / reach * np.exp(-((across / reach) ** 2)) * rng.uniform(0.15, 0.45)
        fade = np.clip(np.abs(x - rng.uniform(-1, 1)), 0, 1)
        up += crease * fade
        right += crease * fade * np.sin(angle)
    return _as_slopes(right, up)


def _tube_slopes(width_px: int) -> Pixels:
    """Return the slopes of a tube: flat at the crimp above, round at the cap below."""
    y, x = _grid(width_px)
    roundness = np.clip((y + 1) / 1.7, 0, 1)
    right = x * roundness * 1.1
    up = np.where(y < -0.9, 0.3 * np.sin(y * 200), 0.1 * np.ones_like(y))
    return _as_slopes(right, up)


def _grid(width_px: int) -> tuple[Plane, Plane]:
    y = np.linspace(-1, 1, HEIGHT_PX, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width_px, dtype=np.float32)[None, :]
    return y + 0 * x, x + 0 * y


def _as_slopes(right: Plane, up: Plane) -> Pixels:
    planes = np.dstack([right, up, np.zeros_like(right)])
    return (np.clip(planes, -1, 1) * 127 + 128).astype(np.uint8)


def _front(product: Product, width: float, height: float) -> tuple[Pixels, ...]:
    return pyramid(_array(label_art.front(product, _px(width), _px(height))))


def _upright(x: float, z: float, top: float, foot: float) -> tuple[tuple[float, float, float], ...]:
    return ((-x, top, z), (x, top, z), (x, foot, z), (-x, foot, z))


def _px(heights: float) -> int:
    return max(16, round(heights * HEIGHT_PX))


def _array(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.uint8).copy()
