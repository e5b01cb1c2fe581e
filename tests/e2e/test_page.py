"""The page in a real browser, against the running service."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.conftest import Cloud
from tests.e2e.page_driver import (
    ANSWER_TIMEOUT_MS,
    COFFEE,
    FAILED_REQUEST,
    choose,
    classes,
    details,
    expect_answer,
    expect_problem,
    history,
    open_page,
    press_sample,
    tab_to,
)
from tests.e2e.page_stub import STEPS, PausedRequest, answer_with, intercept, upload_all

# What a person does


@pytest.mark.parametrize("width", [390, 1280])
def test_a_sample_photo_is_classified(page: Page, imagenet_cloud: Cloud, width: int) -> None:
    posts: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            posts.append(request.url.removeprefix(imagenet_cloud.url))

    page.on("request", note)
    stored = stored_photos(imagenet_cloud)
    open_page(page, imagenet_cloud.url, width)
    press_sample(page)
    expect_answer(page)
    assert posts == ["/wakeup", "/classification"]
    assert stored_photos(imagenet_cloud) == stored
    in_browser = page.get_by_role("region", name="In total")
    expect(in_browser).to_contain_text("Prepareskipped")
    expect(in_browser).to_contain_text("Uploadskipped")
    expect(in_browser).to_contain_text("Calls1")
    expect(page.get_by_role("contentinfo")).to_contain_text("in one call and is not stored")
    expect(classes(page).first).to_have_attribute("title", re.compile(r"\(class n07920052\)$"))
    expect(classes(page).first).to_contain_text(re.compile(r"\d+\.\d%"))
    expect(classes(page)).to_have_count(5)
    expect(page.get_by_role("region", name="Result")).to_contain_text("coffee.jpg")
    result = details(page)
    expect(result).to_contain_text(re.compile("was ready|had to start"))
    for figure in ["In total", "In the function"]:
        region = page.get_by_role("region", name=figure)
        expect(region).to_contain_text(re.compile(r"[\d.]+ m?s"))
    for stage in ["Fetch", "Decode", "Inference"]:
        expect(result).to_contain_text(re.compile(rf"{stage}\s*[\d.]+ m?s"))
    expect(result).to_contain_text(re.compile(r"Model\s*\S*[a-z]\S* \d"))


def stored_photos(cloud: Cloud) -> list[str]:
    """List the photos of users in the images bucket."""
    s3 = cloud.client("s3")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "images" in each["Name"]]
    found = s3.list_objects_v2(Bucket=bucket, Prefix="uploads/")
    return [each["Key"] for each in found.get("Contents", [])]


@pytest.mark.parametrize("width", [390, 1280])
def test_everything_is_done_by_keyboard_alone(page: Page, page_url: str, width: int) -> None:
    open_page(page, page_url, width)
    tab_to(page, page.get_by_role("button", name="Choose photos"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": COFFEE})
    expect_answer(page)
    tab_to(page, page.get_by_role("button", name="Cat"))
    page.keyboard.press("Space")
    expect_answer(page, " cat|tabby")
    tab_to(page, page.get_by_role("button", name="Send again"))
    with page.expect_response("**/classification"):
        page.keyboard.press("Enter")
    expect_answer(page, " cat|tabby")
    expect(page.get_by_role("button", name="Send again")).to_be_focused()
    box = page.get_by_label("Shrink before sending")
    tab_to(page, box)
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    tab_to(page, history(page).nth(1).get_by_role("button"))
    page.keyboard.press("Enter")
    expect_answer(page)
    for name, said in {"Send a burst": "were answered", "Warm": "are warm"}.items():
        tab_to(page, page.get_by_role("button", name=name, exact=True))
        page.keyboard.press("Enter")
        expect(page.locator("#fleet-said")).to_contain_text(said, timeout=ANSWER_TIMEOUT_MS)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_cards_come_in_the_order_in_which_they_are_seen(
    page: Page, page_url: str, width: int
) -> None:
    open_page(page, page_url, width)
    press_sample(page)
    expect_answer(page)
    expect(page.get_by_role("list", name="Instances")).to_be_visible()
    headings = page.get_by_role("main").get_by_role("heading", level=2)
    names = headings.all_text_contents()
    assert names == [
        "Photo",
        "Sample photos",
        "Result",
        "Cold against warm",
        "Where the time went",
        "History",
        "The same call in code",
        "Instances on this machine",
    ]
    if width == 390:
        tops = [heading.bounding_box() for heading in headings.all()]
        heights = [box["y"] for box in tops if box]
        assert heights == sorted(heights)


def test_no_heading_stands_under_one_of_its_own_level(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    levels = {
        heading.text_content(): heading.evaluate("element => element.tagName")
        for heading in details(page).get_by_role("heading").all()
    }
    assert levels == {
        "Where the time went": "H2",
        "In total": "H3",
        "In the function": "H3",
    }


# What the answer shows


def test_only_the_classes_in_the_answer_are_shown(page: Page, page_url: str) -> None:
    gone = {f"TOP{rank}_{key}": None for rank in (3, 4, 5) for key in ("ID", "softmax", "label")}
    intercept(page, page_url, "classification", answer_with(**gone))
    open_page(page, page_url)
    expect(page.get_by_role("combobox", name="Model")).to_be_visible()
    below = page.get_by_role("heading", name="Cold against warm")
    top = "element => element.getBoundingClientRect().top + window.scrollY"
    place = below.evaluate(top)
    press_sample(page)
    expect_answer(page)
    expect(classes(page)).to_have_count(2)
    assert below.evaluate(top) == place


@pytest.mark.parametrize(
    ("answer", "badge", "words"),
    [
        (
            {"cold_start": True, "init_ms": 812.3},
            "Cold",
            r"A new instance had to start first \(812 ms\)",
        ),
        ({"cold_start": False, "init_ms": None}, "Warm", r"An instance was ready"),
        ({"cold_start": None, "init_ms": None}, "", "did not say"),
    ],
)
def test_it_says_whether_the_instance_was_cold_or_warm(
    page: Page, page_url: str, answer: dict[str, Any], badge: str, words: str
) -> None:
    intercept(page, page_url, "classification", answer_with(**answer))
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    expect(page.locator("#badge")).to_have_text(badge)
    expect(details(page)).to_contain_text(re.compile(words))


def test_labels_are_text_and_never_markup(page: Page, page_url: str) -> None:
    label = "<img src=x onerror=alert(1)>"
    intercept(page, page_url, "classification", answer_with(TOP1_label=label))
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page, re.escape(label))


def test_a_result_stays_until_the_next_one_comes(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    paused = PausedRequest(page, page_url, "classification")
    press_sample(page, "Cat")
    first = paused.wait()
    expect(page.get_by_role("status")).to_have_text("Sending…")
    expect(classes(page).first).to_contain_text(re.compile("espresso", re.IGNORECASE))
    expect(page.get_by_role("region", name="Result")).to_contain_text("Previous: coffee.jpg")
    first.continue_()
    expect_answer(page, " cat|tabby")
    expect(page.get_by_role("region", name="Result")).not_to_contain_text("Previous")


@pytest.mark.parametrize("step", STEPS[:3])
def test_a_second_photo_cancels_the_first(page: Page, page_url: str, step: str) -> None:
    paused = PausedRequest(page, page_url, step)
    open_page(page, page_url)
    cancelled: list[Request] = []
    page.on("requestfailed", lambda request: cancelled.append(request))
    press_sample(page, "Cat")
    first = paused.wait()
    press_sample(page, "Coffee")
    expect_answer(page)
    assert [request.url for request in cancelled] == [first.request.url]
    expect(classes(page).first).to_contain_text(re.compile("espresso", re.IGNORECASE))
    expect(page.get_by_role("region", name="Result")).to_contain_text("coffee.jpg")


# What always holds


def test_no_other_origin_is_ever_asked(page: Page, page_url: str) -> None:
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    upload_all(page)
    open_page(page, page_url)
    with page.expect_response("**/uploads") as uploads:
        press_sample(page)
    expect_answer(page)
    expect(page.get_by_role("region", name="In total")).to_contain_text("Calls3")
    expect(page.get_by_role("contentinfo")).to_contain_text("straight to S3")
    allowed = (page_url, uploads.value.json()["url"], "blob:", "data:")
    assert [url for url in urls if not url.startswith(allowed)] == []


def test_the_page_is_served_with_a_strict_content_security_policy(
    page: Page, page_url: str
) -> None:
    response = page.goto(page_url)
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "data:" not in policy
    # What breaks it is an error on the console, which fails the test of every flow.
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    first_bar = classes(page).first.locator(".fill")
    assert first_bar.evaluate("element => element.getBoundingClientRect().width") > 1


WIDTHS = (320, 360, 390, 800, 1280)
CUT_CELLS = """() => [...document.querySelectorAll("#history td")]
  .filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"""


def test_nothing_scrolls_sideways_and_no_figure_of_the_history_is_cut(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)

    def overflows() -> list[int]:
        found = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            measure = "document.documentElement.scrollWidth - window.innerWidth"
            found += [width] if page.evaluate(measure) > 0 else []
            assert page.evaluate(CUT_CELLS) == []
        return found

    long_name = "a_very_long_file_name_without_any_space_" * 3 + ".jpg"
    open_page(page, page_url)
    assert overflows() == []
    choose(page, long_name, COFFEE)
    expect_answer(page)
    assert overflows() == []
    choose(page, long_name, b"\xff\xd8\xff no photo")
    expect_problem(page, "damaged")
    page.get_by_text("For the person who runs it").click()
    assert overflows() == []


@pytest.mark.parametrize(("width", "height"), [(390, 844), (360, 640)])
def test_on_a_phone_the_answer_is_in_view_without_scrolling(
    browser: Browser, page_url: str, cloud: Cloud, width: int, height: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=True,
        is_mobile=True,
        service_workers="block",
    )
    page = context.new_page()

    def expect_in_view(*elements: str) -> None:
        for each in elements:
            box = page.locator(each).bounding_box()
            assert box is not None
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= height, each
        assert page.evaluate("scrollY") == 0

    page.goto(page_url)
    expect(page.get_by_role("button", name="Coffee")).to_be_visible()
    expect_in_view("#h-photo", "#choose", "#samples")
    press_sample(page)
    expect_answer(page)
    expect_in_view("#photo", "#answer")
    page.locator("footer").scroll_into_view_if_needed()
    choose(page, "mine.jpg", COFFEE)
    expect(page.get_by_role("region", name="Result")).to_contain_text("mine.jpg")
    expect_answer(page)
    expect_in_view("#photo", "#answer")
    # The longest answer: the model is not sure.
    page.goto(cloud.url)
    choose(page, "mine.jpg", COFFEE)
    expect(page.get_by_role("region", name="Result")).to_contain_text("Not sure")
    expect_in_view("#photo", "#answer")
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_moves_when_the_result_comes(page: Page, page_url: str, width: int) -> None:
    shown = "section, h2, h3, h4, button:not(#again, #why), ol, dl"
    boxes = f"""() => [...document.querySelectorAll("{shown}")]
        .filter((element) => !element.closest("#history, #offers"))
        .map((element) => {{
          const {{ left, top }} = element.getBoundingClientRect();
          return [element.tagName, left, top];
        }})"""
    open_page(page, page_url, width)
    # The samples come a moment after the page, once it knows which model is served.
    expect(page.get_by_role("button", name="Coffee")).to_be_visible()
    expect(page.get_by_role("combobox", name="Model")).to_be_visible()
    expect(page.get_by_role("list", name="Instances")).to_be_visible()
    before = page.evaluate(boxes)
    choose(page, "mine.jpg", COFFEE)
    expect_answer(page)
    moved = [pair for pair in zip(before, page.evaluate(boxes), strict=True) if pair[0] != pair[1]]
    assert moved == []


def test_nothing_is_animated_for_those_who_ask_for_less_motion(page: Page, page_url: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_page(page, page_url)
    paused = PausedRequest(page, page_url, "classification")
    press_sample(page)
    first = paused.wait()
    assert page.evaluate("document.getAnimations().length") == 0
    first.continue_()
    expect_answer(page)
    assert page.evaluate("document.getAnimations().length") == 0


def test_the_page_is_understood_without_seeing_it(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    assert page.title() == "Warmlens"
    tree = page.locator("body").aria_snapshot()
    for part in [
        'heading "Warmlens" [level=1]',
        'heading "Photo" [level=2]',
        'heading "Result" [level=2]',
        'heading "Sample photos" [level=2]',
        'img "Your photo: coffee.jpg"',
        'list "Most likely classes"',
        "main",
        "banner",
    ]:
        assert part in tree, json.dumps(tree)
