"""Photos on a slow line: progress, and the end of one that is stalled."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    choose,
    expect_answer,
    expect_problem,
    open_page,
)
from tests.e2e.page_stub import PausedRequest, intercept

PHOTO = COFFEE + bytes(400_000)  # what follows the picture's end is not read
SLOW_BYTES_PER_S = 50_000  # eight seconds for the photo
SHRINK = "tick “Shrink before sending”"


def slow_down(page: Page, bytes_per_s: int) -> None:
    """Have the browser upload no faster; -1 sets no limit."""
    network = page.context.new_cdp_session(page)
    network.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_s,
        },
    )


def test_a_slow_photo_shows_progress_and_is_not_interrupted(page: Page, page_url: str) -> None:
    page.clock.install()
    open_page(page, page_url, 390)
    slow_down(page, SLOW_BYTES_PER_S)
    choose(page, "mine.jpg", PHOTO)
    for at_least in (r"[1-9]\d", r"[3-9]\d", r"[5-9]\d"):
        share = page.get_by_text(re.compile(rf"\b{at_least}% sent"))
        expect(share).to_be_visible()
        # A screen reader does not read out each change.
        assert share.evaluate("element => element.closest('[role], [aria-live]')") is None
        page.clock.fast_forward(50_000)  # two and a half minutes in all, and it moves all along
    expect(page.get_by_role("status")).to_have_text("Sending…")
    slow_down(page, -1)
    expect_answer(page)
    expect(page.get_by_text("% sent")).to_have_count(0)


@pytest.mark.parametrize(("step", "width"), [("classification", 390), ("storage", 1280)])
def test_a_stalled_photo_ends_and_names_a_way_out(
    page: Page, page_url: str, expected_console_errors: list[str], step: str, width: int
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    page.clock.install()
    paused = PausedRequest(page, page_url, step)
    open_page(page, page_url, width)
    choose(page, "mine.jpg", COFFEE)
    paused.wait()
    page.clock.fast_forward(61_000)
    expect_problem(page, "nothing moved for 60 seconds", SHRINK)
    expect(page.get_by_text("% sent")).to_have_count(0)
    page.get_by_label("Shrink before sending").check()
    page.get_by_role("button", name="Try again").click()
    expect_answer(page)


@pytest.mark.parametrize("shrinks", [False, True])
@pytest.mark.parametrize(
    ("status", "code", "title"),
    [
        (413, "request_too_large", "more than the service takes"),
        (422, "too_many_pixels", "more pixels than the service reads: up to 50 megapixels"),
    ],
)
def test_a_photo_that_is_too_large_may_be_shrunk_where_it_was_not(
    page: Page,
    page_url: str,
    expected_console_errors: list[str],
    status: int,
    code: str,
    title: str,
    shrinks: bool,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)

    def refuse(route: Route) -> None:
        route.fulfill(status=status, json={"error": {"code": code}})

    intercept(page, page_url, "classification", refuse)
    open_page(page, page_url)
    page.get_by_label("Shrink before sending").set_checked(shrinks)
    choose(page, "mine.jpg", COFFEE)
    expect_problem(page, title, "save this one smaller")
    alert = page.get_by_role("alert")
    if shrinks:
        expect(alert).not_to_contain_text(SHRINK)
    else:
        expect(alert).to_contain_text(SHRINK)
