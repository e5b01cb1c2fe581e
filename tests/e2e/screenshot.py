"""Takes the README's pictures of the page: `python -m tests.e2e.screenshot FOLDER`."""

import signal
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.conftest import start_cloud
from tests.e2e.chromium import launch_chromium
from tests.e2e.page_driver import expect_answer, open_page, press_sample


def main(folder: Path) -> None:
    """Start a local cloud, and take `page.png` on a desk and `page-phone.png` on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        cloud, process = start_cloud(Path(state))
        try:
            with sync_playwright() as playwright:
                browser = launch_chromium(playwright)
                _desk(browser, cloud.url, folder / "page.png")
                _phone(browser, cloud.url, folder / "page-phone.png")
                browser.close()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)


def _desk(browser: Browser, url: str, target: Path) -> None:
    page = browser.new_page(color_scheme="light", reduced_motion="reduce")
    open_page(page, url)
    for sample, label in (("Sage tube", "Sage"), ("Cherry jar", "Cherry"), ("Mango can", "Mango")):
        press_sample(page, sample)
        expect_answer(page, label)
    page.get_by_role("button", name="Send a burst").click()
    expect(page.locator("#fleet-said")).to_contain_text("were answered", timeout=60_000)
    page.screenshot(path=target, full_page=True)


def _phone(browser: Browser, url: str, target: Path) -> None:
    context = browser.new_context(
        color_scheme="dark", reduced_motion="reduce", has_touch=True, is_mobile=True
    )
    page = context.new_page()
    open_page(page, url, width=390)
    press_sample(page, "Mango can")
    expect_answer(page, "Mango")
    page.set_viewport_size({"width": 390, "height": 1700})
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
