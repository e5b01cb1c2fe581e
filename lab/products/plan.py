"""The random plan of a photo: everything that its rendering needs."""

import dataclasses
import math

import numpy as np

from lab.products.design import Product
from lab.products.rendering import Light

Range = tuple[float, float]
CLUTTER_PACKAGES = 60
OCCLUDERS = ("finger", "strip", "sticker", "leaf")


@dataclasses.dataclass(frozen=True)
class Conditions:
    """Ranges for random photos (from, to); lengths are relative to the photo's side."""

    tables: tuple[str, ...]
    walls: tuple[str, ...]
    yaw_deg: float
    pitch_deg: Range
    roll_deg: float
    extent: Range
    offset: float
    ambient: Range
    white_balance: float
    """Standard deviation of the logarithm of each colour's gain."""
    exposure: float
    shade_chance: float
    defocus: Range
    motion: Range
    noise: Range
    clutter: tuple[int, int]
    occlusion_chance: float
    occluder: Range
    occluder_distance: float
    """From the product's middle, in extents of the product."""
    jpeg_quality: tuple[int, int]


ORDINARY = Conditions(
    tables=("wood", "tiles", "marble", "cloth", "gradient", "speckle", "concrete"),
    walls=("wood", "tiles", "marble", "cloth", "gradient", "shelf", "concrete"),
    yaw_deg=28,
    pitch_deg=(0, 30),
    roll_deg=12,
    extent=(0.62, 0.9),
    offset=0.07,
    ambient=(0.45, 0.75),
    white_balance=0.16,
    exposure=0.2,
    shade_chance=0.2,
    defocus=(0.0, 0.006),
    motion=(0.0, 0.008),
    noise=(1, 7),
    clutter=(0, 2),
    occlusion_chance=0.3,
    occluder=(0.1, 0.2),
    occluder_distance=0.34,
    jpeg_quality=(72, 95),
)
HARD = Conditions(
    tables=("newsprint", "carpet", "mesh", "foliage"),
    walls=("brick", "bokeh", "foliage", "carpet"),
    yaw_deg=38,
    pitch_deg=(-4, 42),
    roll_deg=32,
    extent=(0.5, 0.95),
    offset=0.12,
    ambient=(0.25, 0.7),
    white_balance=0.24,
    exposure=0.28,
    shade_chance=0.6,
    defocus=(0.0, 0.008),
    motion=(0.0, 0.015),
    noise=(3, 13),
    clutter=(1, 3),
    occlusion_chance=0.75,
    occluder=(0.13, 0.23),
    occluder_distance=0.3,
    jpeg_quality=(50, 85),
)
# For pretraining: as varied as the hard photos, but on the ordinary backgrounds.
WIDE = dataclasses.replace(HARD, tables=ORDINARY.tables, walls=ORDINARY.walls)


@dataclasses.dataclass(frozen=True)
class Placement:
    """Pose of a package in a photo; lengths are relative to the photo's side."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    height: float
    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class Clutter:
    """Another package beside or behind the product: its index among the clutter packages."""

    package: int
    placement: Placement


@dataclasses.dataclass(frozen=True)
class Occluder:
    """An object in front of the product."""

    kind: str
    x: float
    y: float
    size: float
    turn_deg: float


@dataclasses.dataclass(frozen=True)
class PhotoPlan:
    """The plan of one photo, for any size."""

    table: str
    wall: str
    horizon: float
    """Upper edge of the table from the top of the photo; 0 or less when seen from above."""
    background_blur: float
    product: Placement
    light: Light
    shadow: float
    clutter: tuple[Clutter, ...]
    occluders: tuple[Occluder, ...]
    gains: tuple[float, float, float]
    gamma: float
    slope: tuple[float, float]
    """Change of brightness to the right and downwards."""
    shade: tuple[float, float, float] | None
    """A shadow over part of the photo: where (0 to 1), direction (radians), strength."""
    defocus: float
    motion: tuple[float, float]
    """Length, and direction in radians."""
    noise: float
    jpeg_quality: int
    seed: int


def plan_photo(product: Product, conditions: Conditions, rng: np.random.Generator) -> PhotoPlan:
    """Draw the random plan of a photo of ``product``."""
    c = conditions
    placement = _place(product, c, rng)
    return PhotoPlan(
        table=str(rng.choice(c.tables)),
        wall=str(rng.choice(c.walls)),
        horizon=float(0.55 - placement.pitch_deg / 55 + rng.uniform(-0.15, 0.12)),
        background_blur=float(rng.uniform(0, 0.012)),
        product=placement,
        light=_light(c, rng),
        shadow=float(rng.uniform(0.25, 0.65)),
        clutter=_clutter(placement, c, rng),
        occluders=_occluders(placement, product, c, rng),
        gains=_gains(c, rng),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        slope=(float(rng.normal(0, 0.14)), float(rng.normal(0, 0.14))),
        shade=_shade(c, rng),
        defocus=float(rng.uniform(*c.defocus)),
        motion=(float(rng.uniform(*c.motion)), float(rng.uniform(0, math.pi))),
        noise=float(rng.uniform(*c.noise)),
        jpeg_quality=int(rng.integers(c.jpeg_quality[0], c.jpeg_quality[1] + 1)),
        seed=int(rng.integers(0, 2**31)),
    )


def _place(product: Product, c: Conditions, rng: np.random.Generator) -> Placement:
    extent = rng.uniform(*c.extent)
    return Placement(
        yaw_deg=float(rng.uniform(-c.yaw_deg, c.yaw_deg)),
        pitch_deg=float(rng.uniform(*c.pitch_deg)),
        roll_deg=float(rng.normal(0, c.roll_deg / 2)),
        height=float(extent / _longest(product)),
        x=float(0.5 + rng.uniform(-c.offset, c.offset)),
        y=float(0.5 + rng.uniform(-c.offset, c.offset)),
    )


def _longest(product: Product) -> float:
    """Return the approximate length of a product on the photo, in photo heights."""
    return max(1.0, product.width * 1.1 + 0.1 * product.brand.depth)


def _light(c: Conditions, rng: np.random.Generator) -> Light:
    direction = np.array([rng.uniform(-0.8, 0.8), rng.uniform(0.1, 0.9), rng.uniform(0.5, 1.0)])
    x, y, z = (direction / np.linalg.norm(direction)).tolist()
    return Light(x, y, z, float(rng.uniform(*c.ambient)))


def _clutter(product: Placement, c: Conditions, rng: np.random.Generator) -> tuple[Clutter, ...]:
    things = []
    for _ in range(int(rng.integers(c.clutter[0], c.clutter[1] + 1))):
        side = rng.choice([-1.0, 1.0])
        placement = Placement(
            yaw_deg=float(rng.uniform(-40, 40)),
            pitch_deg=product.pitch_deg,
            roll_deg=product.roll_deg + float(rng.normal(0, 4)),
            height=product.height * float(rng.uniform(0.55, 0.95)),
            x=product.x + side * float(rng.uniform(0.3, 0.52)),
            y=product.y + float(rng.uniform(-0.22, 0.04)),
        )
        things.append(Clutter(int(rng.integers(0, CLUTTER_PACKAGES)), placement))
    return tuple(things)


def _occluders(
    placement: Placement, product: Product, c: Conditions, rng: np.random.Generator
) -> tuple[Occluder, ...]:
    if rng.uniform() > c.occlusion_chance:
        return ()
    extent = placement.height * _longest(product)
    angle = rng.uniform(0, 2 * math.pi)
    distance = extent * rng.uniform(c.occluder_distance, 0.5)
    return (
        Occluder(
            kind=str(rng.choice(OCCLUDERS)),
            x=placement.x + distance * math.cos(angle) * min(1.0, product.width + 0.2),
            y=placement.y + distance * math.sin(angle),
            size=extent * float(rng.uniform(*c.occluder)),
            turn_deg=math.degrees(angle) + float(rng.uniform(-35, 35)),
        ),
    )


def _gains(c: Conditions, rng: np.random.Generator) -> tuple[float, float, float]:
    exposure = rng.normal(0, c.exposure)
    # Light varies mostly from warm to cool, less from green to magenta.
    warm, green = rng.normal(0, c.white_balance), rng.normal(0, c.white_balance / 2)
    red, middle, blue = np.exp(np.clip([warm, green, -warm], -0.6, 0.6) + exposure).tolist()
    return (red, middle, blue)


def _shade(c: Conditions, rng: np.random.Generator) -> tuple[float, float, float] | None:
    if rng.uniform() > c.shade_chance:
        return None
    return (
        float(rng.uniform(0.25, 0.75)),
        float(rng.uniform(0, 2 * math.pi)),
        float(rng.uniform(0.25, 0.6)),
    )
