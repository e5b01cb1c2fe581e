"""The ways to give the page a photo: choose, drop, paste, take one with the camera."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page_driver import (
    COFFEE,
    choose,
    data_transfer,
    expect_answer,
    expect_problem,
    open_page,
)

COPY_PICTURE = """async () => {
  const picture = document.querySelector("#samples [src*=coffee]");
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const png = await canvas.convertToBlob({ type: "image/png" });
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}"""
PASTE_NOTHING = "document.dispatchEvent(new ClipboardEvent('paste', { bubbles: true }))"


@pytest.fixture(params=[390, 1280], ids=["phone", "desk"])
def width(request: pytest.FixtureRequest) -> int:
    """Each flow is tried on a phone and on a desk."""
    width: int = request.param
    return width


def test_a_chosen_file_is_classified(page: Page, page_url: str, width: int) -> None:
    open_page(page, page_url, width)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose photos").click()
    chooser.value.set_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": COFFEE})
    expect_answer(page)
    expect(page.get_by_role("img", name="Your photo: mine.jpg")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("photo.jfif", ""),
        ("photo.jpe", "image/jpg"),
        ("PHOTO.JPG", "image/pjpeg"),
        ("photo", "application/octet-stream"),
        ("photo.heic", "image/heic"),  # exported as JPEG under its old name
        ("photo.txt", "text/plain"),
    ],
)
def test_a_photo_is_known_by_its_bytes(
    page: Page, page_url: str, name: str, content_type: str
) -> None:
    open_page(page, page_url)
    choose(page, name, COFFEE, content_type)
    expect_answer(page)


def test_a_photo_dropped_anywhere_is_classified(page: Page, page_url: str, width: int) -> None:
    open_page(page, page_url, width)
    transfer = data_transfer(page, {"mine.jpg": COFFEE}, "image/jpeg")
    page.dispatch_event("footer", "dragover", {"dataTransfer": transfer})
    card = page.get_by_role("region", name="Photo", exact=True)
    expect(card).to_have_css("outline-style", "dashed")
    page.dispatch_event("footer", "drop", {"dataTransfer": transfer})
    expect_answer(page)
    expect(card).to_have_css("outline-style", "none")


def test_a_pasted_picture_is_classified(page: Page, page_url: str, width: int) -> None:
    open_page(page, page_url, width)
    expect(page.get_by_role("button", name="Coffee")).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(COPY_PICTURE)
    page.keyboard.press("Control+V")
    expect_answer(page)


def press_paste(page: Page) -> None:
    page.get_by_role("button", name="Paste", exact=True).click()


def test_the_paste_button_takes_the_picture_on_the_clipboard(
    page: Page, page_url: str, width: int
) -> None:
    open_page(page, page_url, width)
    expect(page.get_by_role("button", name="Coffee")).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(COPY_PICTURE)
    press_paste(page)
    expect_answer(page)
    expect(page.get_by_role("img", name="Your photo: pasted photo")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_empty()


def test_the_paste_button_says_why_there_is_nothing_to_paste(page: Page, page_url: str) -> None:
    open_page(page, page_url, 390)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('https://example.org/a.jpg')")
    press_paste(page)
    expect_problem(page, "clipboard has no photo", "Copy the picture itself, not its link")
    page.context.clear_permissions()
    press_paste(page)
    expect_problem(page, "does not let this page read the clipboard", "Allow it when the browser")


def test_a_phone_offers_its_camera_and_a_desktop_does_not(page: Page, page_url: str) -> None:
    open_page(page, page_url)
    expect(page.get_by_role("button", name="Take a photo")).to_be_hidden()
    browser = page.context.browser
    assert browser is not None
    phone = browser.new_context(has_touch=True, is_mobile=True).new_page()
    open_page(phone, page_url, width=390)
    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="Take a photo").tap()
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files({"name": "image.jpg", "mimeType": "image/jpeg", "buffer": COFFEE})
    expect_answer(phone)
    phone.context.close()


def test_pasting_or_dropping_something_else_is_explained(
    page: Page, page_url: str, width: int
) -> None:
    open_page(page, page_url, width)
    page.evaluate("document.dispatchEvent(new ClipboardEvent('paste', { bubbles: true }))")
    expect_problem(page, "clipboard has no photo", "Copy the picture itself")
    link = page.evaluate_handle(
        """() => {
          const transfer = new DataTransfer();
          transfer.setData("text/uri-list", "http://example.org/a.jpg");
          return transfer;
        }"""
    )
    page.dispatch_event("main", "drop", {"dataTransfer": link})
    expect_problem(page, "no photo in what you dropped", "Save a picture of another page first")


def test_text_pasted_into_a_field_is_the_fields(page: Page, page_url: str, width: int) -> None:
    open_page(page, page_url, width)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('8')")
    field = page.get_by_label("Calls at once")
    field.select_text()
    page.keyboard.press("Control+V")
    expect(field).to_have_value("8")
    expect(page.get_by_role("alert")).to_be_empty()


def test_pasting_no_photo_does_not_stop_one_that_is_being_opened(
    page: Page, page_url: str, width: int
) -> None:
    page.add_init_script(
        """
        const read = Blob.prototype.arrayBuffer;
        Blob.prototype.arrayBuffer = async function () {
          await new Promise((done) => { window.letGo = done; });
          return read.call(this);
        };
        """
    )
    open_page(page, page_url, width)
    choose(page, "mine.jpg", COFFEE)
    page.wait_for_function("() => Boolean(window.letGo)")
    page.evaluate(PASTE_NOTHING)
    expect_problem(page, "clipboard has no photo")
    page.evaluate("window.letGo()")
    expect_answer(page)
    expect(page.get_by_role("img", name="Your photo: mine.jpg")).to_be_visible()
