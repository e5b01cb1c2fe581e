"""A real browser on the page of the running local cloud."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from lab.pictures.chromium import launch_chromium
from tests.conftest import Cloud

TIMEOUT_MS = 60_000  # a busy machine is slow
expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="package")
def page_url(imagenet_cloud: Cloud) -> str:
    """The address of the page."""
    return imagenet_cloud.url


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium.

    It ends with this package's tests: Playwright keeps an event loop running in the thread, in
    which no asynchronous test could run.
    """
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def expected_console_errors() -> list[str]:
    """Patterns of console errors that a test provokes; any other fails it."""
    return []


@pytest.fixture
def page(browser: Browser, expected_console_errors: list[str]) -> Iterator[Page]:
    """A page in a context of its own, at no address yet."""
    # A request that a service worker answers is not seen by a test; test_offline.py has one.
    context = browser.new_context(service_workers="block")
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    surprises = [
        error
        for error in errors
        if not any(re.search(pattern, error) for pattern in expected_console_errors)
    ]
    assert surprises == []
