"""Steps of a person on the page, and checks of what the page shows then."""

import base64
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

SAMPLES = Path(__file__).parents[2] / "web" / "samples"
COFFEE = (SAMPLES / "coffee.jpg").read_bytes()
ANSWER_TIMEOUT_MS = 120_000  # a first instance may have to start

# Chromium's console reports each failed request; a test that provokes one expects it.
FAILED_REQUEST = "Failed to load resource"


def open_page(page: Page, page_url: str, width: int = 1280) -> None:
    # Listening from the start: a file dialog may open sooner than a later wish for it arrives.
    page.on("filechooser", lambda _: None)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(page_url)


def classes(page: Page) -> Locator:
    return page.get_by_role("list", name="Most likely classes").get_by_role("listitem")


def expect_answer(page: Page, label: str = "Espresso") -> None:
    expect(page.get_by_role("status")).to_contain_text("Done", timeout=ANSWER_TIMEOUT_MS)
    said = re.compile(label, re.IGNORECASE)
    expect(classes(page).first).to_contain_text(said, timeout=ANSWER_TIMEOUT_MS)


def expect_problem(page: Page, title: str, advice: str = "") -> None:
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(re.compile(title), timeout=ANSWER_TIMEOUT_MS)
    expect(alert).to_contain_text(advice, timeout=ANSWER_TIMEOUT_MS)


def history(page: Page) -> Locator:
    """Return the rows of the history, newest first; a press on one counts anywhere in it."""
    return page.locator("#history tr")


def details(page: Page) -> Locator:
    return page.get_by_role("region", name="Where the time went")


def choose(page: Page, name: str, content: bytes, content_type: str = "image/jpeg") -> None:
    page.get_by_label("Photo file").set_input_files(
        {"name": name, "mimeType": content_type, "buffer": content}
    )


def press_sample(page: Page, name: str = "Coffee") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def data_transfer(page: Page, files: dict[str, bytes], content_type: str) -> Any:
    return page.evaluate_handle(
        """([files, type]) => {
          const transfer = new DataTransfer();
          for (const [name, base64] of Object.entries(files)) {
            const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
            transfer.items.add(new File([bytes], name, { type }));
          }
          return transfer;
        }""",
        [{name: base64.b64encode(data).decode() for name, data in files.items()}, content_type],
    )


def tab_to(page: Page, target: Locator) -> None:
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached with the Tab key")
