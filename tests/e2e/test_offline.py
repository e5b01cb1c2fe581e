"""The page offline: once opened, it opens again without its server."""

import re
import signal
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, expect

from tests.conftest import start_cloud
from tests.e2e.page_driver import (
    COFFEE,
    SAMPLES,
    choose,
    expect_answer,
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
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            press_sample(page, "Mango can")
            expect_answer(page, "Mango")
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
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    paths: list[str] = page.evaluate(
        """async () => {
          const store = await caches.open("warmlens-page");
          return (await store.keys()).map(({ url }) => new URL(url).pathname.slice(1));
        }"""
    )
    return set(paths)


def test_only_the_samples_that_the_page_shows_are_cached(browser: Browser, page_url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    open_page(page, page_url)
    samples = {path for path in kept_files(page) if path.endswith(".jpg")}
    assert samples == {f"samples/{name}.jpg" for name in ("coffee", "cat", "flower", "rocket")}
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


def listed(name: str) -> set[str]:
    """Read a list of files from the service worker."""
    worker = (WEB / "worker.js").read_text(encoding="utf-8")
    (files,) = re.findall(rf"const {name} = \[(.*?)\];", worker, re.DOTALL)
    return set(re.findall(r'"(.*?)"', files))


def test_every_file_of_the_page_is_cached_for_use_offline() -> None:
    kept = listed("FILES") | listed("FILES_OF_THE_LOCAL_CLOUD")
    files = {str(path.relative_to(WEB)) for path in WEB.rglob("*") if path.is_file()}
    assert kept - {"./", "configuration.json"} == files - {
        "worker.js",  # which the browser keeps itself
        *(str(path.relative_to(WEB)) for path in SAMPLES.iterdir() if path.suffix != ".json"),
    }


def test_the_page_of_a_deployment_stays_small() -> None:
    files = listed("FILES") - {"./", "configuration.json", "samples/galleries.json"}
    sizes = {name: (WEB / name).stat().st_size for name in files | {"worker.js"}}
    assert sum(sizes.values()) < 100 * 1024, sizes
