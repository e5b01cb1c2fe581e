"""Accessibility of the page as axe-core checks it, on a phone and on a desktop."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    choose,
    expect_answer,
    expect_problem,
    open_page,
)
from warmlens.paths import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = {"serious", "critical"}


def serious_issues(page: Page) -> list[Any]:
    page.evaluate(AXE.read_text())
    report = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert report["passes"], "axe has checked nothing"
    return [
        (issue["id"], issue["help"], [node["html"] for node in issue["nodes"]])
        for issue in report["violations"]
        if issue["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_issue(
    page: Page,
    page_url: str,
    expected_console_errors: list[str],
    width: int,
    scheme: Any,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    open_page(page, page_url, width)
    expect(page.get_by_role("button", name="Coffee")).to_be_visible()
    expect(page.get_by_role("list", name="Instances")).to_be_visible()
    assert serious_issues(page) == []
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    choose(page, "notes.jpg", b"\xff\xd8\xff no photo")
    expect_problem(page, "damaged")
    page.get_by_text("For whoever runs the service").click()
    assert serious_issues(page) == []


def test_the_check_finds_an_issue_where_there_is_one(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    expect(page.get_by_role("list", name="Instances")).to_be_visible()
    page.evaluate("document.querySelector('label[for=burst-calls]').remove()")
    assert [issue[0] for issue in serious_issues(page)] == ["label"]
