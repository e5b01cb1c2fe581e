"""The recordings of terminal and page: the README's commands, small, without a machine's names."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageSequence

from lab.pictures import page_film, recording
from lab.pictures.pseudo_terminal import COLUMNS, Output, PseudoTerminal, Recorded
from lab.pictures.screen import Screen
from lab.pictures.terminal_svg import NO_BREAK
from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS, ROOT
from warmlens.registry.catalog import list_models

PICTURES = ROOT / "docs" / "pictures"
TERMINAL, PAGE = PICTURES / recording.TERMINAL, PICTURES / recording.PAGE
README = (ROOT / "README.md").read_text()
ABSOLUTE = re.compile(r"""(?<![\w.:~/@)'"])/(?!tmp\b)\w""")
STARTED = Recorded("make run", (Output(0.1, "  Page http://127.0.0.1:8080\r\n"),), 0.1)
LONGEST_S = 60


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    found = root.iter("{http://www.w3.org/2000/svg}text")
    return ["".join(each.itertext()).replace(NO_BREAK, " ") for each in found]


def drawn(*outputs: Output, took_s: float | None = None) -> list[str]:
    took_s = outputs[-1].at_s if took_s is None else took_s
    return texts(recording.drawn(STARTED, [Recorded("try", outputs, took_s)]))


def test_the_recorded_commands_are_those_of_the_readme() -> None:
    shown, typed = texts(TERMINAL.read_text()), []
    for command in (recording.START, *recording.COMMANDS):
        assert command in README, f"the README has no {command}"
        row = f"$ {command}"
        typed.append(row)
        for begin in range(0, len(row), COLUMNS):
            assert row[begin : begin + COLUMNS].strip() in shown, "run: make pictures"
    prompts = [text for text in shown if text.startswith("$")]
    assert all(any(row.startswith(text) for row in typed) for text in prompts)


def test_the_recorded_start_publishes_the_models_that_there_are() -> None:
    (line,) = {text for text in texts(TERMINAL.read_text()) if "Publishing the other" in text}
    newest = {each.name: each.version for each in list_models(MODEL_ARTIFACTS).versions}
    published = dict(re.findall(r"([\w-]+) (\d+\.\d+\.\d+)", line))
    assert published
    assert published.items() <= newest.items(), "run: make pictures"


def test_recordings_name_no_machine() -> None:
    for text in texts(TERMINAL.read_text()):
        assert not ABSOLUTE.search(text), text
        assert not re.search(r"https?://(?!127\.0\.0\.1:)", text), text
    with Image.open(PAGE) as page:
        assert not {"exif", "xmp", "icc_profile"} & set(page.info)


def test_recordings_are_small_and_take_less_than_a_minute() -> None:
    for file in (TERMINAL, PAGE):
        assert file.stat().st_size <= page_film.MAX_BYTES, file.name
    (terminal_s,) = re.findall(r"animation:([\d.]+)s ", TERMINAL.read_text())
    assert 10 < float(terminal_s) < LONGEST_S
    with Image.open(PAGE) as page:
        assert page.width == page_film.SCALE * page_film.WIDTH_PX
        assert page.height > page_film.SCALE * page_film.HEIGHT_PX
        shown_ms = 0.0
        for frame in ImageSequence.Iterator(page):
            frame.load()
            shown_ms += frame.info["duration"]
    assert 10 < shown_ms / 1000 < LONGEST_S


@pytest.mark.parametrize("page", ["README.md", "docs/quick-start.md"])
def test_pages_describe_their_recordings_and_have_a_still_for_who_avoids_motion(page: str) -> None:
    text = (ROOT / page).read_text()
    (picture,) = re.findall(r"<picture>(.*?)</picture>", text, re.DOTALL)
    (still,) = re.findall(
        r'<source media="\(prefers-reduced-motion: reduce\)" srcset="([^"]+)">', picture
    )
    (moving, words) = re.findall(r'<img src="([^"]+)" width="\d+"\s+alt="([^"]+)">', picture)[0]
    folder = (ROOT / page).parent
    assert (folder / moving).resolve() == PAGE
    assert (folder / still).is_file()
    assert Path(still).suffix == ".png"
    (terminal_words,) = re.findall(rf"!\[([^\]]+)\]\([^)]*{recording.TERMINAL}\)", text)
    assert min(len(words), len(terminal_words)) > 60


def test_a_wait_is_cut_and_the_real_time_is_beside_the_command() -> None:
    begins, ends = Output(0.2, "  … Step\r"), Output(7.2, "  \x1b[1m✓ Step\x1b[0m (7.0 s)\r\n")
    shown = drawn(begins, ends)
    assert "7.2 s, cut" in shown
    assert {"… Step", "✓ Step (7.0 s)"} <= set(shown)
    svg = recording.drawn(STARTED, [Recorded("try", (begins, ends), 7.2)])
    (whole_s,) = re.findall(r"animation:([\d.]+)s ", svg)
    (short_s,) = re.findall(
        r"animation:([\d.]+)s ",
        recording.drawn(STARTED, [Recorded("try", (begins, Output(1.2, ends.text)), 1.2)]),
    )
    assert whole_s == short_s
    assert "1.2 s" in drawn(begins, Output(1.2, ends.text))


def test_what_a_spinner_has_removed_is_not_left_on_the_picture() -> None:
    spinner = "\x1b[?25l\r\x1b[2K\x1b[32m*\x1b[0m reading"
    ended = "\r\n\x1b[?25h\r\x1b[1A\x1b[2Kread it\r\n"
    screen = Screen(COLUMNS)
    for text in (spinner[:12], spinner[12:], ended):  # in pieces, as a pipe delivers it
        screen.write(text)
    rows = ["".join(span.text for span in row) for row in screen.rows]
    assert rows == ["read it", ""]


def test_a_long_line_goes_on_in_the_next_row() -> None:
    assert {"x" * COLUMNS, "yz"} <= set(drawn(Output(0.1, "x" * COLUMNS + "yz")))


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "\x1b[2J", "\x1b[48;5;9mred", "a\tb"])
def test_what_the_screen_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(WarmlensError, match="does not know"):
        drawn(Output(0.1, text))


def test_the_path_of_the_clone_is_not_shown_and_other_private_words_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "Log ~/warmlens/.warmlens/x" in drawn(Output(0.1, f"Log {ROOT}/.warmlens/x\r\n"))
    monkeypatch.setattr("socket.gethostname", lambda: "build-7")
    for private in (f"{Path.home()}/keys", "on build-7 now"):
        with pytest.raises(WarmlensError, match="would show"):
            drawn(Output(0.1, private))


def test_commands_run_in_a_terminal_of_known_width(tmp_path: Path) -> None:
    with PseudoTerminal("test -t 1 && stty size && pwd", tmp_path) as terminal:
        run = terminal.record()
    assert run.text.split() == ["25", str(COLUMNS), str(tmp_path.resolve())]
    assert run.took_s >= run.outputs[-1].at_s


def test_a_command_that_fails_is_not_recorded(tmp_path: Path) -> None:
    for command, until in (("echo no; exit 3", ""), ("echo no", "Ready")):
        with (
            PseudoTerminal(command, tmp_path) as terminal,
            pytest.raises(WarmlensError, match=r"ended with code [03]\. It printed:\nno"),
        ):
            terminal.record(until)


def test_a_command_that_goes_on_is_recorded_until_it_is_ready_and_then_ended(
    tmp_path: Path,
) -> None:
    with PseudoTerminal("trap 'touch ended; exit' TERM; echo Ready; sleep 60", tmp_path) as app:
        assert app.record("Ready").text == "Ready\r\n"
    assert (tmp_path / "ended").exists()
