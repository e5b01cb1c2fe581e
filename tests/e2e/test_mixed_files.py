"""Files that are no photos, chosen together with photos."""

import re

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.e2e.page_driver import COFFEE, FAILED_REQUEST, expect_answer, expect_problem, open_page
from tests.e2e.page_stub import PausedRequest, intercept

PHOTO: FilePayload = {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": COFFEE}
HEIC: FilePayload = {"name": "x.heic", "mimeType": "image/heic", "buffer": b"\0\0\0\x18ftypheic"}


def unavailable(route: Route) -> None:
    route.fulfill(status=502, json={})


@pytest.mark.parametrize("width", [390, 1280])
def test_a_failed_photo_and_a_refused_file_are_both_reported(
    page: Page, page_url: str, expected_console_errors: list[str], width: int
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    intercept(page, page_url, "classification", unavailable, times=1)
    open_page(page, page_url, width)
    page.get_by_label("Photo file").set_input_files([PHOTO, HEIC])
    expect_problem(page, "not working right now")
    expect_problem(page, "x.heic.*is a HEIC photo")
    expect(page.get_by_role("status")).to_contain_text("Not classified")
    page.get_by_role("button", name="Try again").click()
    expect_answer(page)
    expect(page.get_by_role("alert")).not_to_contain_text("not working")


def test_a_refused_file_is_reported_before_the_photos_are_sent(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    paused = PausedRequest(page, page_url, "classification")
    page.get_by_label("Photo file").set_input_files([PHOTO, HEIC])
    first = paused.wait()
    expect_problem(page, "x.heic.*is a HEIC photo")
    expect(page.get_by_role("status")).to_have_text(re.compile("Sending"))
    first.continue_()
    expect_answer(page)
    expect_problem(page, "x.heic.*is a HEIC photo")


def test_a_report_of_refused_files_goes_when_others_are_chosen(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    page.get_by_label("Photo file").set_input_files(HEIC)
    expect_problem(page, "x.heic.*is a HEIC photo")
    page.get_by_label("Photo file").set_input_files(PHOTO)
    expect_answer(page)
    expect(page.get_by_role("alert")).to_be_empty()
    page.get_by_label("Photo file").set_input_files(HEIC)
    expect_problem(page, "x.heic.*is a HEIC photo")
    page.get_by_role("region", name="History").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_empty()
