"""The history of the photos that were sent."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

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
from tests.e2e.page_stub import PausedRequest, answer_with, intercept

CAT = (SAMPLES / "cat.jpg").read_bytes()
HALF = COFFEE[: len(COFFEE) // 2]
FLOWER = (SAMPLES / "flower.jpg").read_bytes()


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
        [re.compile(r"three.jpgEspresso.*(warm|cold)\d", re.I), "two.jpg", "one.jpg"],
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
    earlier = history(page).nth(1).get_by_role("button")
    tab_to(page, earlier)
    page.keyboard.press("Enter")
    expect_answer(page, "espresso")
    expect(page.get_by_role("img", name="Your photo: mine.jpg")).to_be_visible()
    expect(page.get_by_role("region", name="Result")).to_contain_text("mine.jpg")
    expect(earlier).to_be_focused()
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
        [re.compile("good.jpgEspresso", re.I), "bad.jpgNot classified. The photo cannot be read"],
        timeout=ANSWER_TIMEOUT_MS,
    )


def test_a_press_counts_although_an_answer_arrives_meanwhile(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    press_sample(page, "Cat")
    expect_answer(page, " cat|tabby")
    paused = PausedRequest(page, page_url, "classification")
    press_sample(page, "Coffee")
    first = paused.wait()
    history(page).nth(1).hover()
    page.mouse.down()
    first.continue_()
    expect_answer(page)
    page.mouse.up()
    expect_answer(page, " cat|tabby")
    expect(page.get_by_role("img", name="Your photo: cat.jpg")).to_be_visible()


def test_the_history_keeps_small_pictures(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    choose(page, "flower.jpg", FLOWER)
    expect_answer(page, "daisy")
    picture = history(page).locator("canvas")
    page.wait_for_function(
        "canvas => Math.max(canvas.width, canvas.height) === 96", arg=picture.element_handle()
    )
    colours = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 60, 60).data).size"
    assert picture.evaluate(colours) > 20
    expect(history(page).locator("img")).to_have_count(0)


def test_a_file_that_is_no_picture_has_an_entry_without_one(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append("Failed to load resource")
    open_page(page, page_url)
    choose(page, "half.jpg", b"\xff\xd8\xff no photo")
    expect(history(page)).to_contain_text(["Not classified"])
    expect(history(page).locator("canvas")).to_have_css("visibility", "hidden")


def test_the_history_is_saved_as_a_table_that_runs_no_formula(
    page: Page, page_url: str, tmp_path: Path, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url)
    expect(page.get_by_role("button", name="Save as CSV")).to_be_disabled()
    evil = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", " =1", '"=1', "\uff1d1"]
    labels = iter(["=HYPERLINK(1)", *["espresso, black"] * 8])

    def relabel(route: Route) -> None:
        answer_with(TOP1_label=next(labels))(route)

    intercept(page, page_url, "classification", relabel, times=9)
    chosen = [*evil, 'say "cup", élan', "half"]
    photos: list[FilePayload] = [
        {"name": name, "mimeType": "image/jpeg", "buffer": HALF if name == "half" else COFFEE}
        for name in chosen
    ]
    page.get_by_label("Photo file").set_input_files(photos)
    expect_problem(page, "cannot be read")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    assert download.value.suggested_filename == "warmlens.csv"
    text = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    *rows, last = reversed(list(csv.DictReader(io.StringIO(text))))
    assert [row["file"] for row in rows] == [*(f"'{name}" for name in evil), chosen[-2]]
    assert [row["label"] for row in rows] == ["'=HYPERLINK(1)", *["espresso, black"] * 8]
    for row in rows:
        assert float(row["softmax"]) > 0.5
        assert float(row["total_ms"]) >= float(row["function_ms"]) > 0
        assert (row["recognized"], row["model"]) == ("true", "imagenet-efficientnet-lite0")
        assert row["cold_start"] in ("true", "false")
    assert (last["file"], last["softmax"]) == ("half", "")
    assert last["state"].startswith("Not classified. The photo cannot be read")


def test_the_history_keeps_the_newest_200_photos_and_says_so(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url)
    paused = PausedRequest(page, page_url, "classification")
    page.get_by_label("Photo file").set_input_files(
        files(**{f"p{number}": COFFEE[:30] for number in range(202)})
    )
    first = paused.wait()
    expect(history(page)).to_have_count(200)
    expect(page.get_by_role("region", name="History")).to_contain_text("newest 200 photos")
    expect(history(page).first).to_contain_text("p201.jpg")
    first.continue_()
    # Those that fell off the list were sent, too, before the oldest that is left.
    expect(history(page).last).to_contain_text("p2.jpgNot classified")
