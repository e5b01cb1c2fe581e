"""Pose, light and result of a rendered product."""

import dataclasses
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Height x width x 3 (RGB), or height x width x 4 with alpha."""
Plane = NDArray[np.float32]

EYE_DISTANCE = 4.0
"""From the eye to the product, in heights of the product."""
PYRAMID_LEVELS = 5


@dataclasses.dataclass(frozen=True)
class Pose:
    """Pose of a product and its place on the canvas.

    Attributes:
        yaw_deg: rotation around the upright axis.
        pitch_deg: elevation of the eye; the top is visible when positive.
        roll_deg: rotation in the plane of the picture, clockwise.
        height_px: its height on the canvas.
        x_px: its middle on the canvas.
        y_px: as ``x_px``, downwards.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    height_px: float
    x_px: float
    y_px: float


@dataclasses.dataclass(frozen=True)
class Light:
    """Direction of the light (x right, y up, z to the eye) and its evenness (0 to 1)."""

    x: float
    y: float
    z: float
    ambient: float


@dataclasses.dataclass(frozen=True)
class Sprite:
    """A drawn object: its pixels and coverage, and the canvas position of its upper left corner."""

    x: int
    y: int
    rgb: Plane
    alpha: Plane


@dataclasses.dataclass(frozen=True)
class Window:
    """The part of a canvas that an object touches, in pixels."""

    x: int
    y: int
    width: int
    height: int


def window_around(points: NDArray[np.floating[Any]], canvas_px: int) -> Window | None:
    """Return the window around ``points`` (n x 2) on a square canvas; None if off the canvas."""
    low = np.maximum(np.floor(points.min(0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(points.max(0)).astype(int) + 2, canvas_px)
    if (high - low).min() < 2:
        return None
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def pyramid(texture: Pixels) -> tuple[Pixels, ...]:
    """Return ``texture`` at full size, half, a quarter and so on."""
    levels = [texture]
    while len(levels) < PYRAMID_LEVELS and min(levels[-1].shape[:2]) >= 8:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(half.astype(np.uint8, copy=False))
    return tuple(levels)


def level_for(levels: tuple[Pixels, ...], texels_per_pixel: float) -> Pixels:
    """Return the pyramid level closest to the drawn size, against aliasing and blur."""
    index = int(np.floor(np.log2(max(texels_per_pixel, 1.0)) + 0.35))
    return levels[min(index, len(levels) - 1)]


def project(corners: NDArray[np.float64], pose: Pose) -> tuple[NDArray[np.float64], Any]:
    """Project points (n x 3, in product heights) to the canvas; return (n x 2) and the rotation."""
    yaw, pitch, roll = np.deg2rad([pose.yaw_deg, pose.pitch_deg, pose.roll_deg])
    turn_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    turn_x = np.array(
        [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    )
    turn = turn_x @ turn_y
    seen = corners @ turn.T
    scale = EYE_DISTANCE / (EYE_DISTANCE - seen[:, 2])
    x, y = seen[:, 0] * scale, -seen[:, 1] * scale
    flat = np.stack(
        [x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)], axis=1
    )
    return flat * pose.height_px + (pose.x_px, pose.y_px), turn
