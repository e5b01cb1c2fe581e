"""Takes the README's picture of the page: `python -m tests.e2e.screenshot FILE`."""

import signal
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.conftest import start_cloud
from tests.e2e.chromium import launch_chromium
from tests.e2e.page_driver import expect_answer, open_page, press_sample


def main(target: Path) -> None:
    """Start a local cloud, whose start made one instance warm, and take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        cloud, process = start_cloud(Path(folder))
        try:
            with sync_playwright() as playwright:
                browser = launch_chromium(playwright)
                page = browser.new_page(color_scheme="light", reduced_motion="reduce")
                open_page(page, cloud.url)
                press_sample(page, "Mango can")
                expect_answer(page, "Mango")
                target.parent.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=target, full_page=True)
                browser.close()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
