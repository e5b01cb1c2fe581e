"""The page wakes an instance while a person is still choosing a photo."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.busy_instances import end_instances, fleet
from tests.conftest import Cloud
from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    choose,
    data_transfer,
    details,
    expect_answer,
    open_page,
    press_sample,
)
from tests.e2e.page_stub import ATTEMPTS, PausedRequest, intercept

FRESH_MS = 4 * 60_000
BEGIN, READY = "Choose a photo to begin.", "Ready for your photo."
CONFIGURATION = {"model_name": "imagenet-efficientnet-lite0", "model_version": "1.1.0"}

# Counts in the page itself: a request event of Playwright may come later than what a test does.
COUNT_WAKEUPS = """
window.wakeups = { sent: 0, ended: 0 };
const send = window.fetch;
window.fetch = async (address, ...options) => {
  if (address !== "wakeup") return send(address, ...options);
  window.wakeups.sent += 1;
  try {
    const response = await send(address, ...options);
    const read = response.text.bind(response);
    response.text = () => read().finally(() => { window.wakeups.ended += 1; });
    return response;
  } catch (error) {
    window.wakeups.ended += 1;
    throw error;
  }
};
"""


def configure(page: Page, **configuration: Any) -> None:
    """Have the service's note to the page say something else."""
    answer = {**CONFIGURATION, **configuration}
    page.route("**/configuration.json", lambda route: route.fulfill(json=answer))


def open_counting(page: Page, page_url: str) -> None:
    """Open the page, and wait until it knows its configuration."""
    page.add_init_script(COUNT_WAKEUPS)
    open_page(page, page_url)
    expect(sample(page)).to_be_visible()


def sent(page: Page) -> int:
    return int(page.evaluate("window.wakeups.sent"))


def expect_ended(page: Page, count: int) -> None:
    page.wait_for_function("count => window.wakeups.ended === count", arg=count)
    assert sent(page) == count


def sample(page: Page) -> Locator:
    return page.get_by_role("button", name="Coffee", exact=True)


def choose_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Choose photos")


def point(page: Page) -> None:
    choose_button(page).hover()
    page.mouse.move(0, 0)


def focus(page: Page) -> None:
    choose_button(page).focus()
    page.evaluate("document.activeElement.blur()")


def press(page: Page) -> None:
    choose_button(page).dispatch_event("click")


def point_at_samples(page: Page) -> None:
    sample(page).dispatch_event("pointerover")


def drag(page: Page) -> None:
    page.evaluate("dispatchEvent(new DragEvent('dragenter'))")


def paste(page: Page) -> None:
    files = data_transfer(page, {"notes.jpg": b"no photo"}, "image/jpeg")
    page.evaluate(
        "files => dispatchEvent(new ClipboardEvent('paste', { clipboardData: files }))", files
    )


def come_back(page: Page) -> None:
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


SIGNS: list[Callable[[Page], None]] = [
    point,
    focus,
    press,
    point_at_samples,
    drag,
    paste,
    come_back,
]


# When it wakes


@pytest.mark.parametrize("width", [390, 1280])
def test_opening_the_page_wakes_an_instance_and_says_so_quietly(
    page: Page, page_url: str, width: int
) -> None:
    wakeups: list[Request] = []
    page.on("request", lambda each: wakeups.append(each) if "wakeup" in each.url else None)
    held = PausedRequest(page, page_url, "wakeup")
    open_page(page, page_url, width)
    status = page.get_by_role("status")
    held.wait()
    expect(status).to_have_text(BEGIN)
    held.wait().continue_()
    expect(status).to_have_text(READY)
    expect(page.get_by_role("alert")).to_be_empty()
    choose_button(page).hover()
    assert [each.post_data_json for each in wakeups] == [{"method": "wakeup"}]


def test_a_photo_about_to_be_chosen_after_minutes_wakes_again_and_not_before(
    page: Page, page_url: str
) -> None:
    page.clock.install(time=0)
    open_counting(page, page_url)
    expect_ended(page, 1)
    page.clock.pause_at(FRESH_MS / 1000)
    press_sample(page)
    expect_answer(page)  # an answer is a contact, too
    for count, sign in enumerate(SIGNS, start=1):
        page.clock.fast_forward(FRESH_MS - 1)
        sign(page)
        assert sent(page) == count, f"{sign.__name__} was too early"
        page.clock.fast_forward(1)
        sign(page)
        expect_ended(page, count + 1)
        sign(page)
        assert sent(page) == count + 1, f"{sign.__name__} woke twice"


def test_an_upload_of_minutes_wakes_before_it_ends(page: Page, page_url: str) -> None:
    page.clock.install()
    page.add_init_script(
        "window.requests = [];"
        "XMLHttpRequest = class extends XMLHttpRequest {"
        "  constructor() { super(); window.requests.push(this); }"
        "};"
    )
    upload = PausedRequest(page, page_url, "storage")
    open_counting(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    upload.wait()
    for percent in (10, 20, 30, 40, 50):
        page.clock.fast_forward(50_000)  # within the time after which an upload counts as stalled
        progress = f"new ProgressEvent('progress', {{ loaded: {percent}, total: 100 }})"
        page.evaluate(f"window.requests[0].upload.dispatchEvent({progress})")
    expect(page.get_by_text("50% sent")).to_be_visible()
    expect_ended(page, 2)
    upload.wait().continue_()
    expect_answer(page)


# When it does not


def hide(page: Page) -> None:
    page.add_init_script(
        "window.isHidden = true;"
        "Object.defineProperty(document, 'hidden', { get: () => window.isHidden });"
    )


def show(page: Page) -> None:
    page.evaluate("window.isHidden = false")
    come_back(page)


def disconnect(page: Page) -> None:
    page.add_init_script(
        "window.isOnline = false;"
        "Object.defineProperty(navigator, 'onLine', { get: () => window.isOnline });"
    )


def connect(page: Page) -> None:
    page.evaluate("window.isOnline = true; dispatchEvent(new Event('online'))")


def ask_for_key(page: Page) -> None:
    configure(page, wake_ahead=True, auth="api_key")


def give_key(page: Page) -> None:
    with page.expect_request("**/wakeup") as request:
        page.evaluate("location.hash = 'key=a-key'")
    assert request.value.headers["x-api-key"] == "a-key"


@pytest.mark.parametrize(
    ("prevent", "allow"), [(hide, show), (disconnect, connect), (ask_for_key, give_key)]
)
def test_it_waits_until_a_wakeup_can_be_of_use(
    page: Page, page_url: str, prevent: Callable[[Page], None], allow: Callable[[Page], None]
) -> None:
    prevent(page)
    open_counting(page, page_url)
    choose_button(page).hover()
    assert sent(page) == 0
    allow(page)
    expect_ended(page, 1)


@pytest.mark.parametrize("configuration", [{"wake_ahead": False}, {}])
def test_a_service_that_wants_no_wakeups_gets_none(
    page: Page, page_url: str, configuration: dict[str, Any]
) -> None:
    configure(page, **configuration)
    open_counting(page, page_url)
    for sign in SIGNS:
        sign(page)
    press_sample(page)
    expect_answer(page)
    assert sent(page) == 0


# What it never does


@pytest.mark.parametrize("answer", [403, 429, 503, None])
def test_a_wakeup_that_fails_is_not_shown_nor_repeated_and_hinders_nothing(
    page: Page, page_url: str, expected_console_errors: list[str], answer: int | None
) -> None:
    expected_console_errors.append(FAILED_REQUEST)  # Chromium's own line; no script can avoid it

    def fail(route: Route) -> None:
        if answer is None:
            route.abort()
        else:
            route.fulfill(status=answer, json={"error": {"code": "throttled", "message": "No."}})

    intercept(page, page_url, "wakeup", fail)
    open_counting(page, page_url)
    expect_ended(page, 1)
    for sign in SIGNS[:5]:
        sign(page)
    assert sent(page) == 1
    expect(page.get_by_role("status")).to_have_text(BEGIN)
    expect(page.get_by_role("alert")).to_be_empty()
    press_sample(page)
    expect_answer(page)
    expect(page.get_by_role("alert")).to_be_empty()
    connect_again = "dispatchEvent(new Event('online'))"
    page.evaluate(connect_again)
    assert sent(page) == 1  # the photo's own answer is minutes young
    page.reload()
    expect_ended(page, 1)
    page.evaluate(connect_again)
    expect_ended(page, 2)


def test_a_wakeup_without_an_answer_holds_up_no_photo(page: Page, page_url: str) -> None:
    page.clock.install()
    held = PausedRequest(page, page_url, "wakeup")
    open_counting(page, page_url)
    held.wait()
    page.evaluate("dispatchEvent(new Event('online'))")
    point(page)
    assert sent(page) == 1  # one at a time
    press_sample(page)
    expect_answer(page)
    page.clock.fast_forward(FRESH_MS)  # it is given up meanwhile
    point(page)
    expect_ended(page, 2)
    expect_answer(page)  # the status is still about the photo


# The real thing, with all instances gone


def wait_until_awake(page: Page, cloud: Cloud, wakeups: int) -> None:
    """Wait until the pool has instances, all of them idle, and that many wakeups are over."""
    for _ in range(ATTEMPTS // 10):
        now = fleet(cloud)
        ids = {each["id"] for each in now["instances"] if each["state"] == "idle"}
        over = [each for each in now["calls"] if each["instance_id"] in ids]
        if ids and len(ids) == len(now["instances"]) and len(over) >= wakeups:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"nothing has woken an instance: {now}")


def expect_warm_answer(page: Page, cloud: Cloud) -> None:
    expect_answer(page)
    expect(details(page)).to_contain_text("An instance was ready")
    calls = fleet(cloud)["calls"]
    answer = next(each for each in calls if each["method"] == "classification")
    same = [each for each in calls if each["instance_id"] == answer["instance_id"]]
    assert not answer["cold_start"]
    assert (same[-1]["method"], same[-1]["cold_start"]) == ("wakeup", True)


def test_a_photo_that_is_chosen_while_an_instance_starts_meets_no_cold_start(
    page: Page, imagenet_cloud: Cloud
) -> None:
    end_instances(imagenet_cloud)
    open_page(page, imagenet_cloud.url)
    wait_until_awake(page, imagenet_cloud, wakeups=1)  # for so long the person chooses
    last_calls = page.get_by_role("list", name="Last calls").get_by_role("listitem")
    expect(last_calls.first).to_contain_text("wakeup")
    expect(last_calls.first).to_contain_text("cold")
    choose(page, "mine.jpg", COFFEE)
    expect_warm_answer(page, imagenet_cloud)


def test_a_photo_that_is_uploaded_while_an_instance_starts_meets_no_cold_start(
    page: Page, imagenet_cloud: Cloud
) -> None:
    end_instances(imagenet_cloud)
    upload = PausedRequest(page, imagenet_cloud.url, "storage")
    open_page(page, imagenet_cloud.url)
    choose(page, "mine.jpg", COFFEE)
    upload.wait()
    # For so long the upload takes; signing it has sent the second wakeup.
    wait_until_awake(page, imagenet_cloud, wakeups=2)
    upload.wait().continue_()
    expect_warm_answer(page, imagenet_cloud)
