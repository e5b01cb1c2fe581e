"""Random backgrounds of product photos."""

import colorsys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lab.products.rendering import Plane

Texture = Callable[[np.random.Generator, int], Plane]


def draw_background(kind: str, rng: np.random.Generator, size_px: int) -> Plane:
    """Return a square background (size x size x 3, 0 to 255)."""
    return np.clip(TEXTURES[kind](rng, size_px), 0, 255).astype(np.float32)


def noise(rng: np.random.Generator, size_px: int, across: float, down: float) -> Plane:
    """Return smooth noise around 0, with about ``across`` times ``down`` bumps."""
    # Its own generator, so that later random numbers do not depend on the size of the noise.
    own = np.random.default_rng(int(rng.integers(0, 2**63)))
    cells = own.standard_normal((max(2, round(down)) + 1, max(2, round(across)) + 1))
    return cv2.resize(
        cells.astype(np.float32), (size_px, size_px), interpolation=cv2.INTER_CUBIC
    ).astype(np.float32, copy=False)


def _colour(
    rng: np.random.Generator,
    saturation: tuple[float, float],
    value: tuple[float, float],
    hue: tuple[float, float] = (0.0, 1.0),
) -> Plane:
    rgb = colorsys.hsv_to_rgb(rng.uniform(*hue) % 1, rng.uniform(*saturation), rng.uniform(*value))
    return np.array(rgb, np.float32) * 255


def _blend(first: Plane, second: Plane, share: NDArray[Any]) -> Plane:
    weight: Plane = np.clip(share, 0, 1)[..., None].astype(np.float32)
    return first * (1 - weight) + second * weight


def _rough(rng: np.random.Generator, size_px: int, strength: float) -> Plane:
    return (noise(rng, size_px, size_px / 2, size_px / 2) * strength)[..., None]


def _axes(size_px: int) -> tuple[Plane, Plane]:
    line = np.linspace(0, 1, size_px, dtype=np.float32)
    return line[None, :], line[:, None]


def _wood(rng: np.random.Generator, size_px: int) -> Plane:
    light = _colour(rng, (0.25, 0.6), (0.4, 0.9), (0.05, 0.12))
    grain = noise(rng, size_px, 3, size_px / 3) * 0.25 + noise(rng, size_px, 2, 14) * 0.35
    base = _blend(light, light * 0.6, 0.4 + grain)
    planks = int(rng.integers(2, 6))
    _, y = _axes(size_px)
    row = np.minimum((y * planks).astype(int), planks - 1)
    tone: Plane = rng.uniform(0.85, 1.1, planks).astype(np.float32)[row]
    gap = np.abs((y * planks) % 1 - 0.5) > 0.5 - 0.012 * planks
    tone *= np.where(gap, 0.55, 1.0).astype(np.float32)
    picture: Plane = base * tone[..., None]
    return picture


def _tiles(rng: np.random.Generator, size_px: int) -> Plane:
    count = rng.uniform(2.5, 7)
    x, y = _axes(size_px)
    across, down = (x * count + rng.uniform()) % 1, (y * count + rng.uniform()) % 1
    edge = np.minimum(np.minimum(across, 1 - across), np.minimum(down, 1 - down))
    one, two = _colour(rng, (0, 0.35), (0.5, 0.95)), _colour(rng, (0, 0.35), (0.4, 0.95))
    checked = ((x * count).astype(int) + (y * count).astype(int)) % 2 * float(rng.integers(0, 2))
    tile = _blend(one, two, checked.astype(np.float32)) + _rough(rng, size_px, 3)
    grout = np.clip((0.035 - edge) * size_px / count, 0, 1)
    return _blend(tile, _colour(rng, (0, 0.1), (0.4, 0.9)), grout)


def _marble(rng: np.random.Generator, size_px: int) -> Plane:
    x, y = _axes(size_px)
    warp = noise(rng, size_px, 4, 4) * 0.9 + noise(rng, size_px, 9, 9) * 0.4
    veins = np.abs(np.sin((x * rng.uniform(1, 5) + y * rng.uniform(1, 5)) * 3 + warp * 1.6))
    stone = _colour(rng, (0, 0.15), (0.75, 0.97) if rng.uniform() < 0.7 else (0.1, 0.3))
    vein = stone * 0.6 if stone.mean() > 100 else stone + 80
    return _blend(stone, vein, np.exp(-veins * 7) * 0.9) + noise(rng, size_px, 6, 6)[..., None] * 4


def _cloth(rng: np.random.Generator, size_px: int) -> Plane:
    x, y = _axes(size_px)
    count = rng.uniform(4, 14)
    across = (np.sin(x * count * 2 * np.pi) > 0).astype(np.float32)
    down = (np.sin(y * count * 2 * np.pi) > 0).astype(np.float32)
    pattern = (across + down) / 2 if rng.uniform() < 0.5 else across + 0 * y
    one, two = _colour(rng, (0, 0.7), (0.5, 0.95)), _colour(rng, (0, 0.5), (0.6, 0.98))
    folds = noise(rng, size_px, 4, 3) * 9
    return _blend(one, two, pattern) + folds[..., None] + _rough(rng, size_px, 6)


def _shelf(rng: np.random.Generator, size_px: int) -> Plane:
    picture = np.empty((size_px, size_px, 3), np.float32)
    picture[:] = _colour(rng, (0, 0.2), (0.15, 0.5))
    rows = int(rng.integers(2, 4))
    for row in range(rows):
        foot = int((row + 0.9) * size_px / rows)
        x = -int(rng.integers(0, size_px // 8 + 1))
        while x < size_px:
            width = int(size_px * rng.uniform(0.06, 0.16)) + 1
            height = int(size_px / rows * rng.uniform(0.45, 0.8))
            body = _colour(rng, (0.1, 0.6), (0.25, 0.85))
            left, right = max(x, 0), min(x + width, size_px)
            picture[foot - height : foot, left:right] = body
            band = foot - int(height * rng.uniform(0.4, 0.9))
            picture[band : band + height // 4, left:right] = _colour(rng, (0, 0.6), (0.4, 1))
            x += width + int(size_px * 0.01)
        picture[foot : foot + size_px // 24] = _colour(rng, (0, 0.1), (0.6, 0.95))
    return cv2.GaussianBlur(picture, (0, 0), size_px * rng.uniform(0.004, 0.014)).astype(
        np.float32, copy=False
    )


def _gradient(rng: np.random.Generator, size_px: int) -> Plane:
    x, y = _axes(size_px)
    angle = rng.uniform(0, 2 * np.pi)
    share = ((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.7) / 1.4
    one = _colour(rng, (0, 0.5), (0.3, 0.95))
    other = one * rng.uniform(0.6, 1.2) + rng.uniform(-15, 15, 3).astype(np.float32)
    return _blend(one, other, share)


def _speckle(rng: np.random.Generator, size_px: int) -> Plane:
    grain = rng.uniform(12, 40)
    spots = noise(rng, size_px, grain, grain)
    base = _colour(rng, (0, 0.2), (0.5, 0.9))
    dark = _blend(base, base * 0.45, (spots - 0.9) * 4)
    return _blend(dark, _colour(rng, (0, 0.5), (0.5, 1)), (-spots - 1.0) * 4)


def _concrete(rng: np.random.Generator, size_px: int) -> Plane:
    base = _colour(rng, (0, 0.12), (0.35, 0.8))
    cloud = noise(rng, size_px, 4, 4) * 11 + noise(rng, size_px, 13, 13) * 6
    return base + cloud[..., None] + _rough(rng, size_px, 7)


def _brick(rng: np.random.Generator, size_px: int) -> Plane:
    x, y = _axes(size_px)
    rows = rng.uniform(6, 13)
    row = (y * rows).astype(int)
    across, down = (x * rows / 2.4 + 0.5 * (row % 2)) % 1, (y * rows) % 1
    edge = np.minimum(np.minimum(across, 1 - across) * 2.4, np.minimum(down, 1 - down))
    brick = _colour(rng, (0.3, 0.65), (0.35, 0.75), (0.0, 0.07))
    index = (x * rows / 2.4 + 0.5 * (row % 2)).astype(int) * 7 + row * 13
    tone = rng.uniform(0.75, 1.2, 64).astype(np.float32)[index % 64]
    wall = brick * tone[..., None] + _rough(rng, size_px, 10)
    return _blend(wall, _colour(rng, (0, 0.15), (0.5, 0.85)), (0.09 - edge) * 30)


def _bokeh(rng: np.random.Generator, size_px: int) -> Plane:
    picture = np.empty((size_px, size_px, 3), np.float32)
    picture[:] = _colour(rng, (0.2, 0.7), (0.08, 0.3))
    for _ in range(int(rng.integers(14, 40))):
        disc = np.zeros((size_px, size_px), np.float32)
        centre = (int(rng.integers(0, size_px)), int(rng.integers(0, size_px)))
        cv2.circle(disc, centre, int(size_px * rng.uniform(0.03, 0.1)) + 1, 1.0, -1)
        picture += disc[..., None] * _colour(rng, (0.2, 0.8), (0.3, 0.7)) * 0.8
    return cv2.GaussianBlur(picture, (0, 0), size_px * 0.008).astype(np.float32, copy=False)


def _newsprint(rng: np.random.Generator, size_px: int) -> Plane:
    x, y = _axes(size_px)
    columns, rows = rng.uniform(2, 4), rng.uniform(22, 44)
    letters = noise(rng, size_px, 90, rows * 2) > -0.2
    line = ((y * rows) % 1 > 0.35) & ((x * columns) % 1 > 0.08)
    heading = noise(rng, size_px, columns, 5) > 0.9
    ink = (letters & line) | (heading & ((x * 14) % 1 > 0.3) & ((y * 9) % 1 > 0.4))
    paper = _colour(rng, (0.02, 0.15), (0.75, 0.95), (0.08, 0.16))
    return _blend(paper, paper * 0.2, ink.astype(np.float32) * 0.85)


def _foliage(rng: np.random.Generator, size_px: int) -> Plane:
    picture = np.empty((size_px, size_px, 3), np.float32)
    leaf = _colour(rng, (0.4, 0.8), (0.25, 0.6), (0.2, 0.42))
    picture[:] = leaf * 0.4
    for _ in range(70):
        centre = (int(rng.integers(0, size_px)), int(rng.integers(0, size_px)))
        length = size_px * rng.uniform(0.05, 0.13)
        colour = leaf * rng.uniform(0.5, 1.5)
        axes = (int(length) + 1, int(length * 0.4) + 1)
        cv2.ellipse(picture, centre, axes, rng.uniform(0, 360), 0, 360, colour.tolist(), -1)
    return picture


def _carpet(rng: np.random.Generator, size_px: int) -> Plane:
    x, y = _axes(size_px)
    count = rng.uniform(4, 10)
    zigzag = np.abs((x * count) % 1 - 0.5) * 2
    band = ((y * count * 1.3 + zigzag) % 3).astype(int)
    colours: Plane = np.stack([_colour(rng, (0.2, 0.8), (0.25, 0.9)) for _ in range(3)])
    picture: Plane = colours[band]
    return picture + _rough(rng, size_px, 16)


def _mesh(rng: np.random.Generator, size_px: int) -> Plane:
    x, y = _axes(size_px)
    count = rng.uniform(10, 22)
    row = (y * count).astype(int)
    across, down = (x * count + 0.5 * (row % 2)) % 1 - 0.5, (y * count) % 1 - 0.5
    hole = 0.34 - np.sqrt(across * across + down * down)
    metal = _colour(rng, (0, 0.15), (0.5, 0.85)) + noise(rng, size_px, 2, 2)[..., None] * 14
    return _blend(metal, metal * 0.2, hole * 12)


TEXTURES: dict[str, Texture] = {
    "wood": _wood,
    "tiles": _tiles,
    "marble": _marble,
    "cloth": _cloth,
    "shelf": _shelf,
    "gradient": _gradient,
    "speckle": _speckle,
    "concrete": _concrete,
    "brick": _brick,
    "bokeh": _bokeh,
    "newsprint": _newsprint,
    "foliage": _foliage,
    "carpet": _carpet,
    "mesh": _mesh,
}
