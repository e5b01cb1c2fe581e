"""Icons of the packages, as polygons and strokes in a unit square."""

import math

from lab.products.design import Icon, Part, Point, Role

BASE, SECOND, ACCENT, INK, PAPER = Role.BASE, Role.SECOND, Role.ACCENT, Role.INK, Role.PAPER
STROKE = 0.035


def oval(x: float, y: float, rx: float, ry: float, role: Role, turn_deg: float = 0.0) -> Part:
    """Return a filled ellipse around (x, y)."""
    return Part(_oval(x, y, rx, ry, turn_deg), role)


def ring(x: float, y: float, radius: float, role: Role, width: float = STROKE) -> Part:
    """Return the outline of a circle."""
    points = _oval(x, y, radius, radius, 0)
    return Part((*points, points[0]), role, width)


def area(role: Role, *points: Point) -> Part:
    """Return a filled polygon."""
    return Part(points, role)


def line(role: Role, *points: Point, width: float = STROKE) -> Part:
    """Return a line through the points."""
    return Part(points, role, width)


def leaf(
    x: float, y: float, length: float, width: float, role: Role, turn_deg: float = 0.0
) -> Part:
    """Return a leaf from (x, y) upwards, or turned clockwise."""
    steps = 10
    right = [
        (width / 2 * math.sin(math.pi * i / steps), -length * i / steps) for i in range(steps + 1)
    ]
    left = [(-px, py) for px, py in reversed(right[1:-1])]
    return Part(tuple(_turned(px, py, x, y, turn_deg) for px, py in [*right, *left]), role)


def around(
    count: int, x: float, y: float, length: float, width: float, role: Role, first_deg: float = 0.0
) -> Icon:
    """Return ``count`` leaves around (x, y), like the petals of a flower."""
    return tuple(leaf(x, y, length, width, role, first_deg + 360 * i / count) for i in range(count))


def ear(x: float, role: Role, pairs: int, spread_deg: float, grain: float) -> Icon:
    """Return an upright ear of grain at ``x``."""
    grains: list[Part] = [line(INK, (x, 0.97), (x, 0.3))]
    for i in range(pairs):
        y = 0.75 - i * 0.42 / pairs
        grains += [
            leaf(x, y, grain, grain * 0.5, role, -spread_deg),
            leaf(x, y, grain, grain * 0.5, role, spread_deg),
        ]
    return (*grains, leaf(x, 0.36, grain, grain * 0.5, role))


def _oval(x: float, y: float, rx: float, ry: float, turn_deg: float) -> tuple[Point, ...]:
    angles = [2 * math.pi * i / 28 for i in range(28)]
    return tuple(_turned(rx * math.cos(a), ry * math.sin(a), x, y, turn_deg) for a in angles)


def _turned(px: float, py: float, x: float, y: float, turn_deg: float) -> Point:
    sin, cos = math.sin(math.radians(turn_deg)), math.cos(math.radians(turn_deg))
    return (x + px * cos - py * sin, y + px * sin + py * cos)


def _bean(x: float, y: float, size: float, turn_deg: float) -> Icon:
    bend = [(-0.1, -0.9), (0.22, -0.3), (-0.22, 0.3), (0.1, 0.9)]
    seam = tuple(_turned(px * size, py * size, x, y, turn_deg) for px, py in bend)
    return (
        oval(x, y, size * 0.68, size, ACCENT, turn_deg),
        Part(seam, INK, size * 0.16),
    )


def _cup(y: float) -> Icon:
    return (
        ring(0.76, y + 0.16, 0.13, INK, 0.05),
        area(PAPER, (0.18, y), (0.76, y), (0.68, y + 0.42), (0.26, y + 0.42)),
        line(INK, (0.18, y), (0.76, y), (0.68, y + 0.42), (0.26, y + 0.42), (0.18, y)),
    )


def _bowl(role: Role) -> Icon:
    rim = tuple(
        (0.5 + 0.42 * math.cos(math.pi * i / 14), 0.52 + 0.38 * math.sin(math.pi * i / 14))
        for i in range(15)
    )
    return (Part(rim, role), line(INK, (0.06, 0.52), (0.94, 0.52), width=0.06))


# fmt: off
ICONS: dict[str, Icon] = {
    "orange": (
        oval(0.5, 0.55, 0.4, 0.4, ACCENT),
        ring(0.5, 0.55, 0.29, PAPER, 0.03),
        *[
            line(
                PAPER,
                (0.5, 0.55),
                (0.5 + 0.29 * math.cos(i * math.pi / 4), 0.55 + 0.29 * math.sin(i * math.pi / 4)),
                width=0.025,
            )
            for i in range(8)
        ],
        leaf(0.5, 0.17, 0.26, 0.13, INK, 65),
    ),
    "mango": (
        oval(0.5, 0.57, 0.29, 0.42, ACCENT, 35),
        oval(0.42, 0.47, 0.07, 0.16, PAPER, 35),
        line(INK, (0.72, 0.24), (0.78, 0.1), width=0.05),
        leaf(0.76, 0.14, 0.34, 0.15, INK, -75),
    ),
    "rye": ear(0.5, ACCENT, 4, 32, 0.24),
    "sesame": tuple(
        leaf(x, y, 0.27, 0.16, ACCENT, turn)
        for x, y, turn in (
            (0.3, 0.36, -30), (0.6, 0.32, 20), (0.85, 0.5, 50), (0.2, 0.7, -70),
            (0.5, 0.66, 5), (0.78, 0.86, 60), (0.3, 0.96, 25), (0.58, 0.98, -35),
        )
    ),
    "spelt": (
        *ear(0.28, ACCENT, 3, 25, 0.2),
        *ear(0.72, ACCENT, 3, 25, 0.2),
        line(INK, (0.1, 0.8), (0.9, 0.8), width=0.06),
    ),
    "oat": (
        line(INK, (0.42, 0.97), (0.46, 0.5), (0.58, 0.12)),
        *[
            part
            for x, y, turn in ((0.75, 0.2, 170), (0.3, 0.34, 195), (0.82, 0.44, 165),
                               (0.2, 0.56, 190))
            for part in (
                line(INK, (0.5, y), (x, y + 0.04), width=0.025),
                leaf(x, y, 0.27, 0.15, ACCENT, turn),
            )
        ],
    ),
    "almond": (
        leaf(0.36, 0.9, 0.72, 0.36, ACCENT, -12),
        leaf(0.62, 0.94, 0.72, 0.38, INK, 24),
        leaf(0.63, 0.9, 0.62, 0.3, ACCENT, 24),
        line(INK, (0.64, 0.82), (0.8, 0.42), width=0.025),
        line(INK, (0.34, 0.8), (0.25, 0.4), width=0.025),
    ),
    "cup": (
        *_cup(0.48),
        *[line(ACCENT, (x, 0.38), (x + 0.06, 0.28), (x - 0.02, 0.2), (x + 0.04, 0.08), width=0.05)
          for x in (0.34, 0.52)],
        *_bean(0.47, 0.68, 0.14, 30),
    ),
    "lime": (
        oval(0.5, 0.5, 0.42, 0.42, ACCENT),
        oval(0.5, 0.5, 0.34, 0.34, PAPER),
        *around(8, 0.5, 0.5, 0.32, 0.16, ACCENT),
    ),
    "mint": (
        leaf(0.5, 0.95, 0.85, 0.44, ACCENT),
        leaf(0.48, 0.92, 0.56, 0.28, ACCENT, -58),
        leaf(0.52, 0.92, 0.56, 0.28, ACCENT, 58),
        line(INK, (0.5, 0.95), (0.5, 0.25), width=0.03),
        line(INK, (0.5, 0.92), (0.14, 0.68), width=0.03),
        line(INK, (0.5, 0.92), (0.86, 0.68), width=0.03),
    ),
    "beans": (*_bean(0.32, 0.4, 0.3, -25), *_bean(0.68, 0.62, 0.3, 25)),
    "bean": _bean(0.5, 0.5, 0.42, 20),
    "moon": (
        oval(0.5, 0.5, 0.42, 0.42, ACCENT),
        oval(0.66, 0.4, 0.34, 0.34, BASE),
        *_bean(0.68, 0.38, 0.16, 20),
    ),
    "cherry": (
        line(INK, (0.3, 0.62), (0.44, 0.3), (0.66, 0.08)),
        line(INK, (0.72, 0.66), (0.68, 0.36), (0.66, 0.08)),
        oval(0.28, 0.7, 0.22, 0.22, ACCENT),
        oval(0.72, 0.74, 0.22, 0.22, ACCENT),
        oval(0.22, 0.63, 0.05, 0.05, PAPER),
        oval(0.66, 0.67, 0.05, 0.05, PAPER),
        leaf(0.64, 0.1, 0.34, 0.16, INK, -100),
    ),
    "plum": (
        oval(0.5, 0.58, 0.32, 0.38, ACCENT, 12),
        line(INK, (0.52, 0.22), (0.4, 0.5), (0.46, 0.92), width=0.03),
        oval(0.64, 0.48, 0.05, 0.12, PAPER, 15),
        leaf(0.52, 0.22, 0.36, 0.16, INK, 75),
    ),
    "vanilla": (
        *around(5, 0.52, 0.42, 0.4, 0.24, ACCENT, 10),
        oval(0.52, 0.42, 0.09, 0.09, INK),
        line(INK, (0.2, 0.98), (0.34, 0.8), (0.46, 0.52), width=0.05),
        line(INK, (0.32, 0.99), (0.42, 0.8), (0.5, 0.55), width=0.05),
    ),
    "hazelnut": (
        oval(0.5, 0.62, 0.34, 0.34, ACCENT),
        area(INK, (0.12, 0.52), (0.24, 0.18), (0.36, 0.34), (0.5, 0.1), (0.64, 0.34),
             (0.76, 0.18), (0.88, 0.52), (0.5, 0.44)),
        oval(0.4, 0.68, 0.05, 0.12, PAPER, 15),
    ),
    "sage": (
        *[part for y in (0.9, 0.68, 0.46) for part in (
            leaf(0.5, y, 0.4, 0.17, ACCENT, -62), leaf(0.5, y, 0.4, 0.17, ACCENT, 62))],
        leaf(0.5, 0.42, 0.38, 0.18, ACCENT),
        line(INK, (0.5, 0.98), (0.5, 0.2), width=0.03),
    ),
    "chamomile": (
        *around(9, 0.5, 0.42, 0.36, 0.17, PAPER),
        oval(0.5, 0.42, 0.14, 0.14, ACCENT),
        line(INK, (0.5, 0.78), (0.5, 1.0), width=0.05),
    ),
    "ginger": (
        oval(0.42, 0.6, 0.34, 0.17, ACCENT, -20),
        oval(0.68, 0.4, 0.2, 0.11, ACCENT, -60),
        oval(0.3, 0.42, 0.17, 0.1, ACCENT, 60),
        oval(0.6, 0.76, 0.17, 0.1, ACCENT, 50),
        *[line(INK, (x, y), (x + 0.09, y + 0.12), width=0.025)
          for x, y in ((0.22, 0.58), (0.36, 0.54), (0.5, 0.5), (0.64, 0.36), (0.28, 0.34))],
    ),
    "green leaf": (
        leaf(0.2, 0.9, 0.95, 0.46, ACCENT, 45),
        line(INK, (0.12, 0.97), (0.78, 0.32), width=0.035),
        *[line(INK, (0.2 + i * 0.14, 0.88 - i * 0.14), (0.3 + i * 0.15, 0.9 - i * 0.16),
               width=0.025) for i in range(4)],
    ),
    "rice bowl": (
        *[leaf(0.3 + 0.2 * i, 0.5, 0.3 - abs(i - 1) * 0.06, 0.16, PAPER, (i - 1) * 25)
          for i in range(3)],
        *_bowl(ACCENT),
    ),
    "jasmine": (
        *around(5, 0.5, 0.32, 0.29, 0.2, PAPER, 18),
        oval(0.5, 0.32, 0.07, 0.07, ACCENT),
        *_bowl(ACCENT),
    ),
    "drop": (
        area(ACCENT, *[(0.5 + 0.34 * math.sin(math.pi * 2 * i / 32)
                        * math.sin(math.pi * i / 32) ** 1.4,
                        0.52 - 0.46 * math.cos(math.pi * 2 * i / 32)) for i in range(33)]),
        oval(0.4, 0.68, 0.06, 0.13, PAPER, 20),
    ),
    "feather": (
        leaf(0.24, 0.86, 0.98, 0.54, ACCENT, 38),
        line(INK, (0.06, 1.0), (0.76, 0.16), width=0.045),
        *[line(INK, (x, y), (x + 0.2, y - 0.02), width=0.03)
          for x, y in ((0.3, 0.71), (0.42, 0.57), (0.54, 0.43))],
    ),
    "tomato": (
        oval(0.5, 0.58, 0.42, 0.36, ACCENT),
        *around(5, 0.5, 0.26, 0.24, 0.1, INK, 36),
        oval(0.28, 0.5, 0.06, 0.12, PAPER, 20),
    ),
    "basil": (
        leaf(0.5, 0.62, 0.56, 0.42, ACCENT),
        leaf(0.46, 0.8, 0.5, 0.36, ACCENT, -72),
        leaf(0.54, 0.8, 0.5, 0.36, ACCENT, 72),
        line(INK, (0.5, 1.0), (0.5, 0.2), width=0.04),
        line(INK, (0.5, 0.82), (0.12, 0.68), width=0.03),
        line(INK, (0.5, 0.82), (0.88, 0.68), width=0.03),
    ),
    "olive": (
        line(INK, (0.1, 0.2), (0.5, 0.3), (0.92, 0.14)),
        oval(0.34, 0.6, 0.19, 0.26, ACCENT, 10),
        oval(0.72, 0.56, 0.19, 0.26, ACCENT, -10),
        oval(0.34, 0.74, 0.05, 0.06, INK),
        oval(0.74, 0.7, 0.05, 0.06, INK),
        leaf(0.5, 0.3, 0.3, 0.12, INK, 15),
    ),
}
# fmt: on
