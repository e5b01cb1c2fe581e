"""The call of an answer in code: it runs as it is pasted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.page_driver import COFFEE, choose, expect_answer, open_page, press_sample
from tests.e2e.page_stub import upload_all

NAME = """it's "my" $(false) photo.jpg"""


def copied(page: Page, way: str) -> str:
    page.get_by_role("button", name=f"Copy as {way}").click()
    expect(page.locator("#copy-said")).to_contain_text("Copied.")
    text: str = page.evaluate("navigator.clipboard.readText()")
    assert page.locator("#code").inner_text().strip() == text.strip()
    return text


def run(command: list[str], folder: Path) -> str:
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "API_KEY": "a-key"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def runs_as_pasted(page: Page, folder: Path) -> None:
    answer: dict[str, Any] = json.loads(run(["sh", "-c", copied(page, "curl")], folder))
    shown: dict[str, Any] = json.loads(copied(page, "JSON"))
    assert answer["TOP1_label"] == shown["TOP1_label"] == "espresso"
    assert set(answer) == set(shown)
    assert "espresso" in run([sys.executable, "-c", copied(page, "Python")], folder)


def test_a_copied_call_runs_for_a_sample_for_a_photo_of_ones_own_and_for_an_upload(
    page: Page, page_url: str, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    assert page_url in page.locator("#code").inner_text()
    runs_as_pasted(page, tmp_path)
    assert "API_KEY" not in copied(page, "curl") + copied(page, "Python")

    (tmp_path / NAME).write_bytes(COFFEE)
    choose(page, NAME, COFFEE)
    expect(page.get_by_role("region", name="Result")).to_contain_text(NAME)
    expect_answer(page)
    runs_as_pasted(page, tmp_path)
    expect(page.locator("#copy-said")).to_contain_text("Run it in the photo's folder.")


def test_the_key_of_a_person_is_not_copied_but_asked_for(
    page: Page, page_url: str, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    upload_all(page)
    open_page(page, f"{page_url}/#key=a-secret")
    press_sample(page)
    expect_answer(page)
    runs_as_pasted(page, tmp_path)
    for way, place in (("curl", "$API_KEY"), ("Python", 'os.environ["API_KEY"]')):
        code = copied(page, way)
        assert place in code
        assert "a-secret" not in code
        expect(page.locator("#copy-said")).to_contain_text("Set API_KEY to your key first")
    assert "a-secret" not in copied(page, "JSON")


REFUSE_COPIES = """navigator.clipboard.writeText = async () => {
  throw new DOMException("Write permission denied.", "NotAllowedError");
};"""


def test_a_copy_that_the_browser_refuses_says_why_and_the_code_is_selected_instead(
    page: Page, page_url: str
) -> None:
    page.add_init_script(REFUSE_COPIES)
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    page.get_by_role("button", name="Copy as Python").click()
    said = page.locator("#copy-said")
    expect(said).to_contain_text("Not copied: the browser does not let this page write")
    expect(said).to_contain_text("copy it with the keyboard or its menu")
    selected = page.evaluate("getSelection().toString()")
    assert selected.strip() == page.locator("#code").inner_text().strip()
