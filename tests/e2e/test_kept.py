"""The page's line on whether the service keeps a photo, and its button that deletes it."""

import json
import re

import httpx
import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.e2e.page_driver import COFFEE, FAILED_REQUEST, choose, expect_answer, open_page
from tests.e2e.page_stub import Handler, answer_with, upload_all


def kept(page: Page) -> Locator:
    return page.locator("#kept")


def delete_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Delete this photo")


def paths_classified(page: Page) -> list[str]:
    """The paths of uploaded photos as the page names them, in a list that grows."""
    paths: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/classification") and request.method == "POST":
            paths.append(json.loads(request.post_data or "{}")["file_path"])

    page.on("request", note)
    return paths


def status_of(page_url: str, path: str) -> int:
    body = {"method": "classification", "file_path": path}
    return httpx.post(f"{page_url}/classification", json=body, timeout=60).status_code


def test_an_uploaded_photo_is_deleted_each_time_that_it_was_sent(page: Page, page_url: str) -> None:
    upload_all(page)
    paths = paths_classified(page)
    open_page(page, page_url)
    expect(kept(page)).to_have_text("")
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    expect(kept(page)).to_contain_text("keeps this photo while it runs")
    with page.expect_response("**/classification"):
        page.get_by_role("button", name="Send again").click()
    expect_answer(page)
    assert [status_of(page_url, path) for path in paths] == [200, 200]
    delete_button(page).click()
    expect(kept(page)).to_contain_text("has deleted this photo")
    expect(delete_button(page)).to_be_hidden()
    assert [status_of(page_url, path) for path in paths] == [404, 404]
    choose(page, "other.jpg", COFFEE)  # it is not deleted
    expect_answer(page)
    expect(kept(page)).to_contain_text("keeps this photo")


def refused(status: int, code: str) -> Handler:
    return lambda route: route.fulfill(status=status, json={"error": {"code": code}})


@pytest.mark.parametrize(
    ("handler", "why", "what_to_do"),
    [
        (refused(503, "storage_unavailable"), "could not reach its storage", "Try again in"),
        (
            refused(429, "throttled"),
            "more requests right now than it accepts",
            "Wait a few seconds",
        ),
        (refused(403, "wrong_delete_token"), "does not accept that", "to delete uploads/"),
        (lambda route: route.fulfill(status=502, body="<html>"), "not working", "Try again in"),
        (lambda route: route.abort(), "could not be reached", "Check your connection"),
    ],
    ids=["storage", "throttled", "token", "proxy", "connection"],
)
def test_a_deletion_that_fails_says_why_and_what_to_do_and_may_be_tried_again(
    page: Page,
    page_url: str,
    expected_console_errors: list[str],
    handler: Handler,
    why: str,
    what_to_do: str,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    upload_all(page)
    page.route("**/uploads?file_path=*", handler, times=1)
    open_page(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    delete_button(page).click()
    expect(kept(page)).to_contain_text(re.compile(rf"The photo was not deleted\. .*{why}"))
    expect(kept(page)).to_contain_text(what_to_do)
    expect(kept(page)).not_to_contain_text("is kept")
    delete_button(page).click()
    expect(kept(page)).to_contain_text("has deleted this photo")


def test_offline_a_deletion_waits_for_the_connection(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    upload_all(page)
    open_page(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    page.context.set_offline(True)
    delete_button(page).click()
    said = "The photo was not deleted. You are offline. Connect to the internet and try again."
    expect(kept(page)).to_have_text(said)
    page.context.set_offline(False)
    delete_button(page).click()
    expect(kept(page)).to_contain_text("has deleted this photo")


def test_a_photo_in_the_call_is_not_stored_and_the_page_says_so(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    expect(kept(page)).to_contain_text("has not stored this photo")
    expect(delete_button(page)).to_be_hidden()


def test_the_page_names_no_time_where_the_service_names_none(page: Page, page_url: str) -> None:
    without = answer_with(photos_kept=None, max_in_request_bytes=0)
    page.route("**/configuration.json", without)
    open_page(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    expect(kept(page)).to_contain_text("The service has stored this photo.")
