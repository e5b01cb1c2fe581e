"""The page in a browser that denies it storage, as one does where cookies are blocked."""

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e2e.page_driver import expect_answer, expect_problem, open_page, press_sample

DENY = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, {
    get() {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    },
  });
}
"""


@pytest.fixture
def page(page: Page) -> Page:
    """A page that is denied storage."""
    page.add_init_script(DENY)
    return page


@pytest.mark.parametrize("width", [390, 1280])
def test_a_photo_is_classified_and_sent_again(page: Page, page_url: str, width: int) -> None:
    open_page(page, page_url, width)
    press_sample(page)
    expect_answer(page)
    with page.expect_response("**/classification"):
        page.get_by_role("button", name="Send again").click()
    expect_answer(page)


def test_the_key_in_the_pages_address_is_sent_with_every_photo(page: Page, page_url: str) -> None:
    keys: list[str | None] = []

    def note(request: Request) -> None:
        if request.url.endswith("/classification"):
            keys.append(request.headers.get("x-api-key"))

    page.on("request", note)
    open_page(page, f"{page_url}/#key=a-key")
    press_sample(page)
    expect_answer(page)
    press_sample(page, "Cat")
    expect_answer(page, " cat|tabby")
    assert keys == ["a-key", "a-key"]


def test_the_box_to_shrink_works_until_the_page_is_left(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    box = page.get_by_label("Shrink before sending")
    box.check()
    expect(box).to_be_checked()
    press_sample(page)
    expect_answer(page)


def test_a_photo_that_was_shared_cannot_be_taken_and_the_page_says_why(
    page: Page, page_url: str
) -> None:
    page.add_init_script(
        """Object.defineProperty(window, "caches", {
          get() {
            throw new DOMException("Access is denied for this document.", "SecurityError");
          },
        });"""
    )
    open_page(page, f"{page_url}/?shared")
    expect_problem(page, "could not store the shared photo", "Allow the page to store data")
    press_sample(page)
    expect_answer(page)
    expect(page.get_by_role("alert")).to_be_empty()
