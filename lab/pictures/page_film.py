"""A recording of the page on a phone, as an animated WebP."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Locator, Page, expect

from lab.pictures.scene import LONGEST_WAIT_S
from warmlens.errors import WarmlensError

MAX_BYTES = 300_000
WIDTH_PX, HEIGHT_PX = 390, 1010  # of the page, in its own pixels
SCALE = 1.5  # sharp on a screen with two pixels for each
OTHER_MODEL = "demo products"
TIMEOUT_S = 120.0
_QUALITIES = range(85, 40, -5)
_CAPTION_PX, _CAPTION_SIZE_PX, _RING_PX = 64, 23, 34
_INK, _BACK, _RING, _RING_FILL = "#ece7e0", "#1b1816", "#ffffff", (255, 255, 255, 96)


@dataclass
class _Frame:
    picture: Image.Image
    caption: str
    shown_s: float


def record_page(browser: Browser, url: str, file: Path) -> None:
    """Record a sample's answer, a race, and a model that is not sure of the photo.

    Args:
        browser: a browser.
        url: the page of a local cloud that serves everyday things, and has other models.
        file: the WebP file to write, of up to `MAX_BYTES`.

    Raises:
        WarmlensError: something does not appear in time, or the recording is too large.
    """
    context = browser.new_context(
        color_scheme="dark",
        has_touch=True,
        is_mobile=True,
        viewport={"width": WIDTH_PX, "height": HEIGHT_PX},
        device_scale_factor=SCALE,
    )
    page = context.new_page()
    film = _Film(page)
    status, race = page.get_by_role("status"), page.locator("#race-said")

    page.goto(url)
    coffee = page.get_by_role("button", name="Coffee", exact=True)
    model = page.get_by_role("combobox", name="Model")
    for each in (coffee, model):
        expect(each).to_be_visible(timeout=1000 * TIMEOUT_S)
    expect(status).to_contain_text("Ready", timeout=1000 * TIMEOUT_S)
    film.hold("The page, on a phone", 2.0)

    film.tap(coffee, "Tap a sample photo")
    coffee.tap()
    film.follow("The answer", lambda: "Done" in status.inner_text())
    film.hold("The answer", 2.5)

    button = page.get_by_role("button", name="Race", exact=True)
    film.tap(button, "Race a cold call against a warm one")
    button.tap()
    film.follow("A cold call against a warm one", lambda: "times as long" in race.inner_text())
    film.hold("A cold call against a warm one", 3.5)

    film.tap(model, "Choose the model for products")
    words = model.locator("option", has_text=OTHER_MODEL).text_content()
    model.select_option(label=words)
    film.follow("Another model", lambda: "Done: not sure" in status.inner_text())
    film.hold("It does not know this, and says so", 4.5)
    context.close()
    film.save(file)


class _Film:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[_Frame] = []

    def hold(self, caption: str, shown_s: float) -> None:
        """Show the page as it is now."""
        self._page.wait_for_timeout(300)  # pictures are decoded, and transitions end
        self._frames.append(_Frame(self._take(), caption, shown_s))

    def tap(self, target: Locator, caption: str) -> None:
        """Show where the next tap will be."""
        box = target.bounding_box()
        assert box is not None
        x = round(SCALE * (box["x"] + box["width"] / 2))
        y = round(SCALE * (box["y"] + box["height"] / 2))
        picture = self._take()
        ImageDraw.Draw(picture, "RGBA").ellipse(
            (x - _RING_PX, y - _RING_PX, x + _RING_PX, y + _RING_PX),
            fill=_RING_FILL,
            outline=_RING,
            width=5,
        )
        self._frames.append(_Frame(picture, caption, 1.0))

    def follow(self, caption: str, is_there: Callable[[], bool]) -> None:
        """Show what happens until something is there, in its own time; long waits are cut."""
        begun_s = time.monotonic()
        taken: list[tuple[float, Image.Image]] = []
        done = False
        while not done:
            done = is_there()
            taken.append((time.monotonic(), self._take()))
            if time.monotonic() - begun_s > TIMEOUT_S:
                raise WarmlensError("not_recorded", f"the page did not show it: {caption}")
        took_s = taken[-1][0] - begun_s
        frames: list[_Frame] = []
        ends_s = [at_s for at_s, _ in taken[1:]]
        for (at_s, picture), end_s in zip(taken, ends_s, strict=False):
            if frames and frames[-1].picture.tobytes() == picture.tobytes():
                frames[-1].shown_s += end_s - at_s
            else:
                frames.append(_Frame(picture, caption, end_s - at_s))
        is_cut = any(frame.shown_s > LONGEST_WAIT_S for frame in frames)
        for frame in frames:
            frame.shown_s = min(frame.shown_s, LONGEST_WAIT_S)
            frame.caption += f" (took {took_s:.1f} s, cut)" if is_cut else ""
        self._frames += frames

    def save(self, file: Path) -> None:
        """Write the film in the best quality that its budget allows."""
        first, *others = (_with_caption(frame) for frame in self._frames)
        durations_ms = [round(1000 * frame.shown_s) for frame in self._frames]
        for quality in _QUALITIES:
            encoded = io.BytesIO()
            first.save(
                encoded,
                "WEBP",
                save_all=True,
                append_images=others,
                duration=durations_ms,
                loop=0,
                quality=quality,
                method=6,
                allow_mixed=True,
                minimize_size=True,
            )
            if len(encoded.getvalue()) <= MAX_BYTES:
                file.write_bytes(encoded.getvalue())
                return
        raise WarmlensError("not_recorded", f"{file.name} is larger than {MAX_BYTES:,} bytes")

    def _take(self) -> Image.Image:
        return Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")


def _with_caption(frame: _Frame) -> Image.Image:
    picture = frame.picture
    canvas = Image.new("RGB", (picture.width, picture.height + _CAPTION_PX), _BACK)
    canvas.paste(picture, (0, 0))
    ImageDraw.Draw(canvas).text(
        (picture.width / 2, picture.height + _CAPTION_PX / 2),
        frame.caption,
        fill=_INK,
        font=ImageFont.load_default(_CAPTION_SIZE_PX),
        anchor="mm",
    )
    return canvas
