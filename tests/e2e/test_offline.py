"""The page offline: once opened, it opens again without its server."""

import base64
import json
import re
import signal
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from tests.conftest import start_cloud
from tests.e2e.page_driver import (
    COFFEE,
    choose,
    expect_answer,
    expect_problem,
    history,
    open_page,
    press_sample,
)
from tests.e2e.page_stub import PausedRequest
from warmlens.paths import WEB

WIDTHS = (390, 1280)


def test_once_opened_the_page_opens_without_its_server(browser: Browser, tmp_path: Path) -> None:
    cloud, process = start_cloud(tmp_path)
    pages = [browser.new_context().new_page() for _ in WIDTHS]
    try:
        for page, width in zip(pages, WIDTHS, strict=True):
            open_page(page, cloud.url, width)
            press_sample(page, "Mango can")
            expect_answer(page, "Mango")
            kept_files(page)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    for page in pages:
        opens_without_its_server(page, cloud.url)
        page.context.close()


def opens_without_its_server(page: Page, url: str) -> None:
    page.reload()
    expect(page.get_by_role("heading", name="Warmlens")).to_be_visible()
    samples = page.get_by_role("region", name="Sample photos").get_by_role("button")
    expect(samples).to_have_count(8)
    for picture in samples.locator("img").all():
        expect(picture).to_have_js_property("naturalWidth", 480)
    press_sample(page, "Mango can")
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile("could not be reached.*Your photo is kept", re.DOTALL)
    )
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.goto(f"{url}/index.html")
    expect(samples).to_have_count(8)


def kept_files(page: Page) -> set[str]:
    """Wait until the page is cached, and return the paths of its files."""
    paths: list[str] = page.evaluate(
        """async () => {
          const store = await caches.open("warmlens-page");
          while (!(await store.keys()).length) await new Promise((end) => setTimeout(end, 50));
          return (await store.keys()).map(({ url }) => new URL(url).pathname.slice(1));
        }"""
    )
    return set(paths)


def test_only_the_samples_that_the_page_shows_are_cached(browser: Browser, page_url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    open_page(page, page_url)
    press_sample(page)
    expect_answer(page)
    kept = kept_files(page)
    samples = {path for path in kept if path.endswith(".jpg")}
    assert samples == {f"samples/{name}.jpg" for name in ("coffee", "cat", "flower", "rocket")}
    files = {path.name for path in WEB.iterdir() if path.is_file()}
    assert files - kept == {"worker.js", "icon.png"}  # which the browser keeps itself
    others = {"", "configuration.json", "samples/galleries.json"}
    assert kept - files - samples == others, "an answer was kept, or what is not of the page"
    context.close()


SHARE = """async ([action, name, base64]) => {
  const wait = () => new Promise((end) => setTimeout(end, 20));
  while (!navigator.serviceWorker.controller) await wait();
  const photo = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const body = new FormData();
  for (const file of ["été.jpg", "two.jpg"]) body.append(name, new File([photo], file));
  return (await fetch(action, { method: "POST", body })).url;
}"""


def share_two_photos(page: Page, page_url: str) -> str:
    """Share as a phone does, to the manifest's address, and return the address that it opens."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    target = httpx.get(f"{page_url}/manifest.webmanifest").json()["share_target"]
    (files,) = target["params"]["files"]
    photo = base64.b64encode(COFFEE).decode()
    return str(page.evaluate(SHARE, [target["action"], files["name"], photo]))


def test_photos_that_another_app_shares_are_classified(browser: Browser, page_url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    open_page(page, page_url)
    page.goto(share_two_photos(page, page_url))
    expect(history(page)).to_contain_text(["two.jpg", "été.jpg"])
    expect(history(page)).to_contain_text(["%", "%"])
    expect(page).to_have_url(f"{page_url}/")
    page.reload()  # they are taken once
    expect(page.get_by_role("button", name="Coffee")).to_be_visible()
    expect(history(page)).to_have_count(0)
    # No space is left for what is shared next.
    devtools = context.new_cdp_session(page)
    devtools.send("Storage.overrideQuotaForOrigin", {"origin": page_url, "quotaSize": 1})
    page.goto(share_two_photos(page, page_url))
    expect_problem(page, "could not store the shared photo", "free some space")
    expect(history(page)).to_have_count(0)
    expect(page).to_have_url(f"{page_url}/")
    context.close()


COUNT_REGISTRATIONS = """
window.registrations = 0;
const register = ServiceWorkerContainer.prototype.register;
ServiceWorkerContainer.prototype.register = function (...values) {
  window.registrations += 1;
  return register.apply(this, values);
};
"""


def test_caching_the_page_waits_for_the_first_photo(browser: Browser, page_url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    page.add_init_script(COUNT_REGISTRATIONS)
    pictures: list[Route] = []
    page.route("**/favicon.svg", lambda route: pictures.append(route))  # the page waits for it
    page.goto(page_url, wait_until="domcontentloaded")
    paused = PausedRequest(page, page_url, "classification")
    choose(page, "mine.jpg", COFFEE)
    first = paused.wait()
    for picture in pictures:
        picture.continue_()
    page.wait_for_load_state("load")
    page.clock.run_for(10_000)
    assert page.evaluate("window.registrations") == 0
    first.continue_()
    expect_answer(page)
    page.wait_for_function("() => window.registrations === 1")
    assert kept_files(page)
    context.close()


LOCAL = {"fleet.js", "local-call.js", "local.css", "local.js", "switch.js"}


def test_the_page_stays_small() -> None:
    sizes = {path.name: path.stat().st_size for path in WEB.iterdir() if path.is_file()}
    assert sizes.keys() >= LOCAL
    of_local = sum(sizes[name] for name in LOCAL)
    assert sum(sizes.values()) - of_local <= 90_000, sizes  # what AWS serves
    assert of_local <= 11_000, sizes


def test_the_page_can_be_installed() -> None:
    manifest = json.loads((WEB / "manifest.webmanifest").read_text(encoding="utf-8"))
    assert {"name", "start_url", "icons"} <= manifest.keys()
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        path = WEB / icon["src"]
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert icon["sizes"] == "x".join(map(str, picture.size))
        assert path.is_file()
