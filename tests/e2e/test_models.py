"""What the page says about the model: when it is not sure, what it knows, which others exist."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import SAMPLE_LABEL, Cloud
from tests.e2e.page_driver import (
    ANSWER_TIMEOUT_MS,
    FAILED_REQUEST,
    SAMPLES,
    choose,
    classes,
    details,
    expect_answer,
    history,
    open_page,
    press_sample,
    tab_to,
)
from tests.e2e.test_accessibility import issues

CAT = (SAMPLES / "cat.jpg").read_bytes()
PRODUCTS, THINGS = "products-resnet50", "imagenet-efficientnet-lite0"


def published(cloud: Cloud, name: str) -> dict[str, Any]:
    (model,) = [each for each in cloud.get("_local/models").json() if each["name"] == name]
    return dict(model)


def words_for(cloud: Cloud, name: str) -> str:
    """Return a model's name on the switch, such as `30 demo products`."""
    model = published(cloud, name)
    return f"{model['class_count']:,} {model['title'] or 'classes of ' + name}"


def serve(cloud: Cloud, name: str) -> None:
    """Serve a model as somebody else does, not from the page under test."""
    model = published(cloud, name)
    if not model["served"]:
        wanted = {"name": name, "version": model["version"]}
        assert cloud.post("_local/serve", wanted).status_code == 200


@pytest.fixture
def products(cloud: Cloud) -> Iterator[Cloud]:
    """A cloud that serves the products, before the test and after it."""
    serve(cloud, PRODUCTS)
    yield cloud
    serve(cloud, PRODUCTS)


def result(page: Page) -> Locator:
    return page.get_by_role("region", name="Result")


def closest(page: Page) -> Locator:
    return page.get_by_role("list", name="Closest classes").get_by_role("listitem")


def switch(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Model")


def expect_chosen(page: Page, words: str) -> None:
    expect(switch(page).locator("option:checked")).to_have_text(words)


def models_said(page: Page) -> Locator:
    return page.locator("#models-said")


def expect_unsure(page: Page, cloud: Cloud, name: str) -> None:
    model = published(cloud, name)
    known = f"{model['class_count']:,} {model['title'] or 'classes'}"
    said = f"Not sure: probably none of the {known} that this model knows."
    expect(result(page)).to_contain_text(said, timeout=ANSWER_TIMEOUT_MS)


def test_a_cat_is_none_of_the_products_and_the_other_model_knows_it(
    page: Page, products: Cloud
) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_page(page, products.url, width=390)
    press_sample(page, "Mango can")
    expect_answer(page, re.escape(SAMPLE_LABEL))
    sure_size = font_size(classes(page).first)
    expect(result(page)).not_to_contain_text("Not sure")

    choose(page, "mine.jpg", CAT)
    expect(page.get_by_role("status")).to_contain_text("Done: not sure")
    expect_unsure(page, products, PRODUCTS)
    expect(closest(page)).to_have_count(5)
    assert font_size(closest(page).first) < sure_size
    assert top_of(page.get_by_text("Not sure: probably")) < top_of(closest(page).first)
    expect(history(page).first).to_contain_text("mine.jpgNot sure; closest: ")

    # What it knows, on request.
    page.get_by_text("What this model knows").click()
    known = page.get_by_role("list", name="Classes", exact=True).get_by_role("listitem")
    expect(known).to_have_count(30)
    page.get_by_role("searchbox", name="Search").fill("MANGO")
    expect(result(page)).to_contain_text(re.compile(r"\d of 30 "))
    assert all("Mango" in label for label in known.all_inner_texts())
    assert issues(page) == []

    # The history keeps both.
    history(page).nth(1).click()
    expect_answer(page, re.escape(SAMPLE_LABEL))
    expect(result(page)).not_to_contain_text("Not sure")
    history(page).first.click()
    expect_unsure(page, products, PRODUCTS)

    # Another model is asked for the photo that is shown.
    switch(page).select_option(words_for(products, THINGS))
    expect_answer(page, " cat|tabby")
    expect(details(page)).to_contain_text(THINGS)
    expect_chosen(page, words_for(products, THINGS))
    expect(page.get_by_role("button", name="Coffee", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_classes_that_could_not_be_read_are_read_when_the_list_is_opened_again(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    page.route("**/model", lambda route: route.abort(), times=1)
    summary = page.get_by_text("What this model knows")
    summary.click()
    expect(result(page)).to_contain_text(
        "The classes could not be read. The service could not be reached. Check your connection"
    )
    summary.click()
    summary.click()
    known = page.get_by_role("list", name="Classes", exact=True).get_by_role("listitem")
    expect(known).to_have_count(1000)


def test_the_switch_works_by_keyboard_and_shows_what_others_have_served(
    page: Page, products: Cloud, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, products.url)
    expect(page.get_by_role("button", name="Mango can")).to_be_visible()
    expect_chosen(page, words_for(products, PRODUCTS))
    serve(products, THINGS)
    press_sample(page, "Mango can")
    expect(page.get_by_role("status")).to_contain_text("Done", timeout=ANSWER_TIMEOUT_MS)
    expect_chosen(page, words_for(products, THINGS))
    expect(page.get_by_role("button", name="Coffee", exact=True)).to_be_visible()

    tab_to(page, switch(page))
    # The model is changed even where nobody describes it, as when all instances are busy.
    page.route("**/model", lambda route: route.abort(), times=1)
    page.keyboard.press("Home")
    expect(models_said(page)).to_contain_text("Now serving 30 ", timeout=ANSWER_TIMEOUT_MS)
    expect_chosen(page, words_for(products, PRODUCTS))
    expect(switch(page)).to_be_focused()
    expect_answer(page, re.escape(SAMPLE_LABEL))
    expect(details(page)).to_contain_text(PRODUCTS)


@pytest.fixture
def damaged(products: Cloud) -> Iterator[str]:
    """A published model that no engine loads: its graph is empty, and its manifest says so."""
    s3 = products.client("s3")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "models" in each["Name"]]
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"{THINGS}/")["Contents"]
    bodies = {
        each["Key"].replace(THINGS, "damaged"): s3.get_object(Bucket=bucket, Key=each["Key"])[
            "Body"
        ].read()
        for each in found
    }
    (graph,) = [key for key in bodies if key.endswith(".onnx")]
    (manifest,) = [key for key in bodies if key.endswith("manifest.json")]
    intact = hashlib.sha256(bodies[graph]).hexdigest()
    bodies[graph] = bytes(len(bodies[graph]))
    facts = {**json.loads(bodies[manifest]), "name": "damaged", "title": "damaged things"}
    damage = hashlib.sha256(bodies[graph]).hexdigest()
    bodies[manifest] = json.dumps(facts).replace(intact, damage).encode()
    for key, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    yield "1,000 damaged things"
    for key in bodies:
        s3.delete_object(Bucket=bucket, Key=key)


def test_a_model_that_does_not_load_is_reported_and_the_one_before_still_answers(
    page: Page, products: Cloud, damaged: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, products.url)
    expect(switch(page)).to_contain_text(damaged)
    switch(page).select_option(damaged)
    group = models_said(page)
    expect(group).to_contain_text(f"Changing to {damaged}")
    said = re.compile(rf"Not changed to {damaged}\. damaged [\d.]+ does not load and is not served")
    expect(group).to_contain_text(said, timeout=ANSWER_TIMEOUT_MS)
    expect(group).to_contain_text(
        "The model served before is still served; publish this version again"
    )
    expect_chosen(page, words_for(products, PRODUCTS))
    press_sample(page, "Mango can")
    expect_answer(page, re.escape(SAMPLE_LABEL))
    expect(group).to_contain_text(said)


def font_size(element: Locator) -> float:
    size: float = element.locator(".label").evaluate(
        "e => parseFloat(getComputedStyle(e).fontSize)"
    )
    return size


def top_of(element: Locator) -> float:
    box = element.bounding_box()
    assert box is not None
    return box["y"]
