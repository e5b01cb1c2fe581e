"""Takes the docs' pictures of the page: `python -m tests.e2e.screenshot FOLDER`."""

import json
import signal
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from lab.pictures.chromium import launch_chromium
from tests.conftest import Cloud, start_cloud
from tests.e2e.page_driver import SAMPLES, choose, expect_answer, open_page, press_sample

GALLERIES = json.loads((SAMPLES / "galleries.json").read_text(encoding="utf-8"))
FOREIGN = ("cat.jpg", "mango-can.jpg")  # the first that is not a sample of the model
LONGEST_MS = 120_000
WIDTH_PX = 1000
MARGIN_PX = 16


def main(folder: Path) -> None:
    """Start a local cloud and take all pictures.

    `page.png` shows the page on a desk and `page-phone.png` on a phone. For each shipped model
    `page-NAME.png` shows a photo of what it knows, and `page-NAME-foreign.png` one of something
    else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        cloud, process = start_cloud(Path(state), "--model", "")
        try:
            with sync_playwright() as playwright:
                browser = launch_chromium(playwright)
                _desk(browser, cloud.url, folder / "page.png")
                _phone(browser, cloud.url, folder / "page-phone.png")
                _models(browser, cloud, folder)
                browser.close()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)


def _desk(browser: Browser, url: str, target: Path) -> None:
    page = browser.new_page(color_scheme="light", reduced_motion="reduce")
    open_page(page, url)
    for sample, label in (("Flower", "Daisy"), ("Cat", "cat"), ("Coffee", "Espresso")):
        press_sample(page, sample)
        expect_answer(page, label)
    _race(page)
    page.get_by_role("button", name="Send a burst").click()
    expect(page.locator("#fleet-said")).to_contain_text("were answered", timeout=60_000)
    page.screenshot(path=target, full_page=True)


def _race(page: Page) -> None:
    page.get_by_role("button", name="Race").click()
    said = page.get_by_role("region", name="Cold against warm")
    expect(said).to_contain_text("times as long", timeout=LONGEST_MS)


def _phone(browser: Browser, url: str, target: Path) -> None:
    context = browser.new_context(
        color_scheme="dark", reduced_motion="reduce", has_touch=True, is_mobile=True
    )
    page = context.new_page()
    open_page(page, url, width=390)
    press_sample(page)
    expect_answer(page)
    _race(page)
    page.set_viewport_size({"width": 390, "height": 1010})
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=target)


def _models(browser: Browser, cloud: Cloud, folder: Path) -> None:
    """Show a photo that fits each model, with its map, and one that is foreign to it."""
    page = browser.new_page(color_scheme="light", reduced_motion="reduce")
    for model in cloud.get("_local/models").json():
        wanted = {key: model[key] for key in ("name", "version")}
        cloud.post("_local/serve", wanted).raise_for_status()
        open_page(page, cloud.url, width=WIDTH_PX)
        own = [sample["file"] for sample in GALLERIES.get(model["name"], [])]
        if own:
            _classify(page, own[0])
            page.get_by_role("button", name="Why this class?").click()
            expect(page.locator("#map-said")).to_contain_text("Bright", timeout=LONGEST_MS)
            _top_of(page, folder / f"page-{model['name']}.png")
        _classify(page, next(name for name in FOREIGN if name not in own))
        _top_of(page, folder / f"page-{model['name']}-foreign.png")


def _classify(page: Page, name: str) -> None:
    choose(page, name, (SAMPLES / name).read_bytes())
    expect(page.get_by_role("status")).to_contain_text("Done", timeout=LONGEST_MS)
    expect(page.get_by_role("region", name="Result")).to_contain_text(name)


def _top_of(page: Page, target: Path) -> None:
    """Take the page down to the end of the photo's card."""
    box = page.get_by_role("region", name="Photo", exact=True).bounding_box()
    assert box is not None
    height = box["y"] + box["height"] + MARGIN_PX
    clip: FloatRect = {"x": 0, "y": 0, "width": WIDTH_PX, "height": height}
    page.screenshot(path=target, clip=clip, full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
