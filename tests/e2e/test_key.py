"""The API key in the page's address: kept for the tab and shown nowhere."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e2e.page_driver import (
    FAILED_REQUEST,
    expect_answer,
    expect_problem,
    open_page,
    press_sample,
)
from tests.e2e.page_stub import intercept, upload_all


def keys_of_calls(page: Page) -> list[str | None]:
    """List the keys of the calls that the page makes from now on."""
    keys: list[str | None] = []

    def note(request: Request) -> None:
        if request.url.endswith(("/uploads", "/classification")):
            keys.append(request.headers.get("x-api-key"))

    page.on("request", note)
    return keys


@pytest.mark.parametrize("width", [390, 1280])
def test_the_key_leaves_the_address_as_soon_as_the_page_is_open(
    page: Page, page_url: str, width: int
) -> None:
    open_page(page, f"{page_url}/#key=a-key", width)
    expect(page).not_to_have_url(re.compile("key"))
    page.reload()
    keys = keys_of_calls(page)
    press_sample(page)
    expect_answer(page)
    assert keys == ["a-key"]


def test_a_link_with_another_key_counts_in_a_page_that_is_open(page: Page, page_url: str) -> None:
    open_page(page, f"{page_url}/#key=an-old-key")
    expect(page).not_to_have_url(re.compile("key"))
    page.evaluate("location.hash = 'key=a-new-key'")
    expect(page).not_to_have_url(re.compile("key"))
    keys = keys_of_calls(page)
    press_sample(page)
    expect_answer(page)
    assert keys == ["a-new-key"]


def test_a_key_in_the_pages_address_is_sent_with_each_call_and_with_no_upload(
    page: Page, page_url: str
) -> None:
    sent: dict[str, str | None] = {}

    def note(request: Request) -> None:
        if request.method == "POST":
            sent[request.url.rpartition("/")[2]] = request.headers.get("x-api-key")

    page.on("request", note)
    upload_all(page)
    open_page(page, f"{page_url}/#key=a-key")
    press_sample(page)
    expect_answer(page)
    assert "a-key" not in page.url
    assert sent.pop("wakeup") == "a-key"
    assert sent.pop("uploads?start") == "a-key"
    assert sent.pop("uploads") == "a-key"
    assert sent.pop("classification") == "a-key"
    assert set(sent.values()) == {None}


def test_a_missing_key_is_explained(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    body = '{"error": {"code": "invalid_api_key", "message": "The header x-api-key is missing."}}'
    intercept(
        page,
        page_url,
        "classification",
        lambda route: route.fulfill(status=403, content_type="application/json", body=body),
        times=1,
    )
    open_page(page, page_url)
    press_sample(page)
    expect_problem(page, "asks for a key", "#key=")
