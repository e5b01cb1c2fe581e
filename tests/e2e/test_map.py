"""The map over the photo: which parts of it spoke for the answer."""

import io
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect

from tests.conftest import SAMPLE, Cloud
from tests.e2e.page_driver import choose, expect_answer, open_page, press_sample
from tests.e2e.page_stub import answer_with, intercept, upload_all

# The least opaque spot of the map, and the opacity of its corners, as shares.
SPOT = """() => {
  const map = document.getElementById("map");
  const { width, height } = map;
  const { data } = map.getContext("2d").getImageData(0, 0, width, height);
  const alpha = (x, y) => data[4 * (y * width + x) + 3] / 255;
  let spot = { alpha: 2 };
  for (let y = 0; y < height; y += 4) {
    for (let x = 0; x < width; x += 4) {
      if (alpha(x, y) < spot.alpha) {
        spot = { alpha: alpha(x, y), x: x / width, y: y / height };
      }
    }
  }
  const photo = document.getElementById("photo");
  const boxes = [map, photo].map((each) => JSON.stringify(each.getBoundingClientRect()));
  return {
    spot, width, height, top: alpha(width >> 1, 2), bottom: alpha(width >> 1, height - 3),
    isOverThePhoto: boxes[0] === boxes[1],
  };
}"""


def turned_photo_of_a_product() -> bytes:
    """A photo of 900 x 1,600 pixels with the product at the lower left of what the model sees.

    It is stored on its side, with the EXIF orientation 6 of a phone that was held upright.
    """
    upright = Image.new("RGB", (900, 1600), (120, 124, 128))
    product = Image.open(SAMPLE).convert("RGB")
    upright.paste(product.resize((420, 315)), (30, 900))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    with io.BytesIO() as file:
        stored.save(file, "JPEG", quality=92, exif=exif)
        return file.getvalue()


def read_map(page: Page) -> dict[str, Any]:
    expect(page.locator("#map")).to_be_visible()
    found: dict[str, Any] = page.evaluate(SPOT)
    return found


def test_the_map_lies_where_the_product_is_on_a_photo_that_a_phone_has_turned(
    page: Page, cloud: Cloud
) -> None:
    values = [0.0] * 49
    values[6 * 7 + 1] = 1.0
    area = {"left": 0, "top": 0.21875, "width": 1, "height": 0.5625}
    explanation = {"id": "0", "rows": 7, "columns": 7, "values": values, "area": area}
    page.route("**/classification?explain=true", answer_with(explanation=explanation))
    open_page(page, cloud.url, width=390)
    choose(page, "turned.jpg", turned_photo_of_a_product())
    expect(page.get_by_role("status")).to_contain_text("Done")
    why = page.get_by_role("button", name="Why this class?")
    why.click()
    expect(page.locator("#map-said")).to_contain_text("most at the bottom left")
    found = read_map(page)
    assert found["width"] / found["height"] == 0.5625
    assert found["spot"]["x"] < 0.5
    assert 0.7 < found["spot"]["y"] < 0.79
    assert found["spot"]["alpha"] < 0.1
    # Of an upright photo the model sees the middle.
    assert found["top"] > 0.75
    assert found["bottom"] > 0.75
    assert found["isOverThePhoto"]

    page.get_by_role("button", name="Hide the map").click()
    expect(page.locator("#map")).to_be_hidden()
    expect(page.locator("#map-said")).to_be_empty()
    why.click()
    expect(page.locator("#map")).to_be_visible()  # without another call
    press_sample(page, "Mango can")
    expect(page.locator("#map")).to_be_hidden()


def test_an_uploaded_photo_is_not_uploaded_again_and_a_model_without_a_map_shows_none(
    page: Page, page_url: str
) -> None:
    posts: list[str] = []
    page.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)
    upload_all(page)
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    posts.clear()
    why = page.get_by_role("button", name="Why this class?")
    why.click()
    expect(page.locator("#map-said")).to_contain_text("Bright areas support")
    assert posts == [f"{page_url}/classification"]

    press_sample(page, "Cat")
    expect_answer(page, " cat|tabby")
    intercept(page, page_url, "path", answer_with(explanation=None), times=1)
    why.click()
    expect(page.locator("#map-said")).to_have_text("This model gives no map.")
    expect(page.locator("#map")).to_be_hidden()
    expect(why).to_be_hidden()

    # Where the service says that its model has no maps, none is offered.
    intercept(page, page_url, "path", answer_with(explains=False), times=1)
    press_sample(page)
    expect_answer(page)
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    expect(why).to_be_hidden()
