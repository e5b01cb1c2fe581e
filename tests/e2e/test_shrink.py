"""The option that makes a photo smaller before it is uploaded."""

import io
import re

import numpy
import pytest
from PIL import Image
from playwright.sync_api import Page, Request, expect

from stacks.settings import MAX_IN_REQUEST_BYTES
from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    choose,
    expect_answer,
    expect_problem,
    open_page,
)


def large_photo() -> bytes:
    """The coffee at 2,400 pixels with a sensor's noise, as a phone would save it."""
    photo = Image.open(io.BytesIO(COFFEE)).resize((2400, 1600))
    noise = numpy.random.default_rng(1).normal(0, 8, (1600, 2400, 3))
    pixels = numpy.clip(numpy.asarray(photo) + noise, 0, 255).astype(numpy.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_large_photo_is_uploaded_and_a_small_copy_of_it_goes_in_one_call(
    page: Page, page_url: str, width: int
) -> None:
    calls: list[Request] = []
    page.on("request", lambda each: calls.append(each) if each.method == "POST" else None)
    open_page(page, page_url, width)
    data = large_photo()
    data += bytes(MAX_IN_REQUEST_BYTES + 1 - len(data))  # not read: what follows the picture's end
    choose(page, "large.jpg", data)
    expect_answer(page)
    _, upload, _, by_path = calls
    assert upload.url.endswith("/uploads")
    assert by_path.url.endswith("/classification")
    calls.clear()
    page.get_by_label("Shrink before sending").check()
    page.get_by_role("button", name="Send again").click()
    expect_answer(page)
    (in_call,) = calls
    assert in_call.headers["content-type"] == "image/jpeg"
    whole = (upload.post_data_json or {})["bytes"]
    small = int(in_call.all_headers()["content-length"])
    assert whole == len(data)
    assert small < whole / 5
    expect(page.locator("#photo-name")).to_contain_text(re.compile(r"MB · sent as \d+ kB"))


def test_a_photo_that_would_not_get_smaller_is_sent_as_it_is(page: Page, page_url: str) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(COFFEE)).save(buffer, "JPEG", quality=20)
    open_page(page, page_url)
    page.get_by_label("Shrink before sending").check()
    choose(page, "small.jpg", buffer.getvalue())
    expect(page.get_by_role("status")).to_contain_text("Done")
    expect(page.locator("#photo-name")).not_to_contain_text("sent as")


@pytest.mark.parametrize("kind", ["AVIF", "BMP"])
def test_a_picture_of_another_type_is_converted_where_the_browser_reads_it(
    page: Page, page_url: str, kind: str
) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(COFFEE)).convert("RGB").save(buffer, kind)
    open_page(page, page_url)
    choose(page, f"coffee.{kind.lower()}", buffer.getvalue(), f"image/{kind.lower()}")
    expect_answer(page)
    expect(page.locator("#photo-name")).to_contain_text("converted to JPEG")
    expect(page.get_by_role("alert")).to_be_empty()


def test_the_choice_is_kept_for_the_next_visit(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    box = page.get_by_label("Shrink before sending")
    expect(box).not_to_be_checked()
    box.check()
    page.reload()
    expect(box).to_be_checked()


def test_a_file_that_the_browser_cannot_read_is_left_to_the_service(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url)
    page.get_by_label("Shrink before sending").check()
    choose(page, "half.jpg", b"\xff\xd8\xff no photo")
    expect_problem(page, "cannot be read|not a photo")
