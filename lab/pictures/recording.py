"""Recordings of the first minutes: `python -m lab.pictures.recording FOLDER`.

The commands of the README run in a pseudo-terminal, and the page in a browser. What the recordings
show is what was printed and drawn; waits are cut, and the recordings say where.
"""

import re
import socket
import sys
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright

from lab.pictures import terminal_svg
from lab.pictures.chromium import launch_chromium
from lab.pictures.page_film import record_page
from lab.pictures.pseudo_terminal import PseudoTerminal, Recorded
from lab.pictures.scene import scene_of
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT

# Lines of the README's "Run it".
START = "make run"
COMMANDS = (
    ".venv/bin/warmlens classify web/samples/coffee.jpg",
    "curl -s $(.venv/bin/warmlens local url)/classification -H 'content-type: image/jpeg' "
    "--data-binary @web/samples/coffee.jpg",
    ".venv/bin/warmlens warm 5",
    ".venv/bin/warmlens local status",
)
TERMINAL, PAGE = "terminal.svg", "page.webp"
CLONE = "~/warmlens"  # in place of the clone's path, which concerns nobody
_LAST_LINE = "Ctrl-C, or"  # of a local cloud that is ready


def main(folder: Path) -> None:
    """Start the app and record `terminal.svg` and `page.webp`.

    Args:
        folder: the folder of the recordings.

    Raises:
        WarmlensError: a command failed, as `make run` does where the app runs already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with PseudoTerminal(START, ROOT) as app:
        started = app.record(until=_LAST_LINE)
        runs = [_run(command) for command in COMMANDS]
        (folder / TERMINAL).write_text(drawn(started, runs), encoding="utf-8")
        found = re.search(r"Page +(http://\S+)", started.text)
        assert found
        with sync_playwright() as playwright:
            browser = launch_chromium(playwright)
            record_page(browser, found[1], folder / PAGE)
            browser.close()


def drawn(started: Recorded, runs: list[Recorded]) -> str:
    """Return the recording of the terminals.

    Args:
        started: the app's start.
        runs: commands of another terminal.

    Raises:
        WarmlensError: it would show what names this machine or its user.
    """
    first = scene_of("Terminal 1", [_without_clone(started)])
    second = scene_of("Terminal 2", [_without_clone(run) for run in runs], first.to_s)
    picture = terminal_svg.draw(
        [first, second],
        title="Warmlens in a terminal",
        description=f"{START} starts the app on this machine, and in another terminal run: "
        f"{'; '.join(run.command for run in runs)}.",
    )
    for private in (str(ROOT), str(Path.home()), socket.gethostname()):
        if private != "/" and re.search(rf"(?<!\w){re.escape(private)}(?!\w)", picture):
            raise WarmlensError("not_recorded", f"{TERMINAL} would show {private}")
    return picture


def _run(command: str) -> Recorded:
    with PseudoTerminal(command, ROOT) as terminal:
        return terminal.record()


def _without_clone(run: Recorded) -> Recorded:
    outputs = (replace(each, text=each.text.replace(str(ROOT), CLONE)) for each in run.outputs)
    return replace(run, outputs=tuple(outputs))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except WarmlensError as error:
        sys.exit(f"{error.code}: {error}")
