"""The history of the photos that were sent."""

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.page_driver import (
    ANSWER_TIMEOUT_MS,
    COFFEE,
    FAILED_REQUEST,
    SAMPLES,
    choose,
    expect_answer,
    expect_problem,
    history,
    open_page,
    press_sample,
    tab_to,
)
from tests.e2e.page_stub import PausedRequest

CAT = (SAMPLES / "cat.jpg").read_bytes()


def files(**photos: bytes) -> list[FilePayload]:
    return [
        {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": data}
        for name, data in photos.items()
    ]


@pytest.mark.parametrize("width", [390, 1280])
def test_photos_that_are_chosen_together_are_classified_one_after_the_other(
    page: Page, page_url: str, width: int
) -> None:
    open_page(page, page_url, width)
    page.get_by_label("Photo file").set_input_files(files(one=COFFEE, two=CAT, three=COFFEE))
    expect(history(page)).to_have_count(3)
    expect(history(page)).to_contain_text(
        [re.compile("three.jpgEspresso.*(warm|cold)", re.I), "two.jpg", "one.jpg"],
        timeout=3 * ANSWER_TIMEOUT_MS,
    )
    expect(history(page).nth(2)).to_contain_text(re.compile("one.jpgEspresso", re.I))
    expect(history(page).first).to_have_attribute("aria-current", "true")
    expect_answer(page)


def test_an_earlier_answer_is_shown_again_without_sending_the_photo(
    page: Page, page_url: str
) -> None:
    open_page(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    press_sample(page, "Cat")
    expect_answer(page, " cat|tabby")
    sent: list[str] = []
    page.on(
        "request", lambda request: sent.append(request.url) if request.method == "POST" else None
    )
    tab_to(page, history(page).nth(1))
    page.keyboard.press("Enter")
    expect_answer(page, "espresso")
    expect(page.get_by_role("img", name="Your photo: mine.jpg")).to_be_visible()
    expect(page.get_by_role("region", name="Result")).to_contain_text("mine.jpg")
    expect(history(page).nth(1)).to_be_focused()
    assert sent == []


def test_a_photo_that_was_not_sent_waits_and_is_sent_when_it_is_pressed(
    page: Page, page_url: str
) -> None:
    open_page(page, page_url)
    paused = PausedRequest(page, page_url, "classification")
    page.get_by_label("Photo file").set_input_files(files(one=COFFEE, two=CAT))
    paused.wait()
    press_sample(page)
    expect_answer(page)
    expect(history(page)).to_contain_text(["coffee.jpg", "two.jpgNot sent", "one.jpgNot sent"])
    history(page).nth(1).click()
    expect_answer(page, " cat|tabby")
    expect(history(page)).to_have_count(3)


def test_files_that_are_no_photos_are_named_beside_the_others(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    notes: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"notes"}
    more: FilePayload = {"name": "more.txt", "mimeType": "text/plain", "buffer": b"more"}
    page.get_by_label("Photo file").set_input_files([notes, *files(mine=COFFEE), more])
    expect_answer(page)
    expect_problem(page, "notes.txt.*not a photo.*1 more")
    expect(history(page)).to_have_count(1)


def test_one_photo_that_fails_does_not_stop_the_others(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url)
    page.get_by_label("Photo file").set_input_files(
        files(bad=b"\xff\xd8\xff no photo", good=COFFEE)
    )
    expect_answer(page)
    expect(history(page)).to_contain_text(
        [re.compile("good.jpgEspresso", re.I), "bad.jpgNot classified"],
        timeout=ANSWER_TIMEOUT_MS,
    )


def test_the_history_is_cut_at_24_photos_and_keeps_the_newest(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    page.get_by_label("Photo file").set_input_files(
        files(**{f"p{number}": COFFEE for number in range(26)})
    )
    of_all_ms = 6 * ANSWER_TIMEOUT_MS
    expect(page.get_by_role("status")).to_contain_text("Done", timeout=of_all_ms)
    expect(history(page)).to_have_count(24)
    newest = re.compile("p25.jpgEspresso", re.I)
    expect(history(page).first).to_contain_text(newest, timeout=of_all_ms)
