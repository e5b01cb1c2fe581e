"""Preparation of images for imported networks: geometry, and mean and deviation of channels."""

import dataclasses
import math

from training.networks import MEAN, STD
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import InputSpec, Interpolation, Normalization

LOWEST_SIZE, HIGHEST_SIZE = 32, 1024
DEFAULT_SIZE = 224
LOWEST_STD = 0.001
Channels = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """The preparation that a network was trained with.

    Attributes:
        size: side of the centre that is cut out, in pixels; None is that of an ONNX file, or 224.
        resize: shorter side of an image in pixels, before the cut; None is 8/7 of the size.
        interpolation: interpolation of resized images.
        mean: mean per channel, for pixel values 0 to 255.
        std: deviation per channel, for pixel values 0 to 255.
    """

    size: int | None = None
    resize: int | None = None
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD

    def input_spec(self, width: int | None = None, height: int | None = None) -> InputSpec:
        """Return the input for a network that takes images of `width` x `height`, or of any size.

        Raises:
            WarmlensError: `bad_setting`.
        """
        for own in (width, height):
            if own is not None and self.size not in (None, own):
                raise WarmlensError(
                    "bad_setting",
                    f"size is {self.size}; the file takes {width or 'any'} x {height or 'any'} "
                    "pixels: leave out --size.",
                )
        width, height = (own or self.size or DEFAULT_SIZE for own in (width, height))
        for side in (width, height):
            if not LOWEST_SIZE <= side <= HIGHEST_SIZE:
                raise WarmlensError(
                    "bad_setting",
                    f"size is {side}; allowed: {LOWEST_SIZE} to {HIGHEST_SIZE} pixels.",
                )
        larger = max(width, height)
        resize = round(larger * 8 / 7) if self.resize is None else self.resize
        if not larger <= resize <= 2 * HIGHEST_SIZE:
            raise WarmlensError(
                "bad_setting",
                f"resize is {resize}; allowed: {larger} (the size) to {2 * HIGHEST_SIZE} pixels.",
            )
        if self.interpolation not in ("bilinear", "bicubic"):
            raise WarmlensError(
                "bad_setting",
                f'interpolation is "{self.interpolation}"; allowed: bilinear, bicubic.',
            )
        return InputSpec(
            name="image",
            width=width,
            height=height,
            resize_shorter_side=resize,
            interpolation=self.interpolation,
            normalization=Normalization(mean=self.mean, std=self.std, in_graph=True),
        )


def parse_normalization(mean: str | None, std: str | None) -> tuple[Channels, Channels]:
    """Parse mean and deviation as torchvision has them, such as `0.485,0.456,0.406`.

    Args:
        mean: one number, or three for red, green and blue, on the scale of 0 to 1.
        std: the same.

    Returns:
        Both on the scale of pixel values, 0 to 255; ImageNet's where both are None.

    Raises:
        WarmlensError: `bad_setting`.
    """
    if mean is None and std is None:
        return MEAN, STD
    if mean is None or std is None:
        raise WarmlensError(
            "bad_setting", "--mean and --std belong together; give both, or neither for ImageNet's."
        )
    return _channels("mean", mean, 0), _channels("std", std, LOWEST_STD)


def _channels(name: str, text: str, lowest: float) -> Channels:
    try:
        values = [float(part) for part in text.strip(" []()").replace(",", " ").split()]
    except ValueError:
        values = []
    if len(values) == 1:
        values *= 3
    in_range = all(math.isfinite(value) and lowest <= value <= 1 for value in values)
    if len(values) != 3 or not in_range:
        hint = "; divide values of the scale 0 to 255 by 255" if max(values, default=0) > 1 else ""
        raise WarmlensError(
            "bad_setting",
            f'{name} is "{text}"; allowed: one number or three such as 0.485,0.456,0.406, each '
            f"from {lowest:g} to 1, as in torchvision's Normalize{hint}.",
        )
    red, green, blue = (round(255 * value, 6) for value in values)
    return red, green, blue
