"""Random packages for pretraining, different from the 30 products."""

import colorsys

import numpy as np

from lab.products.catalogue import PRODUCTS
from lab.products.design import (
    RGB,
    Brand,
    Decoration,
    Icon,
    Layout,
    Palette,
    Product,
    Rect,
    Role,
    Shape,
    Typeface,
)
from lab.products.icons import area, around, leaf, line, oval, ring

MAX_VARIANTS = 4
_SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou")
_ENDINGS = ("n", "r", "l", "s", "x", "", "", "th", "nd", "")
_SIZES = ("100 g", "150 g", "250 g", "300 g", "450 g", "750 g", "0.7 l", "200 ml", "90 ml", "2 l")
# Ranges of width and depth, in package heights.
_PROPORTIONS: dict[Shape, tuple[float, float, float, float]] = {
    Shape.BOX: (0.45, 1.6, 0.2, 0.6),
    Shape.CAN: (0.4, 0.8, 0, 0),
    Shape.BOTTLE: (0.32, 0.48, 0, 0),
    Shape.POUCH: (0.55, 0.8, 0.2, 0.2),
    Shape.JAR: (0.65, 0.9, 0, 0),
    Shape.CARTON: (0.34, 0.5, 0, 0),
    Shape.TUBE: (0.32, 0.45, 0.2, 0.2),
    Shape.TUB: (0.95, 1.3, 0, 0),
}
_TAKEN = frozenset(
    name.casefold() for product in PRODUCTS for name in (product.brand.name, product.word)
)


def pretraining_products(count: int, seed: int) -> tuple[Product, ...]:
    """Return ``count`` random packages, in brands of two to four similar variants.

    None has a brand name, word or icon of the 30 products. With the same seed, a longer list
    begins with the shorter one.

    Raises:
        ValueError: ``count`` is negative.
    """
    if count < 0:
        raise ValueError(f"count is {count}; allowed: 0 or more.")
    names: set[str] = set(_TAKEN)
    products: list[Product] = []
    family = 0
    while len(products) < count:
        rng = np.random.default_rng([seed, family])
        products += _family(rng, len(products) + 1, names)
        family += 1
    return tuple(products[:count])


def _family(rng: np.random.Generator, first_number: int, names: set[str]) -> list[Product]:
    brand = _brand(rng, _name(rng, names))
    size = str(rng.choice(_SIZES))
    return [
        Product(
            class_id=f"{first_number + i:05d}",
            brand=brand,
            word=_name(rng, names),
            size=size,
            icon=_figure(rng),
            stripes=int(rng.integers(0, 4)),
            width=brand.width,
        )
        for i in range(int(rng.integers(2, MAX_VARIANTS + 1)))
    ]


def _brand(rng: np.random.Generator, name: str) -> Brand:
    shape = Shape(rng.choice([shape.value for shape in Shape]))
    narrow, wide, shallow, deep = _PROPORTIONS[shape]
    width = float(rng.uniform(narrow, wide))
    return Brand(
        name=name,
        shape=shape,
        palette=_palette(rng),
        layout=_layout(rng, landscape=width > 0.7 and shape is not Shape.POUCH),
        typeface=Typeface(rng.choice([face.value for face in Typeface])),
        width=width,
        depth=float(rng.uniform(shallow, deep)) if deep else width,
    )


def _name(rng: np.random.Generator, taken: set[str]) -> str:
    while True:
        parts = rng.choice(_SYLLABLES, int(rng.integers(2, 4)))
        name = ("".join(parts) + str(rng.choice(_ENDINGS))).capitalize()
        if name.casefold() not in taken:
            taken.add(name.casefold())
            return name


def _palette(rng: np.random.Generator) -> Palette:
    hue = rng.uniform()
    pale = _rgb(hue + rng.uniform(-0.1, 0.1), rng.uniform(0.02, 0.3), rng.uniform(0.85, 1))
    full = _rgb(hue, rng.uniform(0.5, 0.9), rng.uniform(0.25, 0.85))
    base, second = (pale, full) if rng.uniform() < 0.6 else (full, pale)
    return Palette(
        base=base,
        second=second,
        accent=_rgb(hue + rng.choice([0.08, 0.33, 0.5]), rng.uniform(0.4, 0.85), 0.9),
        ink=_rgb(hue, 0.6, rng.uniform(0.1, 0.3)),
        paper=_rgb(hue, 0.03, 1.0),
    )


def _rgb(hue: float, saturation: float, value: float) -> RGB:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return (round(red * 255), round(green * 255), round(blue * 255))


def _layout(rng: np.random.Generator, landscape: bool) -> Layout:
    decoration = Decoration(rng.choice([kind.value for kind in Decoration]))
    edge = 0.05 if decoration is Decoration.FRAME else float(rng.uniform(0.26, 0.48))
    stripe = float(rng.choice([0.3, 0.31, 0.94]))
    if landscape:
        left: Rect = (0.05, 0.4, 0.47, 0.92)
        right: Rect = (0.53, 0.4, 0.95, 0.92)
        icon, text = (left, right) if rng.uniform() < 0.5 else (right, left)
        word: Rect = (text[0], 0.46, text[2], 0.67)
        size: Rect = (text[0] + 0.08, 0.74, text[2] - 0.08, 0.86)
    else:
        icon = (0.12, 0.35, 0.88, 0.69)
        word = (0.1, 0.71, 0.9, 0.83)
        size = (0.3, 0.85, 0.7, 0.92)
    return Layout(
        decoration=decoration,
        edge=edge,
        brand=(0.08, 0.07, 0.92, 0.27),
        icon=icon,
        word=word,
        size=size,
        stripes=(0.0, stripe, 1.0, stripe + 0.035),
    )


def _figure(rng: np.random.Generator) -> Icon:
    """Return a random icon: petals, fruit, sprigs or angles around a centre."""
    petal, heart = Role.ACCENT, (Role.INK, Role.PAPER)[int(rng.integers(0, 2))]
    match int(rng.integers(0, 6)):
        case 0:
            count = int(rng.integers(4, 12))
            length, width = rng.uniform(0.34, 0.48), rng.uniform(0.12, 0.34)
            centre = rng.uniform(0.05, 0.17)
            petals = around(count, 0.5, 0.5, length, width, petal, rng.uniform(0, 90))
            return (*petals, oval(0.5, 0.5, centre, centre, heart))
        case 1:
            turn, rx, ry = rng.uniform(-50, 50), rng.uniform(0.22, 0.42), rng.uniform(0.3, 0.42)
            return (
                oval(0.5, 0.56, rx, ry, petal, turn),
                oval(0.42, 0.5, 0.06, rng.uniform(0.06, 0.16), Role.PAPER, turn),
                leaf(0.5, 0.2, rng.uniform(0.2, 0.36), 0.15, Role.INK, rng.uniform(-100, 100)),
            )
        case 2:
            pairs, spread = int(rng.integers(2, 5)), rng.uniform(25, 75)
            width = rng.uniform(0.12, 0.26)
            leaves = [
                leaf(0.5, 0.9 - 0.6 * i / pairs, 0.42, width, petal, sign * spread)
                for i in range(pairs)
                for sign in (-1, 1)
            ]
            return (*leaves, line(Role.INK, (0.5, 1.0), (0.5, 0.2)))
        case 3:
            corners, first = int(rng.integers(3, 9)), rng.uniform(0, 6)
            inner = rng.uniform(0.4, 1.0)
            angles = first + np.pi * np.arange(2 * corners) / corners
            reach = np.where(np.arange(2 * corners) % 2, 0.45 * inner, 0.45)
            star = [
                (0.5 + float(r * np.cos(a)), 0.5 + float(r * np.sin(a)))
                for a, r in zip(angles, reach, strict=True)
            ]
            return (area(petal, *star), ring(0.5, 0.5, rng.uniform(0.1, 0.25), heart, 0.05))
        case 4:
            spots = rng.uniform(0.18, 0.82, (int(rng.integers(3, 8)), 2))
            radius = rng.uniform(0.09, 0.17)
            return tuple(
                part
                for x, y in spots.tolist()
                for part in (
                    oval(x, y, radius, radius * 1.2, petal, rng.uniform(0, 90)),
                    oval(x - radius * 0.3, y - radius * 0.3, radius * 0.25, radius * 0.25, heart),
                )
            )
        case _:
            height, bend = rng.uniform(0.3, 0.6), rng.uniform(0.05, 0.3)
            cup = area(
                petal,
                (0.1, 1 - height),
                (0.9, 1 - height),
                (0.9 - bend, 0.95),
                (0.1 + bend, 0.95),
            )
            steam = [
                line(heart, (x, 0.1), (x + 0.06, 0.22), (x, 0.3), width=0.05)
                for x in np.linspace(0.3, 0.7, int(rng.integers(1, 4))).tolist()
            ]
            band = line(Role.INK, (0.1, 1 - height), (0.9, 1 - height), width=0.06)
            return (cup, band, *steam)
