"""Catalogue of the 30 products, with variants that differ in icon, word or size."""

from lab.products.design import (
    Brand,
    Decoration,
    Layout,
    Palette,
    Product,
    Shape,
    Typeface,
)
from lab.products.icons import ICONS

Variant = tuple[str, str, str, int]
"""Word, size, icon, stripes."""

_FAMILIES: tuple[tuple[Brand, tuple[Variant, ...]], ...] = (
    (
        Brand(
            "Sola",
            Shape.CAN,
            Palette((252, 240, 214), (226, 92, 30), (248, 176, 44), (70, 34, 20), (255, 252, 244)),
            Layout(
                Decoration.WAVE,
                0.34,
                brand=(0.08, 0.08, 0.92, 0.28),
                icon=(0.1, 0.37, 0.9, 0.7),
                word=(0.08, 0.71, 0.92, 0.82),
                size=(0.28, 0.835, 0.72, 0.9),
                stripes=(0.0, 0.955, 1.0, 0.985),
            ),
            Typeface.ROUND,
            width=0.53,
            depth=0.53,
        ),
        (
            ("Orange", "330 ml", "orange", 1),
            ("Mango", "330 ml", "mango", 1),
            ("Orange", "500 ml", "orange", 3),
        ),
    ),
    (
        Brand(
            "Brenvik",
            Shape.BOX,
            Palette((222, 190, 132), (122, 36, 32), (250, 216, 124), (58, 26, 20), (252, 244, 226)),
            Layout(
                Decoration.BAND,
                0.3,
                brand=(0.08, 0.07, 0.92, 0.25),
                icon=(0.06, 0.345, 0.94, 0.745),
                word=(0.1, 0.75, 0.9, 0.88),
                size=(0.6, 0.9, 0.94, 0.97),
                stripes=(0.0, 0.31, 1.0, 0.345),
            ),
            Typeface.SERIF,
            width=0.62,
            depth=0.26,
        ),
        (
            ("Rye", "200 g", "rye", 1),
            ("Sesame", "200 g", "sesame", 1),
            ("Spelt", "200 g", "spelt", 1),
        ),
    ),
    (
        Brand(
            "Morveld",
            Shape.CARTON,
            Palette((238, 242, 244), (44, 92, 154), (228, 190, 108), (24, 40, 70), (255, 255, 255)),
            Layout(
                Decoration.ARCH,
                0.42,
                brand=(0.06, 0.05, 0.94, 0.24),
                icon=(0.08, 0.29, 0.92, 0.71),
                word=(0.06, 0.73, 0.94, 0.87),
                size=(0.3, 0.89, 0.7, 0.97),
                stripes=(0.0, 0.24, 1.0, 0.3),
            ),
            Typeface.SANS,
            width=0.38,
            depth=0.38,
        ),
        (
            ("Oat", "1 l", "oat", 0),
            ("Almond", "1 l", "almond", 0),
            ("Barista", "1 l", "cup", 2),
        ),
    ),
    (
        Brand(
            "Quillon",
            Shape.BOTTLE,
            Palette((36, 116, 84), (238, 240, 222), (176, 206, 66), (16, 52, 40), (250, 252, 240)),
            Layout(
                Decoration.SPLIT,
                0.36,
                brand=(0.06, 0.06, 0.94, 0.32),
                icon=(0.22, 0.38, 0.78, 0.78),
                word=(0.1, 0.79, 0.64, 0.95),
                size=(0.68, 0.83, 0.94, 0.94),
                stripes=(0.0, 0.36, 1.0, 0.4),
            ),
            Typeface.SLANTED,
            width=0.36,
            depth=0.36,
        ),
        (("Lime", "500 ml", "lime", 1), ("Mint", "500 ml", "mint", 1)),
    ),
    (
        Brand(
            "Tarrigo",
            Shape.POUCH,
            Palette((48, 36, 34), (182, 44, 38), (216, 162, 92), (22, 14, 12), (248, 238, 222)),
            Layout(
                Decoration.DIAGONAL,
                0.4,
                brand=(0.1, 0.1, 0.9, 0.23),
                icon=(0.16, 0.35, 0.84, 0.7),
                word=(0.14, 0.72, 0.86, 0.83),
                size=(0.34, 0.85, 0.66, 0.91),
                stripes=(0.0, 0.265, 1.0, 0.295),
            ),
            Typeface.SERIF_SLANTED,
            width=0.62,
            depth=0.2,
        ),
        (
            ("Dark", "250 g", "beans", 3),
            ("Medium", "250 g", "bean", 2),
            ("Decaf", "250 g", "moon", 1),
        ),
    ),
    (
        Brand(
            "Pelora",
            Shape.JAR,
            Palette((252, 238, 226), (146, 28, 62), (196, 44, 72), (62, 18, 30), (255, 250, 244)),
            Layout(
                Decoration.FRAME,
                0.05,
                brand=(0.12, 0.07, 0.88, 0.3),
                icon=(0.05, 0.3, 0.55, 0.92),
                word=(0.52, 0.4, 0.93, 0.68),
                size=(0.6, 0.74, 0.88, 0.86),
                stripes=(0.06, 0.31, 0.94, 0.34),
            ),
            Typeface.HAND,
            width=0.78,
            depth=0.78,
        ),
        (("Cherry", "340 g", "cherry", 1), ("Plum", "340 g", "plum", 1)),
    ),
    (
        Brand(
            "Nubiva",
            Shape.TUB,
            Palette((240, 228, 202), (98, 62, 142), (238, 196, 92), (46, 28, 72), (255, 252, 244)),
            Layout(
                Decoration.OVAL,
                0.42,
                brand=(0.14, 0.08, 0.86, 0.36),
                icon=(0.04, 0.4, 0.46, 0.96),
                word=(0.48, 0.5, 0.97, 0.72),
                size=(0.56, 0.76, 0.9, 0.9),
                stripes=(0.0, 0.0, 1.0, 0.05),
            ),
            Typeface.ROUND,
            width=1.12,
            depth=1.12,
        ),
        (("Vanilla", "400 g", "vanilla", 1), ("Hazelnut", "400 g", "hazelnut", 1)),
    ),
    (
        Brand(
            "Dentaro",
            Shape.TUBE,
            Palette(
                (242, 247, 249), (10, 136, 148), (112, 196, 164), (12, 60, 76), (255, 255, 255)
            ),
            Layout(
                Decoration.BAND,
                0.3,
                brand=(0.14, 0.08, 0.86, 0.26),
                icon=(0.1, 0.34, 0.9, 0.62),
                word=(0.22, 0.63, 0.78, 0.73),
                size=(0.34, 0.75, 0.66, 0.81),
                stripes=(0.0, 0.3, 1.0, 0.33),
            ),
            Typeface.SLANTED,
            width=0.38,
            depth=0.2,
        ),
        (("Mint", "75 ml", "mint", 2), ("Sage", "75 ml", "sage", 1)),
    ),
    (
        Brand(
            "Fjelda",
            Shape.BOX,
            Palette((54, 98, 74), (240, 228, 192), (238, 190, 66), (24, 48, 36), (252, 248, 232)),
            Layout(
                Decoration.OVAL,
                0.34,
                brand=(0.1, 0.05, 0.6, 0.3),
                icon=(0.56, 0.3, 0.97, 0.92),
                word=(0.05, 0.42, 0.56, 0.64),
                size=(0.08, 0.72, 0.4, 0.84),
                stripes=(0.0, 0.93, 1.0, 1.0),
            ),
            Typeface.SERIF,
            width=1.45,
            depth=0.75,
        ),
        (
            ("Chamomile", "20 bags", "chamomile", 1),
            ("Ginger", "20 bags", "ginger", 1),
            ("Green", "20 bags", "green leaf", 2),
        ),
    ),
    (
        Brand(
            "Okariz",
            Shape.POUCH,
            Palette((198, 40, 42), (250, 234, 204), (248, 200, 70), (84, 14, 16), (255, 248, 236)),
            Layout(
                Decoration.COLUMN,
                0.26,
                brand=(0.28, 0.13, 0.92, 0.28),
                icon=(0.34, 0.36, 0.88, 0.68),
                word=(0.3, 0.72, 0.92, 0.83),
                size=(0.44, 0.85, 0.78, 0.91),
                stripes=(0.27, 0.3, 1.0, 0.33),
            ),
            Typeface.SANS,
            width=0.68,
            depth=0.2,
        ),
        (("Basmati", "500 g", "rice bowl", 1), ("Jasmine", "500 g", "jasmine", 1)),
    ),
    (
        Brand(
            "Zephra",
            Shape.BOTTLE,
            Palette(
                (84, 138, 186), (240, 242, 246), (246, 186, 178), (28, 52, 84), (255, 255, 255)
            ),
            Layout(
                Decoration.ARCH,
                0.5,
                brand=(0.08, 0.05, 0.92, 0.22),
                icon=(0.1, 0.25, 0.9, 0.7),
                word=(0.06, 0.71, 0.94, 0.85),
                size=(0.3, 0.865, 0.7, 0.93),
                stripes=(0.0, 0.955, 1.0, 0.99),
            ),
            Typeface.SANS,
            width=0.42,
            depth=0.42,
        ),
        (("Repair", "250 ml", "drop", 1), ("Soft", "250 ml", "feather", 2)),
    ),
    (
        Brand(
            "Castavo",
            Shape.CAN,
            Palette((194, 48, 36), (250, 238, 214), (236, 142, 60), (78, 18, 14), (255, 250, 240)),
            Layout(
                Decoration.SPLIT,
                0.38,
                brand=(0.06, 0.08, 0.94, 0.34),
                icon=(0.05, 0.42, 0.52, 0.94),
                word=(0.52, 0.5, 0.97, 0.68),
                size=(0.58, 0.72, 0.9, 0.84),
                stripes=(0.0, 0.38, 1.0, 0.42),
            ),
            Typeface.HAND,
            width=0.76,
            depth=0.76,
        ),
        (
            ("Tomato", "400 g", "tomato", 1),
            ("Basil", "400 g", "basil", 1),
            ("Olive", "400 g", "olive", 2),
        ),
    ),
)

# Two sizes of the same design: a tall can holds more than a short one.
_SLIM = {("Sola", "500 ml"): 0.41}


def _products() -> tuple[Product, ...]:
    variants = [(brand, variant) for brand, variants in _FAMILIES for variant in variants]
    return tuple(
        Product(
            class_id=f"{number:05d}",
            brand=brand,
            word=word,
            size=size,
            icon=ICONS[icon],
            stripes=stripes,
            width=_SLIM.get((brand.name, size), brand.width),
        )
        for number, (brand, (word, size, icon, stripes)) in enumerate(variants, start=1)
    )


PRODUCTS: tuple[Product, ...] = _products()
