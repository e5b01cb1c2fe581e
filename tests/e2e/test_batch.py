"""Several photos at once, which can be stopped and continued."""

from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Request, Route, expect

from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    choose,
    expect_answer,
    expect_problem,
    history,
    open_page,
    press_sample,
    tab_to,
)
from tests.e2e.page_stub import PausedRequest, intercept

ONE_TO_THREE: list[FilePayload] = [
    {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": COFFEE}
    for name in ("one", "two", "three")
]


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def choose_three(page: Page) -> None:
    page.get_by_label("Photo file").set_input_files(ONE_TO_THREE)


def sent_photos(page: Page) -> list[str]:
    """List the photos that the page sends from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/classification"):
            sent.append(request.url)

    page.on("request", note)
    return sent


@pytest.mark.parametrize("width", [390, 1280])
def test_sending_is_stopped_and_the_rest_is_sent_later(
    page: Page, page_url: str, width: int
) -> None:
    open_page(page, page_url, width)
    paused = PausedRequest(page, page_url, "classification")
    choose_three(page)
    paused.wait()
    sent = sent_photos(page)
    tab_to(page, button(page, "Stop"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Stopped: 3 photos are not sent.")
    expect(history(page)).to_contain_text(["Not sent", "Not sent", "Not sent"])
    assert sent == []
    expect(button(page, "Send the rest (3)")).to_be_focused()
    page.keyboard.press("Enter")
    expect(history(page)).to_contain_text(["%", "%", "%"])
    expect(button(page, "Stop")).to_be_hidden()
    expect(button(page, "Send again")).to_be_focused()
    assert len(sent) == 3


def test_photos_that_a_newer_one_interrupted_are_sent_later(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    paused = PausedRequest(page, page_url, "classification")
    choose_three(page)
    paused.wait()
    press_sample(page, "Cat")
    expect_answer(page, " cat|tabby")
    button(page, "Send the rest (3)").click()
    expect(history(page)).to_contain_text(["cat.jpg", "%", "%", "%"])
    expect(page.get_by_role("img", name="Your photo: three.jpg")).to_be_visible()


def test_a_single_photo_is_stopped(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    paused = PausedRequest(page, page_url, "classification")
    choose(page, "mine.jpg", COFFEE)
    paused.wait()
    button(page, "Stop").click()
    expect(page.get_by_role("status")).to_have_text("Stopped: 1 photo is not sent.")
    expect(button(page, "Stop")).to_be_hidden()
    button(page, "Send again").click()
    expect_answer(page)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    ("status", "answer", "title"),
    [
        (403, {"message": "Forbidden"}, "does not let this page in"),
        (403, {"error": {"code": "invalid_api_key"}}, "asks for a key"),
        (403, {"error": {"code": "blocked"}}, "requests from your network"),
        (429, {"error": {"code": "quota_exceeded"}}, "requests a day is used up"),
    ],
)
def test_a_failure_of_the_service_stops_at_the_first_photo(
    page: Page,
    page_url: str,
    expected_console_errors: list[str],
    status: int,
    answer: Any,
    title: str,
    width: int,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)

    def refuse(route: Route) -> None:
        route.fulfill(status=status, json=answer)

    intercept(page, page_url, "classification", refuse, times=1)
    open_page(page, page_url, width)
    sent = sent_photos(page)
    choose_three(page)
    expect_problem(page, title)
    expect(button(page, "Send the rest (3)")).to_be_visible()
    expect(history(page)).to_contain_text(["Not sent", "Not sent", "Not sent"])
    assert len(sent) == 1
    button(page, "Send the rest (3)").click()
    expect(history(page)).to_contain_text(["%", "%", "%"])
    expect(page.get_by_role("alert")).to_be_empty()


def test_without_a_connection_the_photos_wait_for_it(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url)
    page.context.set_offline(True)
    choose_three(page)
    expect_problem(page, "You are offline")
    expect(history(page)).to_contain_text(["Not sent", "Not sent", "Not sent"])
    page.context.set_offline(False)
    button(page, "Send the rest (3)").click()
    expect(history(page)).to_contain_text(["%", "%", "%"])
