"""Layout of the history's strip, and presses on its entries."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.chromium import launch_with_scrollbars
from tests.e2e.page_driver import SAMPLES, choose, expect_answer, history, open_page, press_sample
from tests.e2e.page_stub import PausedRequest

FLOWER = (SAMPLES / "flower.jpg").read_bytes()
BOXES = """element => {
  const strip = element.closest("ul");
  const { top, bottom } = element.getBoundingClientRect();
  const visible = strip.getBoundingClientRect().top + strip.clientTop;
  return {
    above: visible - top,
    below: bottom - (visible + strip.clientHeight),
    scrolls: strip.scrollHeight > strip.clientHeight,
  };
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_entries_are_seen_whole_above_the_scrollbar(
    browser: Browser, page_url: str, width: int
) -> None:
    with_scrollbars = launch_with_scrollbars(browser)
    page = with_scrollbars.new_page()
    open_page(page, page_url, width)
    for number in range(6):
        choose(page, f"flower{number}.jpg", FLOWER)
        expect(history(page)).to_have_count(number + 1)
    expect_answer(page, "daisy")
    strip = history(page).first.evaluate_handle("element => element.closest('ul')")
    assert strip.evaluate("element => element.scrollWidth > element.clientWidth")
    assert strip.evaluate("element => element.offsetHeight > element.clientHeight"), "no scrollbar"
    boxes = history(page).first.evaluate(BOXES)
    assert boxes["above"] <= 0
    assert boxes["below"] <= 0
    assert not boxes["scrolls"]
    with_scrollbars.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_percentage_and_cold_or_warm_of_an_entry_are_never_cut(
    page: Page, page_url: str, width: int
) -> None:
    open_page(page, page_url, width)
    choose(page, "a_very_long_file_name_without_any_space.jpg", FLOWER)
    expect_answer(page, "daisy")
    entry = history(page).first
    figures = entry.get_by_text(re.compile(r"^[\d.]+% · (warm|cold)$"))
    expect(figures).to_be_visible()
    assert figures.evaluate("element => element.scrollWidth <= element.clientWidth")
    expect(entry).to_have_attribute(
        "title",
        re.compile(r"^a_very_long.*\.jpg: daisy, [\d.]+% · (warm|cold)$", re.IGNORECASE),
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
        "canvas => Math.max(canvas.width, canvas.height) === 192", arg=picture.element_handle()
    )
    colours = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 99, 99).data).size"
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
