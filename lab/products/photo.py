"""Rendering of a planned photo: table, shadows, packages, foreground and camera."""

import functools

import cv2
import numpy as np

from lab.products import package
from lab.products.backgrounds import draw_background
from lab.products.design import RGB, Product
from lab.products.plan import CLUTTER_PACKAGES, Occluder, PhotoPlan, Placement
from lab.products.pretraining import pretraining_products
from lab.products.rendering import Light, Pixels, Plane, Pose, Sprite

MIN_SIZE_PX, MAX_SIZE_PX = 16, 1024
CLUTTER_SEED = 20_200_118
# Small photos are drawn at twice their size, against aliasing.
OVERSAMPLING_SMALL, OVERSAMPLING_LARGE, LARGE_PX = 2.0, 1.5, 112
# Exposure moves the photo's mean brightness about half-way to this value, as a camera does.
METERED_BRIGHTNESS = 112.0
SHADOW_SCALE = 4
SKIN = ((224, 172, 140), (198, 134, 96), (141, 85, 54), (92, 58, 40))


def draw_photo(product: Product, plan: PhotoPlan, size_px: int) -> Pixels:
    """Draw a photo of ``product`` (size x size x 3, RGB).

    Raises:
        ValueError: ``size_px`` is out of range.
    """
    if not MIN_SIZE_PX <= size_px <= MAX_SIZE_PX:
        raise ValueError(f"size_px is {size_px}; allowed: {MIN_SIZE_PX} to {MAX_SIZE_PX}.")
    oversampling = OVERSAMPLING_LARGE if size_px >= LARGE_PX else OVERSAMPLING_SMALL
    canvas_px = round(size_px * oversampling)
    canvas = _surroundings(plan, size_px, canvas_px)
    for thing in plan.clutter:
        other = _clutter_packages()[thing.package]
        _put(canvas, other, thing.placement, plan)
    _put(canvas, product, plan.product, plan)
    for index, occluder in enumerate(plan.occluders):
        _occlude(canvas, occluder, np.random.default_rng([plan.seed, 2, index]))
    small = cv2.resize(canvas, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return _camera(small.astype(np.float32, copy=False), plan)


def encode_photo(photo: Pixels, quality: int) -> bytes:
    """Return ``photo`` as a JPEG file."""
    written, data = cv2.imencode(
        ".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not written:
        raise RuntimeError("OpenCV could not encode a JPEG file.")
    return bytes(data)


@functools.cache
def _clutter_packages() -> tuple[Product, ...]:
    return pretraining_products(CLUTTER_PACKAGES, CLUTTER_SEED)


def _surroundings(plan: PhotoPlan, size_px: int, canvas_px: int) -> Plane:
    """Draw table and wall, at the photo's own resolution since they are out of focus."""
    whole = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    horizon = max(plan.horizon, 0.0)
    placed = (
        whole
        if horizon <= 0
        else np.array([[0, horizon], [1, horizon], [1.6, 1], [-0.6, 1]], np.float32)
    )
    matrix = cv2.getPerspectiveTransform(whole * size_px, placed * canvas_px)
    picture = cv2.warpPerspective(
        draw_background(plan.table, np.random.default_rng([plan.seed, 0]), size_px),
        matrix,
        (canvas_px, canvas_px),
        borderMode=cv2.BORDER_REFLECT,
    ).astype(np.float32, copy=False)
    far_px = round(horizon * canvas_px)
    if far_px > 0:
        wall = draw_background(plan.wall, np.random.default_rng([plan.seed, 1]), size_px)
        picture[:far_px] = cv2.resize(wall, (canvas_px, canvas_px))[:far_px] * 0.9
    sigma = plan.background_blur * canvas_px
    if sigma > 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32, copy=False)
    return picture


def _put(canvas: Plane, product: Product, placement: Placement, plan: PhotoPlan) -> None:
    canvas_px = canvas.shape[0]
    pose = Pose(
        yaw_deg=placement.yaw_deg,
        pitch_deg=placement.pitch_deg,
        roll_deg=placement.roll_deg,
        height_px=placement.height * canvas_px,
        x_px=placement.x * canvas_px,
        y_px=placement.y * canvas_px,
    )
    sprite = package.draw(product, pose, plan.light, canvas_px)
    if sprite is None:
        return
    _cast_shadow(canvas, sprite, pose, plan.light, plan.shadow)
    _lay(canvas, sprite)


def _lay(canvas: Plane, sprite: Sprite) -> None:
    height, width = sprite.alpha.shape
    under = canvas[sprite.y : sprite.y + height, sprite.x : sprite.x + width]
    under += (sprite.rgb - under) * sprite.alpha[..., None]


def _cast_shadow(canvas: Plane, sprite: Sprite, pose: Pose, light: Light, strength: float) -> None:
    """Darken the ground by the product's shadow."""
    small_px = -(-canvas.shape[0] // SHADOW_SCALE)
    outline = np.zeros((canvas.shape[0], canvas.shape[1]), np.float32)
    height, width = sprite.alpha.shape
    outline[sprite.y : sprite.y + height, sprite.x : sprite.x + width] = sprite.alpha
    outline = cv2.resize(outline, (small_px, small_px), interpolation=cv2.INTER_AREA).astype(
        np.float32, copy=False
    )
    foot = (pose.y_px + 0.5 * pose.height_px * np.cos(np.deg2rad(pose.pitch_deg))) / SHADOW_SCALE
    lean, flat = -0.8 * light.x, 0.35 + 0.4 * light.y
    # The shadow of a point at height h falls h * lean to the side and h * flat upwards.
    matrix = np.array([[1, -lean, lean * foot], [0, flat, (1 - flat) * foot]], np.float32)
    laid = cv2.warpAffine(outline, matrix, (small_px, small_px))
    reach = max(0.8, pose.height_px / SHADOW_SCALE * 0.05)
    soft = cv2.GaussianBlur(np.maximum(laid, outline * 0.8), (0, 0), reach)
    shadow = cv2.resize(soft, (canvas.shape[1], canvas.shape[0]), interpolation=cv2.INTER_LINEAR)
    canvas *= (1 - strength * shadow)[..., None]


def _occlude(canvas: Plane, occluder: Occluder, rng: np.random.Generator) -> None:
    side_px = canvas.shape[0]
    mask = np.zeros((side_px, side_px), np.uint8)
    x, y, size = (v * side_px for v in (occluder.x, occluder.y, occluder.size))
    turn = np.deg2rad(occluder.turn_deg)
    along = np.array([np.cos(turn), np.sin(turn)])
    across = np.array([-along[1], along[0]])
    match occluder.kind:
        case "finger":
            colour: RGB = SKIN[int(rng.integers(0, len(SKIN)))]
            for i in range(int(rng.integers(1, 4))):
                tip = np.array([x, y]) + across * i * size * 0.62 + along * size * 0.15 * (i % 2)
                end = tip + along * side_px
                _thick_line(mask, tip, end, size * 0.55)
        case "strip":
            red, green, blue = rng.integers(60, 250, 3).tolist()
            colour = (red, green, blue)
            ends = np.array([x, y]) + np.array([across, -across]) * side_px * 1.5
            _thick_line(mask, ends[0], ends[1], size * 0.5)
        case "sticker":
            colour = ((250, 216, 60), (248, 248, 244), (226, 60, 52))[int(rng.integers(0, 3))]
            cv2.circle(mask, (int(x), int(y)), max(1, int(size * 0.55)), 255, -1, cv2.LINE_AA)
        case _:
            red, green, blue = rng.integers((30, 80, 20), (110, 170, 80)).tolist()
            colour = (red, green, blue)
            axes = (max(1, int(size)), max(1, int(size * 0.4)))
            cv2.ellipse(
                mask, (int(x), int(y)), axes, occluder.turn_deg, 0, 360, 255, -1, cv2.LINE_AA
            )
    cover = mask.astype(np.float32) / 255
    near = cv2.GaussianBlur(cover, (0, 0), max(0.8, size * 0.2))
    canvas *= (1 - 0.35 * near)[..., None]
    # Brighter in the middle than at the edge, to look round.
    tone = np.array(colour, np.float32) * (0.62 + 0.5 * near)[..., None]
    canvas += (tone - canvas) * cover[..., None]


def _thick_line(
    mask: Pixels, start: np.ndarray[tuple[int], np.dtype[np.float64]], end: Plane, width: float
) -> None:
    first, last = ((int(p[0]), int(p[1])) for p in (start, end))
    cv2.line(mask, first, last, 255, max(1, int(width)), cv2.LINE_AA)


def _camera(photo: Plane, plan: PhotoPlan) -> Pixels:
    size_px = photo.shape[0]
    line = np.linspace(-1, 1, size_px, dtype=np.float32)
    x, y = line[None, :], line[:, None]
    brightness = 1 + plan.slope[0] * x + plan.slope[1] * y
    if plan.shade:
        where, direction, strength = plan.shade
        side = x * np.cos(direction) + y * np.sin(direction) - (where * 2 - 1)
        brightness = brightness * (1 - strength / (1 + np.exp(-side * 14)))
    photo = photo * brightness[..., None].astype(np.float32)
    if plan.defocus * size_px > 0.25:
        photo = cv2.GaussianBlur(photo, (0, 0), plan.defocus * size_px).astype(np.float32)
    if plan.motion[0] * size_px > 1:
        photo = _moved(photo, plan.motion[0] * size_px, plan.motion[1])
    metered = (METERED_BRIGHTNESS / max(float(photo.mean()), 8.0)) ** 0.5
    photo *= np.array(plan.gains, np.float32) * (metered / 255)
    np.clip(photo, 0, 1, out=photo)
    photo = cv2.pow(photo, plan.gamma).astype(np.float32, copy=False) * 255
    # Sensor noise is independent of neighbours at any size, so it is added last.
    rng = np.random.default_rng([plan.seed, 3])
    photo += rng.standard_normal(photo.shape, dtype=np.float32) * plan.noise
    pixels: Pixels = np.clip(photo + 0.5, 0, 255).astype(np.uint8)
    return pixels


def _moved(photo: Plane, length_px: float, direction: float) -> Plane:
    reach = int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    step = np.array([np.cos(direction), np.sin(direction)]) * length_px / 2
    start, end = ((int(reach * 16 + s * step[0] * 16), int(reach * 16 + s * step[1] * 16))
                  for s in (-1, 1))  # fmt: skip
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 4)
    if kernel.sum() == 0:
        return photo
    return cv2.filter2D(photo, -1, kernel / kernel.sum()).astype(np.float32, copy=False)
