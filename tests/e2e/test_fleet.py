"""The view of the instances, which only the local cloud has."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import busy_instances
from tests.busy_instances import all_busy
from tests.conftest import Cloud, running
from tests.e2e.page_driver import (
    FAILED_REQUEST,
    choose,
    expect_answer,
    expect_problem,
    open_page,
    press_sample,
    tab_to,
)

WARMER = "warmlens-local-warmer"


@pytest.fixture(scope="module")
def small_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud of its own, whose instances nobody else uses, and whose rounds hold for long."""
    folder: Path = tmp_path_factory.mktemp("fleet")
    for cloud in running(folder, "--concurrency", "6"):
        functions = cloud.client("lambda")
        deployed = functions.get_function_configuration(FunctionName=WARMER)["Environment"]
        variables = {**deployed["Variables"], "HOLD_MS": "5000"}
        functions.update_function_configuration(
            FunctionName=WARMER, Environment={"Variables": variables}
        )
        yield cloud


def open_awake(page: Page, cloud: Cloud, width: int = 1280) -> None:
    """Open the page, and wait for the end of its own wakeup, which may start an instance."""
    open_page(page, cloud.url, width)
    expect(page.get_by_role("status")).to_have_text("Ready for your photo.")


def fleet(page: Page) -> Locator:
    return page.get_by_role("region", name="Instances on this machine")


def instances(page: Page) -> Locator:
    return fleet(page).get_by_role("list", name="Instances").get_by_role("listitem")


def last_calls(page: Page) -> Locator:
    return fleet(page).get_by_role("list", name="Last calls").get_by_role("listitem")


@pytest.mark.parametrize("width", [390])
def test_a_burst_starts_instances_and_the_page_shows_who_got_which_call(
    page: Page, small_cloud: Cloud, width: int
) -> None:
    open_awake(page, small_cloud, width)
    before = len(busy_instances.states(small_cloud))
    fleet(page).get_by_label("Calls at once").fill("3")
    with all_busy(small_cloud, before):
        fleet(page).get_by_role("button", name="Send a burst").click()
        said = re.compile(r"3 of 3 calls were answered; (\d) met a cold start")
        expect(fleet(page)).to_contain_text(said)
    cold = said.search(fleet(page).inner_text())
    assert cold is not None
    # The first call that ends frees its instance, which may then answer another of the three.
    assert 1 <= int(cold[1]) <= 3
    expect(instances(page)).to_have_count(before + int(cold[1]))
    ids = {text[:8] for text in instances(page).all_inner_texts()}
    known = {instance["id"][:8] for instance in small_cloud.status()["instances"]}
    assert ids == known
    newest = busy_instances.fleet(small_cloud)["calls"][0]["number"]
    expect(last_calls(page).first).to_contain_text(f"#{newest}")
    burst = last_calls(page).filter(has_text="classification").all_inner_texts()[:3]
    assert sum("cold" in call for call in burst) == int(cold[1])
    for call in burst:
        assert any(instance in call for instance in known)


def test_a_warming_round_is_watched_by_keyboard_alone(page: Page, small_cloud: Cloud) -> None:
    page.add_init_script(
        """window.seen = new Set();
        new MutationObserver(() => {
          for (const item of document.querySelectorAll("#fleet-instances li")) {
            window.seen.add(item.dataset.state);
          }
        }).observe(document, { childList: true, subtree: true });"""
    )
    open_awake(page, small_cloud)
    expect(instances(page).first).to_be_visible()
    # Not as many as a scheduled run, after which the warmer would hold only as long as it must.
    fleet(page).get_by_role("spinbutton", name="Instances").fill("3")
    tab_to(page, fleet(page).get_by_role("button", name="Warm"))
    page.keyboard.press("Enter")
    expect(fleet(page)).to_contain_text(
        re.compile(r"3 of 3 instances are warm; \d of them started now, in")
    )
    expect(fleet(page).get_by_role("list", name="Last calls")).to_contain_text("wakeup")
    assert "held" in page.evaluate("[...window.seen]")
    expect(fleet(page)).to_contain_text("0 busy · 0 held")
    # Fewer than wanted come with the reason.
    fleet(page).get_by_role("spinbutton", name="Instances").fill("50")
    page.keyboard.press("Enter")
    said = r"\d of 50 instances are warm.*No more are possible: the account's concurrency of 6"
    expect(fleet(page)).to_contain_text(re.compile(said))


def test_a_photo_of_ones_own_is_in_the_list_of_calls(page: Page, small_cloud: Cloud) -> None:
    open_awake(page, small_cloud)
    before = busy_instances.fleet(small_cloud)["calls"][0]["number"]
    press_sample(page, "Mango can")
    expect_answer(page, "Mango")
    # Signing the upload wakes, too; that call may end before this one or after it.
    (own,) = [
        call["number"]
        for call in busy_instances.fleet(small_cloud)["calls"]
        if call["number"] > before and call["method"] == "classification"
    ]
    shown = last_calls(page).filter(has_text=re.compile(rf"#{own}(?!\d)"))
    expect(shown).to_contain_text("classification")
    expect(shown).to_contain_text(page.locator("#instance").inner_text())


@pytest.mark.slow
def test_calls_without_an_answer_are_shown_with_their_reason(
    page: Page, narrow_cloud: Cloud, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_awake(page, narrow_cloud)
    fleet(page).get_by_label("Calls at once").fill("4")
    with all_busy(narrow_cloud, 2):
        fleet(page).get_by_role("button", name="Send a burst").click()
        expect(fleet(page)).to_contain_text(
            re.compile(
                "0 of 4 calls were answered; 0 met a cold start, 4 were throttled.*Rate Exceeded"
            )
        )
    fleet(page).get_by_role("spinbutton", name="Instances").fill("4")
    fleet(page).get_by_role("button", name="Warm").click()
    expect(fleet(page)).to_contain_text("the account's concurrency of 2 less 1 for the warmer")
    # A rejected call is not listed as a warm one.
    choose(page, "bad.jpg", b"\xff\xd8\xff no photo")
    expect_problem(page, "damaged")
    expect(last_calls(page).first).to_contain_text(re.compile("classification.*rejected, "))


def test_there_is_no_fleet_and_no_switch_where_the_service_reports_none(
    page: Page, page_url: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = {"model_name": "imagenet-efficientnet-lite0", "model_version": "1.1.0"}
    page.route("**/configuration.json", lambda route: route.fulfill(json=answer))
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    expect(fleet(page)).to_have_count(0)
    expect(page.get_by_role("combobox", name="Model")).to_have_count(0)
    of_the_page = [url for url in asked if url.startswith(page_url)]
    assert not [url for url in of_the_page if "local" in url]
