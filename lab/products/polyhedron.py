"""Rendering of boxes and cartons: flat faces in perspective."""

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from lab.products.rendering import (
    Light,
    Pixels,
    Pose,
    Sprite,
    level_for,
    project,
    window_around,
)

CONTRAST = 1.05


@dataclasses.dataclass(frozen=True)
class Face:
    """A flat face: its corners (x right, y up, z to the eye) clockwise from its upper left."""

    corners: tuple[tuple[float, float, float], ...]
    texture: tuple[Pixels, ...]


def draw_faces(faces: tuple[Face, ...], pose: Pose, light: Light, canvas_px: int) -> Sprite | None:
    """Draw the visible faces of a solid; return None if it is off the canvas."""
    corners = np.array([face.corners for face in faces], dtype=np.float64)
    points, turn = project(corners.reshape(-1, 3), pose)
    window = window_around(points, canvas_px)
    if window is None:
        return None
    placed = points.reshape(-1, 4, 2) - (window.x, window.y)
    normals = _normals(corners) @ turn.T
    depths = (corners.mean(1) @ turn.T)[:, 2]
    rgb = np.zeros((window.height, window.width, 3), np.float32)
    alpha = np.zeros((window.height, window.width), np.float32)
    for i in np.argsort(depths):
        if _clockwise_area(placed[i]) <= 0:
            continue
        _draw_face(faces[i], placed[i], _shade(normals[i], light), rgb, alpha)
    return Sprite(window.x, window.y, rgb, alpha)


def _draw_face(
    face: Face,
    placed: NDArray[np.float64],
    shade: float,
    rgb: NDArray[np.float32],
    alpha: NDArray[np.float32],
) -> None:
    full_height, full_width = face.texture[0].shape[:2]
    edges = np.linalg.norm(placed - np.roll(placed, -1, axis=0), axis=1)
    texels_per_pixel = min(
        full_width / max(edges[0], edges[2], 1.0), full_height / max(edges[1], edges[3], 1.0)
    )
    texture = level_for(face.texture, texels_per_pixel)
    height, width = texture.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, placed.astype(np.float32))
    size = (rgb.shape[1], rgb.shape[0])
    drawn = cv2.warpPerspective(texture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    cover = np.zeros(alpha.shape, np.uint8)
    cv2.fillConvexPoly(cover, np.round(placed * 16).astype(np.int32), 255, cv2.LINE_8, 4)
    inside = cover > 0
    rgb[inside] = drawn[inside].astype(np.float32) * shade
    alpha[inside] = 1.0


def _normals(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    across = corners[:, 1] - corners[:, 0]
    down = corners[:, 3] - corners[:, 0]
    normals = np.cross(down, across)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return normals


def _shade(normal: NDArray[np.float64], light: Light) -> float:
    lit = max(0.0, float(normal @ (light.x, light.y, light.z)))
    return min(1.15, light.ambient + (1 - light.ambient) * lit * CONTRAST)


def _clockwise_area(quad: NDArray[np.float64]) -> float:
    x, y = quad[:, 0], quad[:, 1]
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)
