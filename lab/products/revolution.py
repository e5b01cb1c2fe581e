"""Rendering of cans, bottles, jars and tubs: solids of revolution."""

import dataclasses

import cv2
import numpy as np

from lab.products.rendering import (
    EYE_DISTANCE,
    Light,
    Pixels,
    Plane,
    Pose,
    Sprite,
    level_for,
    window_around,
)

PROFILE_STEPS = 512
SOLVER_STEPS = 5


@dataclasses.dataclass(frozen=True)
class Body:
    """A solid of revolution.

    Attributes:
        heights: from 0 at the foot to 1, rising.
        radii: the radius at each of ``heights``, in product heights.
        wrap: the unrolled print, seen from outside, with the front in the middle.
        lid: the view from above, a square of which only the inscribed disc shows.
        gloss: from 0 (paper) to 1 (metal).
    """

    heights: tuple[float, ...]
    radii: tuple[float, ...]
    wrap: tuple[Pixels, ...]
    lid: tuple[Pixels, ...]
    gloss: float


def draw_body(body: Body, pose: Pose, light: Light, canvas_px: int) -> Sprite | None:
    """Draw a solid of revolution; return None if it is off the canvas."""
    sin, cos = (float(f(np.deg2rad(pose.pitch_deg))) for f in (np.sin, np.cos))
    widest = max(body.radii)
    reach_x, reach_y = widest * 1.15, (0.5 * cos + widest * abs(sin)) * 1.2
    roll = np.deg2rad(pose.roll_deg)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    rectangle = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (reach_x, reach_y)
    window = window_around(rectangle @ turn.T * pose.height_px + (pose.x_px, pose.y_px), canvas_px)
    if window is None:
        return None
    columns = (np.arange(window.width, dtype=np.float32) + window.x - pose.x_px) / pose.height_px
    rows = (np.arange(window.height, dtype=np.float32) + window.y - pose.y_px) / pose.height_px
    flat_x, flat_y = columns[None, :], rows[:, None]
    x = (flat_x * turn[0, 0] + flat_y * turn[1, 0]).astype(np.float32)
    y = -(flat_x * turn[0, 1] + flat_y * turn[1, 1]).astype(np.float32)
    # From above, the upper end is nearer to the eye and looks larger.
    nearer = 1 + y * (sin / EYE_DISTANCE)
    x /= nearer
    y /= nearer
    height, radius = _height_seen(body, x, y, sin, cos)
    side = np.clip(x / radius, -1, 1)
    on_wall = (np.abs(x) < radius) & (height >= 0) & (height <= 1)
    wrap = level_for(body.wrap, body.wrap[0].shape[0] / (pose.height_px * max(cos, 0.5)))
    rgb = _wall(wrap, height, side, pose).astype(np.float32)
    rgb *= _wall_shade(side, light, body.gloss)[..., None]
    if body.gloss:
        rgb += _highlight(side, light, body.gloss)[..., None]
    on_lid = _draw_lid(body, x, y, (sin, cos), pose, light, rgb)
    alpha = (on_wall | on_lid).astype(np.float32)
    return Sprite(window.x, window.y, rgb, alpha)


def _height_seen(body: Body, x: Plane, y: Plane, sin: float, cos: float) -> tuple[Plane, Plane]:
    """Return the visible height on the body at each pixel, and the radius there."""
    profile = np.interp(np.linspace(0, 1, PROFILE_STEPS), body.heights, body.radii).astype(
        np.float32
    )
    upright = y / cos + 0.5
    height = upright
    for _ in range(SOLVER_STEPS):
        index = np.clip(height * (PROFILE_STEPS - 1), 0, PROFILE_STEPS - 1).astype(np.int32)
        radius = profile[index]
        depth = np.sqrt(np.maximum(radius * radius - x * x, 0))
        height = upright + depth * (sin / cos)
    return height, radius


def _wall(wrap: Pixels, height: Plane, side: Plane, pose: Pose) -> Pixels:
    rows, columns = wrap.shape[:2]
    turn = np.arcsin(side) / (2 * np.pi) - pose.yaw_deg / 360 + 0.5
    map_x = (turn * columns - 0.5).astype(np.float32)
    map_y = np.clip((1 - height) * rows - 0.5, 0, rows - 1).astype(np.float32)
    drawn = cv2.remap(wrap, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return drawn.astype(np.uint8, copy=False)


def _wall_shade(side: Plane, light: Light, gloss: float) -> Plane:
    lit = side * light.x + np.sqrt(1 - side * side) * light.z
    shade = light.ambient + (1 - light.ambient) * np.maximum(lit, 0) * 1.15
    # A glossy wall mirrors the dark surroundings near its outline.
    edge = 1 - gloss * 0.5 * np.abs(side) ** 6
    result: Plane = (shade * edge).astype(np.float32)
    return result


def _highlight(side: Plane, light: Light, gloss: float) -> Plane:
    where = light.x * 0.6
    strength = 70 * gloss * (1 - light.ambient)
    result: Plane = (strength * np.exp(-(((side - where) / 0.09) ** 2))).astype(np.float32)
    return result


def _draw_lid(
    body: Body,
    x: Plane,
    y: Plane,
    elevation: tuple[float, float],
    pose: Pose,
    light: Light,
    rgb: Plane,
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    sin, cos = elevation
    radius = body.radii[-1]
    if sin < 0.02:
        return np.zeros(x.shape, dtype=np.bool_)
    across = x / radius
    along = (y - 0.5 * cos) / (radius * sin)
    inside = across * across + along * along <= 1
    if not inside.any():
        return inside
    yaw = np.deg2rad(pose.yaw_deg)
    u = across * np.cos(yaw) - (-along) * np.sin(yaw)
    v = across * np.sin(yaw) + (-along) * np.cos(yaw)
    lid = level_for(body.lid, body.lid[0].shape[0] / (2 * radius * pose.height_px))
    side_px = lid.shape[0]
    drawn = cv2.remap(
        lid,
        ((u + 1) / 2 * side_px - 0.5).astype(np.float32),
        ((v + 1) / 2 * side_px - 0.5).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    shade = min(1.15, light.ambient + (1 - light.ambient) * max(light.y, 0) * 1.3)
    rgb[inside] = drawn[inside].astype(np.float32) * shade
    return inside
