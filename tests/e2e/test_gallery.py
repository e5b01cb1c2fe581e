"""The sample photos that the page offers for the model that is served."""

import re

import pytest
from playwright.sync_api import Page, expect

from lab.products.samples import SAMPLES
from tests.conftest import SAMPLE_LABEL, Cloud
from tests.e2e.page_driver import details, expect_answer, open_page, press_sample


def test_the_default_model_comes_with_photos_of_its_products(page: Page, cloud: Cloud) -> None:
    open_page(page, cloud.url)
    samples = page.get_by_role("region", name="Sample photos").get_by_role("button")
    expect(samples).to_have_count(len(SAMPLES))
    names = [each.get_attribute("title") for each in samples.all()]
    assert names == [sample.caption for sample in SAMPLES]
    press_sample(page, "Mango can")
    expect_answer(page, re.escape(SAMPLE_LABEL))
    expect(details(page)).to_contain_text("products-resnet50")


@pytest.mark.parametrize("width", [320, 1280])
def test_every_sample_photo_is_seen_whole_on_a_phone_and_on_a_desk(
    page: Page, cloud: Cloud, width: int
) -> None:
    open_page(page, cloud.url, width)
    for picture in page.get_by_role("region", name="Sample photos").locator("img").all():
        picture.scroll_into_view_if_needed()
        loaded = "image => image.complete && image.naturalWidth > 0"
        page.wait_for_function(loaded, arg=picture.element_handle())
        box = picture.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_a_model_without_sample_photos_gets_none_and_the_page_works(
    page: Page, page_url: str
) -> None:
    answer = {"model_name": "mine", "model_version": "1.0.0"}
    page.route("**/configuration.json", lambda route: route.fulfill(json=answer))
    open_page(page, page_url)
    expect(page.get_by_role("status")).to_contain_text("Choose a photo")
    expect(page.get_by_role("region", name="Sample photos")).to_have_count(0)
    expect(page.get_by_role("button", name="Choose photos")).to_be_visible()


@pytest.mark.parametrize("path", ["configuration.json", "samples/galleries.json"])
def test_the_page_works_when_it_cannot_learn_the_samples(
    page: Page, page_url: str, path: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append("Failed to load resource")
    page.route(f"**/{path}", lambda route: route.fulfill(status=500, body="no"))
    open_page(page, page_url)
    expect(page.get_by_role("region", name="Sample photos")).to_have_count(0)
    expect(page.get_by_role("button", name="Choose photos")).to_be_enabled()
