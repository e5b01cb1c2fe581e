"""Rendering of soft packages: pouches and tubes, with a bulge and creases."""

import dataclasses

import cv2
import numpy as np

from lab.products.rendering import (
    Light,
    Pixels,
    Plane,
    Pose,
    Sprite,
    level_for,
    project,
    window_around,
)

HIGHLIGHT = 60.0


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A soft package.

    Attributes:
        width: in product heights.
        texture: its face with an alpha channel that cuts out its outline.
        slopes: slope to the right and slope upwards, -1 to 1 as 0 to 255, and a third channel
            that is not used (OpenCV's warp takes three).
        gloss: from 0 to 1.
    """

    width: float
    texture: tuple[Pixels, ...]
    slopes: tuple[Pixels, ...]
    gloss: float


def draw_sheet(sheet: Sheet, pose: Pose, light: Light, canvas_px: int) -> Sprite | None:
    """Draw a soft package; return None if it is off the canvas."""
    w = sheet.width / 2
    corners = np.array([[-w, 0.5, 0], [w, 0.5, 0], [w, -0.5, 0], [-w, -0.5, 0]])
    points, _ = project(corners, pose)
    window = window_around(points, canvas_px)
    if window is None:
        return None
    placed = (points - (window.x, window.y)).astype(np.float32)
    size = (window.width, window.height)
    texels_per_pixel = sheet.texture[0].shape[0] / pose.height_px
    drawn = _warped(level_for(sheet.texture, texels_per_pixel), placed, size)
    slopes = _warped(level_for(sheet.slopes, texels_per_pixel), placed, size)
    yaw = float(np.sin(np.deg2rad(pose.yaw_deg)))
    right = (slopes[..., 0] - 128) / 127 + 0.4 * yaw
    up = (slopes[..., 1] - 128) / 127
    lit = (right * light.x + up * light.y + light.z) / np.sqrt(1 + right * right + up * up)
    shade = light.ambient + (1 - light.ambient) * np.maximum(lit, 0) * 1.15
    rgb = drawn[..., :3] * shade[..., None]
    if sheet.gloss:
        glare = np.maximum(lit - 0.86, 0) / 0.14
        rgb = rgb + (HIGHLIGHT * sheet.gloss * glare**3)[..., None]
    return Sprite(
        window.x, window.y, rgb.astype(np.float32), (drawn[..., 3] / 255).astype(np.float32)
    )


def _warped(texture: Pixels, placed: Plane, size: tuple[int, int]) -> Plane:
    height, width = texture.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, placed)
    border = [0, 0, 0, 0] if texture.shape[2] == 4 else [128, 128, 128]
    drawn = cv2.warpPerspective(
        texture, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=border
    )
    return drawn.astype(np.float32)
