"""Sending a photo again that has its answer, and what the history shows meanwhile."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    choose,
    expect_answer,
    expect_problem,
    history,
    open_page,
    press_sample,
)
from tests.e2e.page_stub import PausedRequest, intercept, upload_all


def too_busy(route: Route) -> None:
    route.fulfill(status=429, json={"error": {"code": "throttled"}})


def open_with_an_answer(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)


def test_a_second_try_that_fails_leaves_the_answer_of_the_first(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_with_an_answer(page, page_url)
    intercept(page, page_url, "classification", too_busy, times=1)
    page.get_by_role("button", name="Send again").click()
    expect_problem(page, "more requests right now")
    expect(page.get_by_role("status")).to_contain_text("the earlier answer is kept")
    expect(history(page)).to_contain_text([re.compile("mine.jpgEspresso", re.IGNORECASE)])
    history(page).click()
    expect_answer(page)
    expect(page.get_by_role("alert")).to_be_empty()


def test_a_second_try_that_is_cut_short_leaves_the_answer_of_the_first(
    page: Page, page_url: str
) -> None:
    open_with_an_answer(page, page_url)
    paused = PausedRequest(page, page_url, "classification")
    page.get_by_role("button", name="Send again").click()
    paused.wait()
    expect(history(page)).to_contain_text(["Sending"])
    press_sample(page, "Cat")
    expect_answer(page, " cat|tabby")
    expect(history(page).nth(1)).to_contain_text(re.compile("mine.jpgEspresso", re.IGNORECASE))


def test_a_photo_that_failed_is_sent_when_it_is_pressed(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    intercept(page, page_url, "classification", too_busy, times=1)
    open_page(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    expect_problem(page, "more requests right now")
    expect(history(page)).to_contain_text(["Not classified"])
    history(page).click()
    expect_answer(page)


@pytest.mark.parametrize("is_uploaded", [False, True])
def test_a_photo_whose_file_is_gone_is_to_be_chosen_again(
    page: Page,
    page_url: str,
    expected_console_errors: list[str],
    tmp_path: Path,
    is_uploaded: bool,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    if is_uploaded:
        upload_all(page)
    photo = tmp_path / "mine.jpg"
    photo.write_bytes(COFFEE)
    open_page(page, page_url)
    page.get_by_label("Photo file").set_input_files(photo)
    expect_answer(page)
    photo.unlink()
    page.get_by_role("button", name="Send again").click()
    expect_problem(page, "cannot read “mine.jpg”", "Choose the photo again")
