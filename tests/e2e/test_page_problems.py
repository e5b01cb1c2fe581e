"""Error messages of the page, which keeps the photo for another try."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page_driver import (
    COFFEE,
    FAILED_REQUEST,
    choose,
    expect_answer,
    expect_problem,
    open_page,
    press_sample,
)
from tests.e2e.page_stub import STEPS, PausedRequest, answer_with, intercept
from tests.hostile.formats import jpeg_of_coding

S3_HEADERS = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/xml"}
UNAVAILABLE = {"error": {"code": "unavailable", "message": "no"}}
OF_AN_HTTP_API = {"message": "Service Unavailable"}
PREPARING = "AWS may be preparing it after weeks without calls. Trying again in 10 seconds"


def expect_kept_for_another_try(page: Page, name: str) -> None:
    expect(page.locator("#photo-name")).to_contain_text(name)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


@pytest.fixture
def width() -> int:
    """The flows run on a phone; test_page.py compares the layouts of phone and desk."""
    return 390


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("half.jpg", COFFEE[: len(COFFEE) // 2], "The photo cannot be read"),
        ("rare.jpg", jpeg_of_coding(0xC9, 64, 64), "in a way that the service does not read"),
    ],
)
def test_a_bad_photo_is_explained(
    page: Page,
    page_url: str,
    width: int,
    expected_console_errors: list[str],
    name: str,
    content: bytes,
    title: str,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url, width)
    choose(page, name, content)
    expect_problem(page, title, "hoose")
    expect_kept_for_another_try(page, name)
    press_sample(page)
    expect_answer(page)
    expect(page.get_by_role("alert")).to_be_empty()


@pytest.mark.parametrize(
    ("status", "code", "title", "advice"),
    [
        (
            422,
            "image_too_slow",
            "could not read this photo within 5 seconds",
            "save it again as JPEG",
        ),
        (422, "too_many_pixels", "up to 50 megapixels", "smaller"),
        (429, "quota_exceeded", "limit of 1,000 requests a day is used up", "tomorrow"),
        (403, "blocked", "more than 2,000 in five minutes", "wait five minutes"),
        (429, "throttled", "more requests right now than it accepts", "wait a few seconds"),
    ],
)
def test_a_limit_is_named_and_the_person_who_runs_the_service_reads_its_setting(
    page: Page,
    page_url: str,
    expected_console_errors: list[str],
    status: int,
    code: str,
    title: str,
    advice: str,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    page.route("**/configuration.json", answer_with(daily_quota=1000, requests_per_5_min=2000))
    error = {"error": {"code": code, "message": "More than the_setting allows."}}
    intercept(
        page, page_url, "classification", lambda route: route.fulfill(status=status, json=error)
    )
    open_page(page, page_url)
    choose(page, "mine.jpg", COFFEE)
    expect_problem(page, title, advice)
    page.get_by_text("For the person who runs it").click()
    expect(page.get_by_text("the_setting")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "content", "content_type", "title", "advice"),
    [
        ("notes.txt", b"notes", "text/plain", "not a photo", "JPEG, PNG, WebP or GIF"),
        ("notes.jpg", b"This is no photo.", "image/jpeg", "not a photo", "JPEG, PNG, WebP or GIF"),
        ("scan.tiff", b"II*\0", "image/tiff", "not a photo of a kind", "JPEG"),
        ("IMG_1.HEIC", b"\0\0\0\x18ftypheic", "", "is a HEIC photo", "Export it as JPEG"),
        ("IMG_2.jpg", b"\0\0\0\x18ftypheic", "image/jpeg", "is a HEIC photo", "JPEG"),
        ("empty.jpg", b"", "image/jpeg", "is empty", "Choose a"),
    ],
)
def test_other_files_are_refused_before_any_upload(
    page: Page,
    page_url: str,
    width: int,
    name: str,
    content: bytes,
    content_type: str,
    title: str,
    advice: str,
) -> None:
    open_page(page, page_url, width)
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    choose(page, name, content, content_type)
    expect_problem(page, title, advice)
    expect(page.get_by_role("alert")).to_contain_text(name)
    assert not [url for url in calls if url.endswith(("/uploads", "/classification"))]


def test_a_refused_file_does_not_disturb_the_photo_on_its_way(
    page: Page, page_url: str, width: int
) -> None:
    open_page(page, page_url, width)
    paused = PausedRequest(page, page_url, "classification")
    press_sample(page)
    first = paused.wait()
    choose(page, "notes.txt", b"notes", "text/plain")
    expect_problem(page, "notes.txt.*not a photo")
    first.continue_()
    expect_answer(page)
    expect_problem(page, "notes.txt.*not a photo")


def test_a_photo_above_the_services_limit_is_not_sent_and_the_limit_is_named(
    page: Page, page_url: str, tmp_path: Path
) -> None:
    open_page(page, page_url)
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    huge = tmp_path / "huge.jpg"  # a file, as Playwright takes long to send so many bytes
    huge.write_bytes(COFFEE + bytes(70_000_000))
    page.get_by_label("Photo file").set_input_files(huge)
    expect_problem(page, r"is 70\.\d MB; the service takes up to 67\.1 MB", "smaller")
    expect_kept_for_another_try(page, "huge.jpg")
    assert not [url for url in calls if url.endswith(("/uploads", "/classification"))]


def test_a_photo_that_the_service_finds_too_large_is_explained(
    page: Page, page_url: str, width: int, expected_console_errors: list[str], tmp_path: Path
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    page.route("**/configuration.json", answer_with(max_image_bytes=None))
    open_page(page, page_url, width)
    huge = tmp_path / "huge.jpg"
    huge.write_bytes(COFFEE + bytes(70_000_000))
    page.get_by_label("Photo file").set_input_files(huge)
    expect_problem(page, r"is 70\.\d MB, more than the service takes", "smaller")
    expect_kept_for_another_try(page, "huge.jpg")


def test_a_photo_larger_than_the_service_takes_is_not_uploaded(
    page: Page, page_url: str, width: int
) -> None:
    intercept(page, page_url, "uploads", answer_with(max_bytes=20_000))
    uploads: list[Route] = []
    intercept(page, page_url, "storage", lambda route: uploads.append(route))
    open_page(page, page_url, width)
    press_sample(page)
    expect_problem(page, r"is 79 kB.*up to 20 kB", "smaller")
    assert uploads == []


@pytest.mark.parametrize(("step", "width"), [("uploads", 1280), ("classification", 390)])
@pytest.mark.parametrize(
    ("status", "content_type", "body", "title"),
    [
        (502, "text/html", "<html><h1>502 Bad Gateway</h1></html>", "not working right now"),
        (500, "application/json", '{"error": {"code": "other"}}', "not working right now"),
        (403, "application/json", '{"message": "Forbidden"}', "does not let this page in"),
        (403, "application/json", '{"error": {"code": "blocked"}}', "requests from your network"),
        (429, "application/json", '{"message": "Too Many Requests"}', "more requests right now"),
        (
            429,
            "application/json",
            '{"error": {"code": "quota_exceeded"}}',
            "requests a day is used up",
        ),
        (504, "application/json", '{"message": "Endpoint request timed out"}', "took too long"),
        (400, "application/json", '{"error": {"code": "new_code"}}', "did not accept"),
        (200, "text/html", "<html>a proxy's page</html>", "does not understand"),
        (200, "application/json", "{}", "does not understand"),
    ],
)
def test_any_answer_of_the_api_is_explained(
    page: Page,
    page_url: str,
    width: int,
    expected_console_errors: list[str],
    step: str,
    status: int,
    content_type: str,
    body: str,
    title: str,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    intercept(
        page,
        page_url,
        step,
        lambda route: route.fulfill(status=status, content_type=content_type, body=body),
        times=1,
    )
    open_page(page, page_url, width)
    press_sample(page)
    expect_problem(page, title)
    expect_kept_for_another_try(page, "coffee.jpg")
    page.get_by_role("button", name="Try again").click()
    expect_answer(page)


@pytest.mark.parametrize(
    ("body", "is_of_the_service"),
    [("<html>413</html>", False), ('{"error": {"code": "image_too_large"}}', True)],
)
def test_a_photo_that_a_call_does_not_take_is_uploaded_instead_unless_that_is_no_use(
    page: Page,
    page_url: str,
    expected_console_errors: list[str],
    body: str,
    is_of_the_service: bool,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    intercept(
        page,
        page_url,
        "classification",
        lambda route: route.fulfill(status=413, body=body),
        times=1,
    )
    open_page(page, page_url, 390)
    if is_of_the_service:
        press_sample(page)
        expect_problem(page, "more than the service takes")
        return
    with page.expect_request("**/uploads"):
        press_sample(page)
    expect_answer(page)
    expect(page.get_by_role("region", name="In total")).to_contain_text("Calls4")


@pytest.mark.parametrize(
    ("status", "code", "title"),
    [
        (400, "EntityTooLarge", r"The photo is 79 kB, more than"),
        (300, "TemporaryRedirect", "sent the upload to another address"),
        (403, "AccessDenied", "permission to upload was refused or has expired"),
        (400, "InvalidArgument", "did not accept the photo: InvalidArgument"),
        (503, "SlowDown", "storage is busy"),
    ],
)
def test_a_refused_upload_is_explained(
    page: Page,
    page_url: str,
    width: int,
    expected_console_errors: list[str],
    status: int,
    code: str,
    title: str,
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    intercept(
        page,
        page_url,
        "storage",
        lambda route: route.fulfill(status=status, headers=S3_HEADERS, body=body),
        times=1,
    )
    open_page(page, page_url, width)
    press_sample(page)
    expect_problem(page, title)
    expect_kept_for_another_try(page, "coffee.jpg")
    page.get_by_role("button", name="Try again").click()
    expect_answer(page)


@pytest.mark.parametrize("step", ["uploads", "classification"])
def test_a_service_that_was_not_called_for_weeks_is_tried_once_more(
    page: Page, page_url: str, width: int, expected_console_errors: list[str], step: str
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    page.clock.install()
    body = OF_AN_HTTP_API if step == "uploads" else UNAVAILABLE
    intercept(page, page_url, step, lambda route: route.fulfill(status=503, json=body), times=1)
    open_page(page, page_url, width)
    press_sample(page)
    expect(page.get_by_role("status")).to_contain_text(PREPARING)
    page.clock.fast_forward(11_000)
    expect_answer(page)


def test_a_service_that_stays_away_is_explained_after_the_second_try(
    page: Page, page_url: str, width: int, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    page.clock.install()
    calls: list[Route] = []

    def handle(route: Route) -> None:
        calls.append(route)
        reaches_no_function(route)

    intercept(page, page_url, "classification", handle)
    open_page(page, page_url, width)
    press_sample(page)
    expect(page.get_by_role("status")).to_contain_text(PREPARING)
    page.clock.fast_forward(11_000)
    expect_problem(page, "not working right now")
    assert len(calls) == 2


def reaches_no_function(route: Route) -> None:
    """Answer as the gateway does when Lambda rejects its call."""
    route.fulfill(status=503, json=UNAVAILABLE)


@pytest.mark.parametrize(("step", "width"), [*zip(STEPS, (390, 1280) * 2, strict=True)])
def test_a_lost_connection_is_explained(
    page: Page, page_url: str, width: int, expected_console_errors: list[str], step: str
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    intercept(page, page_url, step, lambda route: route.abort("connectionrefused"), times=1)
    open_page(page, page_url, width)
    choose(page, "mine.jpg", COFFEE)
    expect_problem(page, "could not be reached|did not get through", "check your connection")
    expect_kept_for_another_try(page, "mine.jpg")
    expect(page.get_by_role("img", name="Your photo: mine.jpg")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect_answer(page)


def test_being_offline_is_explained(
    page: Page, page_url: str, width: int, expected_console_errors: list[str]
) -> None:
    expected_console_errors.append(FAILED_REQUEST)
    open_page(page, page_url, width)
    page.context.set_offline(True)
    choose(page, "mine.jpg", COFFEE)
    expect_problem(page, "You are offline", "connect to the internet")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect_answer(page)
