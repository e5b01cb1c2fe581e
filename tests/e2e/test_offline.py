"""The page without its server: opened once, it opens again."""

import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import start_cloud
from tests.e2e.page_driver import SAMPLES, expect_answer, open_page, press_sample
from warmlens.paths import WEB


@pytest.mark.parametrize("width", [390, 1280])
def test_once_opened_the_page_opens_without_its_server(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    cloud, process = start_cloud(tmp_path)
    context = browser.new_context()
    page = context.new_page()
    try:
        open_page(page, cloud.url, width)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        press_sample(page, "Mango can")
        expect_answer(page, "Mango")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0

    page.reload()
    expect(page.get_by_role("heading", name="Warmlens")).to_be_visible()
    samples = page.get_by_role("region", name="Sample photos").get_by_role("button")
    expect(samples).to_have_count(8)
    press_sample(page, "Mango can")
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile("could not be reached.*Your photo is kept", re.DOTALL)
    )
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    context.close()


def test_every_file_of_the_page_is_kept_for_opening_it_without_a_connection() -> None:
    (listed,) = re.findall(r"const FILES = \[(.*?)\];", (WEB / "worker.js").read_text(), re.DOTALL)
    kept = set(re.findall(r'"(.*?)"', listed))
    files = {str(path.relative_to(WEB)) for path in WEB.rglob("*") if path.is_file()}
    assert kept - {"./", "configuration.json"} == files - {
        "index.html",  # which is "./"
        "worker.js",  # which the browser keeps itself
        str((SAMPLES / "README.md").relative_to(WEB)),
    }
