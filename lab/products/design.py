"""The design of a product: shape, colours, print."""

import dataclasses
import enum

RGB = tuple[int, int, int]
Rect = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the panel."""
Point = tuple[float, float]


class Shape(enum.StrEnum):
    """The shape of a package."""

    BOX = "box"
    CAN = "can"
    BOTTLE = "bottle"
    POUCH = "pouch"
    JAR = "jar"
    CARTON = "carton"
    TUBE = "tube"
    TUB = "tub"


class Decoration(enum.StrEnum):
    """The pattern behind the print of a brand's packages."""

    BAND = "band"
    WAVE = "wave"
    DIAGONAL = "diagonal"
    OVAL = "oval"
    COLUMN = "column"
    SPLIT = "split"
    FRAME = "frame"
    ARCH = "arch"


class Typeface(enum.StrEnum):
    """The typeface of a brand."""

    ROUND = "round"
    SANS = "sans"
    SLANTED = "slanted"
    SERIF = "serif"
    SERIF_SLANTED = "serif-slanted"
    HAND = "hand"


class Role(enum.StrEnum):
    """The role of a colour in a design."""

    BASE = "base"
    SECOND = "second"
    ACCENT = "accent"
    INK = "ink"
    PAPER = "paper"


@dataclasses.dataclass(frozen=True)
class Palette:
    """The colours of a brand."""

    base: RGB
    second: RGB
    accent: RGB
    ink: RGB
    paper: RGB

    def colour(self, role: Role) -> RGB:
        """Return the colour that plays ``role``."""
        colour: RGB = getattr(self, role.value)
        return colour


@dataclasses.dataclass(frozen=True)
class Layout:
    """Layout of a brand's front; ``edge`` is where its decoration ends (0 to 1)."""

    decoration: Decoration
    edge: float
    brand: Rect
    icon: Rect
    word: Rect
    size: Rect
    stripes: Rect


@dataclasses.dataclass(frozen=True)
class Part:
    """A stroke or area of an icon, in a unit square with y down; width 0 means filled."""

    points: tuple[Point, ...]
    role: Role
    width: float = 0.0


Icon = tuple[Part, ...]


@dataclasses.dataclass(frozen=True)
class Brand:
    """Properties that the variants of a brand share."""

    name: str
    shape: Shape
    palette: Palette
    layout: Layout
    typeface: Typeface
    width: float
    """Width and depth are in heights of the package."""
    depth: float


@dataclasses.dataclass(frozen=True)
class Product:
    """A product: one variant of a brand's package.

    Attributes:
        class_id: its class in a data set, such as ``"00001"``.
        brand: the design that it shares with other variants.
        word: the variant's word.
        size: the content of the package, such as ``"330 ml"``.
        icon: the variant's picture.
        stripes: number of the variant's stripes, from 0 to 4.
        width: in heights of the package.
    """

    class_id: str
    brand: Brand
    word: str
    size: str
    icon: Icon
    stripes: int
    width: float

    @property
    def label(self) -> str:
        """The readable name, such as ``"Sola Orange 330 ml can"``."""
        return f"{self.brand.name} {self.word} {self.size} {self.brand.shape.value}"
