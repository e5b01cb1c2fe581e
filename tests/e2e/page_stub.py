"""Answers that a test gives in place of the service."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route

Handler = Callable[[Route], None]

ATTEMPTS = 6000  # of 10 ms at least
STEPS = ["classification", "uploads", "storage", "path"]
"""A photo in the call; then the steps of an upload, the last its classification by path."""


def is_step(url: str, page_url: str, step: str) -> bool:
    """Return whether a request is the step's: a call of the API, or the upload to S3."""
    if step == "path":
        step = "classification"
    if step == "storage":
        return url.startswith("http") and not url.startswith(page_url)
    return url.startswith(page_url) and url.endswith(f"/{step}")


def intercept(page: Page, page_url: str, step: str, handler: Handler, times: int = 100) -> None:
    """Answer a step's requests in place of the service; for an upload's, the page uploads all."""
    if step in STEPS[1:]:
        upload_all(page)
    page.route(lambda url: is_step(url, page_url, step), handler, times=times)


def answer_with(**changes: Any) -> Handler:
    """Pass a call on to the service and change keys of its answer; None takes a key away."""

    def handle(route: Route) -> None:
        answer = {**route.fetch().json(), **changes}
        route.fulfill(json={key: value for key, value in answer.items() if value is not None})

    return handle


def upload_all(page: Page) -> None:
    """Have the page upload photos of any size, as with `page_stores_photos = True`."""
    page.route("**/configuration.json", answer_with(max_in_request_bytes=0))


class PausedRequest:
    """The first request of a step, which goes on when the test says so."""

    def __init__(self, page: Page, page_url: str, step: str) -> None:
        self._page = page
        self._routes: list[Route] = []
        intercept(page, page_url, step, self._pause, times=1)

    def _pause(self, route: Route) -> None:
        self._routes.append(route)

    def wait(self) -> Route:
        """Wait until the page has sent the request, and return it."""
        for _ in range(ATTEMPTS):
            if self._routes:
                return self._routes[0]
            self._page.wait_for_timeout(10)
        raise AssertionError("the page has not sent the request")
