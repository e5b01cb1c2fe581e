"""Files that are no photos, chosen together with photos."""

import re

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    expect_answer,
    expect_problem,
    history,
    open_page,
)
from tests.e2e.page_stub import PausedRequest, intercept
from tests.e2e.test_inputs import PASTE_NOTHING

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


OTHERS: list[FilePayload] = [
    HEIC,
    {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"notes"},
    {"name": "empty.jpg", "mimeType": "image/jpeg", "buffer": b""},
    {"name": "y.heic", "mimeType": "image/heic", "buffer": HEIC["buffer"]},
    {"name": "z.avif", "mimeType": "image/avif", "buffer": b"\0\0\0\x18ftypavif"},
]


def test_every_refused_file_is_reported_with_its_own_reason(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    page.get_by_label("Photo file").set_input_files([*OTHERS, PHOTO])
    expect_answer(page)
    alert = page.get_by_role("alert")
    for said in [
        "“x.heic” is a HEIC photo",
        "“y.heic” is a HEIC photo",
        "“notes.txt” is not a photo",
        "“empty.jpg” is empty",
        "“z.avif” is an AVIF picture",
    ]:
        expect(alert).to_contain_text(said)
    expect(history(page)).to_have_count(1)  # the photo alone
    # What to do is said once for each kind.
    assert alert.inner_text().count("On an iPhone") == 1
    assert alert.inner_text().count("Choose a JPEG, PNG, WebP or GIF photo.") == 1


def test_a_report_goes_when_there_is_a_newer_one(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url)
    alert = page.get_by_role("alert")
    page.get_by_label("Photo file").set_input_files(HEIC)
    expect_problem(page, "x.heic.*is a HEIC photo")
    intercept(page, page_url, "classification", unavailable, times=2)
    page.get_by_label("Photo file").set_input_files(PHOTO)
    expect_problem(page, "not working right now")
    expect(alert).not_to_contain_text("HEIC")
    # A refusal after a failure, and a failure after a refusal.
    page.get_by_label("Photo file").set_input_files(HEIC)
    expect_problem(page, "x.heic.*is a HEIC photo")
    expect(alert).not_to_contain_text("not working")
    page.get_by_role("button", name="Try again").click()
    expect_problem(page, "not working right now")
    expect(alert).not_to_contain_text("HEIC")
    page.evaluate(PASTE_NOTHING)
    expect_problem(page, "clipboard has no photo")
    expect(alert).not_to_contain_text("not working")
    page.get_by_role("button", name="Try again").click()
    expect_answer(page)
    expect(alert).to_be_empty()
    page.get_by_label("Photo file").set_input_files(HEIC)
    expect_problem(page, "x.heic.*is a HEIC photo")
    history(page).first.click()
    expect(alert).to_be_empty()
