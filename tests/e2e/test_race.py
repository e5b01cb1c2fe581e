"""Cold against warm: a race of real calls, with their times and prices."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from stacks.page import page_configuration
from stacks.settings import Settings
from tests.busy_instances import fleet
from tests.conftest import Cloud
from tests.e2e.page_driver import ANSWER_TIMEOUT_MS, expect_answer, open_page, press_sample
from tests.e2e.page_stub import answer_with, intercept

CONFIGURATION = {"model_name": "imagenet-efficientnet-lite0", "max_in_request_bytes": 4_400_000}


def race_card(page: Page) -> Locator:
    return page.get_by_role("region", name="Cold against warm")


def lane(page: Page, name: str) -> tuple[float, float]:
    """Read a lane: the time in ms, and the price of 1,000 photos in USD."""
    text = race_card(page).get_by_role("row", name=name).inner_text()
    found = re.search(r"([\d.]+) (m?s)\s+\$([\d.]+)", text)
    assert found, text
    return float(found[1]) * (1 if found[2] == "ms" else 1000), float(found[3])


def price(answer: dict[str, Any], prices: dict[str, Any]) -> float:
    init_ms = answer["init_ms"] if answer["cold_start"] else 0
    return 1000 * float(prices["call_usd"] + (answer["time"] * 1000 + init_ms) * prices["ms_usd"])


def start(page: Page) -> None:
    button = race_card(page).get_by_role("button", name="Race")
    button.click()
    expect(button).to_be_enabled(timeout=ANSWER_TIMEOUT_MS)


def test_a_cold_and_a_warm_call_run_side_by_side_although_an_instance_is_idle(
    page: Page, imagenet_cloud: Cloud
) -> None:
    answers: list[dict[str, Any]] = []

    def note(response: Response) -> None:
        if response.url.endswith("/classification") and response.status == 200:
            answers.append(response.json())

    page.on("response", note)
    open_page(page, imagenet_cloud.url, width=390)
    prices = imagenet_cloud.get("configuration.json").json()["prices"]
    expect(page.get_by_role("button", name="Coffee")).to_be_visible()
    start(page)  # nothing was sent yet: the first sample is
    expect_answer(page)
    expect(race_card(page)).to_contain_text("times as long: its instance had to start first")
    expect(race_card(page)).to_contain_text("The times are this machine's, not AWS's")
    cold, warm = lane(page, "Cold"), lane(page, "Warm")
    assert cold[0] > warm[0]
    _, *raced = answers
    by_start = {answer["cold_start"]: answer for answer in raced}
    assert len(raced) == len(by_start) == 2
    assert cold[1] == pytest.approx(price(by_start[True], prices), abs=1e-4)
    assert warm[1] == pytest.approx(price(by_start[False], prices), abs=1e-4)
    last = [call for call in fleet(imagenet_cloud)["calls"] if call["method"] == "classification"]
    assert sorted(call["cold_start"] for call in last[:2]) == [False, True]


def test_in_aws_the_page_shows_what_the_answers_say_of_calls_at_once(
    page: Page, page_url: str, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append("Failed to load resource")
    answer = {**CONFIGURATION, "prices": page_configuration(Settings(env_name="dev"))["prices"]}
    page.route("**/configuration.json", lambda route: route.fulfill(json=answer))
    starts: list[dict[str, Any] | None] = [{"cold_start": False, "init_ms": 5.0}] * 7
    count = iter(range(100))

    def handle(route: Any) -> None:
        changes = starts[next(count) % 7]
        if changes is None:
            route.fulfill(status=429, json={"error": {"code": "throttled", "message": "no"}})
        else:
            answer_with(**changes)(route)

    intercept(page, page_url, "classification", handle)
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    expect(race_card(page)).to_contain_text("A race sends the photo 6 times at once")
    expect(race_card(page).get_by_role("row", name="Warm")).to_contain_text("$")
    expect(race_card(page).get_by_role("row", name="Cold")).to_contain_text("\u2013")
    start(page)
    expect(race_card(page)).to_contain_text("All calls met a warm instance")
    starts[3], starts[4] = {"cold_start": True, "init_ms": 800.0}, None
    press_sample(page)
    expect_answer(page)
    start(page)
    expect(race_card(page)).to_contain_text("times as long: its instance had to start first")
    expect(race_card(page)).to_contain_text(
        "1 of 6 calls were not answered. The service is getting more requests"
    )
    assert lane(page, "Cold")[1] > lane(page, "Warm")[1]
