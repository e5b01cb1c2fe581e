"""Accessibility of the page as axe-core checks it, on a phone and on a desktop."""

from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    choose,
    expect_answer,
    expect_problem,
    history,
    open_page,
)
from tests.e2e.page_stub import answer_with, intercept
from tests.e2e.test_race import start
from warmlens.paths import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TOO_SMALL = """() => [...document.querySelectorAll("button, a, input, select, summary")]
  .filter((element) => element.checkVisibility())
  .map((element) => [element.id || element.textContent.trim(), element.getBoundingClientRect()])
  .filter(([, { width, height }]) => width > 0 && (width < 24 || height < 24))
  .map(([name, { width, height }]) => `${name}: ${width} x ${height}`)"""


def issues(page: Page) -> list[Any]:
    """Return all that axe finds, and targets below the 24 px of WCAG 2.2."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert len(report["passes"]) > 10, "axe has checked next to nothing"
    found = [
        (issue["id"], issue["help"], [node["html"] for node in issue["nodes"]])
        for issue in report["violations"]
    ]
    return [*found, *page.evaluate(TOO_SMALL)]


@pytest.mark.parametrize(("width", "is_cold"), [(390, True), (1280, False)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(
    page: Page,
    page_url: str,
    expected_console_errors: list[str],
    width: int,
    is_cold: bool,
    scheme: Any,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    intercept(page, page_url, "classification", answer_with(cold_start=is_cold), times=1)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    open_page(page, page_url, width)
    expect(page.get_by_role("button", name="Coffee")).to_be_visible()
    expect(page.get_by_role("list", name="Instances")).to_be_visible()
    assert issues(page) == []
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    expect(page.locator("#badge")).to_have_text("Cold" if is_cold else "Warm")
    page.get_by_text("What this model knows").click()
    expect(page.locator("#known-labels li")).to_have_count(1000)
    assert issues(page) == []
    start(page)
    several: list[FilePayload] = [
        {"name": "one.jpg", "mimeType": "image/jpeg", "buffer": COFFEE},
        {"name": "x.heic", "mimeType": "image/heic", "buffer": b"\0\0\0\x18ftypheic"},
        {"name": "bad.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff no photo"},
    ]
    page.get_by_label("Photo file").set_input_files(several)
    expect_problem(page, "damaged")
    expect(history(page)).to_have_count(3)
    page.get_by_text("For the person who runs it").click()
    assert issues(page) == []


def test_the_check_finds_an_issue_where_there_is_one(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    expect(page.get_by_role("list", name="Instances")).to_be_visible()
    page.evaluate("document.querySelector('label[for=burst-calls]').remove()")
    assert [issue[0] for issue in issues(page)] == ["label"]
