"""Scenes of recorded commands: the lines that are shown, each with its time.

A scene is faster than the commands were: waits are cut. It is slower where a reader needs it: a
command is typed, and its output stays for a moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.pictures.pseudo_terminal import COLUMNS, ROWS, Recorded
from lab.pictures.screen import Row, Screen

LONGEST_WAIT_S = 1.0
PROMPT = "\x1b[32m$\x1b[0m "
_KEYS, _KEYS_S = 4, 0.06  # characters that are typed at once, and how long they take
_BEFORE_ENTER_S = 0.5
_READING_S = 2.0
_READING_ROW_S = 0.08  # a long answer takes longer to read
_SHORTEST_FRAME_S = 0.05


@dataclass(frozen=True)
class Line:
    """A row with the time in which it is shown.

    Attributes:
        number: its row in the scene, from 0.
        row: the characters.
        from_s: seconds from the picture's start.
        to_s: likewise; the scene's end if nothing takes its place.
    """

    number: int
    row: Row
    from_s: float
    to_s: float


@dataclass(frozen=True)
class Note:
    """Words beside a row, such as how long its command took, from a time on."""

    number: int
    words: str
    from_s: float


@dataclass(frozen=True)
class Scene:
    """A terminal with its commands.

    Attributes:
        title: name of the terminal.
        lines: all that it shows.
        notes: the time that each command really took.
        scrolls: times at which the upper row changes, in seconds, each with that row's number.
        from_s: seconds from the picture's start.
        to_s: likewise.
    """

    title: str
    lines: tuple[Line, ...]
    notes: tuple[Note, ...]
    scrolls: tuple[tuple[float, int], ...]
    from_s: float
    to_s: float


def scene_of(title: str, runs: Sequence[Recorded], from_s: float = 0.0) -> Scene:
    """Return the scene of commands that follow each other in one terminal.

    Args:
        title: name of the terminal.
        runs: the commands.
        from_s: the scene's start, in seconds from the picture's.

    Raises:
        WarmlensError: a command printed what :class:`Screen` does not know.
    """
    film = _Film(from_s)
    for run in runs:
        film.play(run)
    return film.scene(title, from_s)


class _Film:
    def __init__(self, now_s: float) -> None:
        self._now_s = now_s
        self._screen = Screen(COLUMNS)
        self._shown: dict[int, tuple[Row, float]] = {}
        self._lines: list[Line] = []
        self._notes: list[Note] = []
        self._scrolls = [(now_s, 0)]

    def play(self, run: Recorded) -> None:
        row = self._type(run.command)
        shown_s, before_s, wait_s = 0.0, 0.0, 0.0
        for output in run.outputs:
            wait_s += output.at_s - before_s
            before_s = output.at_s
            if wait_s >= _SHORTEST_FRAME_S:  # else it joins the frame before
                self._frame()
                shown_s += self._wait(wait_s)
                wait_s = 0.0
            self._screen.write(output.text)
        self._frame()
        shown_s += self._wait(wait_s + run.took_s - before_s)
        cut = ", cut" if run.took_s - shown_s >= 0.1 else ""
        self._notes.append(Note(row, f"{run.took_s:.1f} s{cut}", self._now_s))
        if self._screen.cursor[1]:
            self._screen.write("\r\n")
        self._now_s += _READING_S + _READING_ROW_S * (self._screen.cursor[0] - row)

    def _type(self, command: str) -> int:
        """Type a command; returns the row of its prompt."""
        self._screen.write(PROMPT)
        row = self._screen.cursor[0]
        self._frame()
        self._now_s += _BEFORE_ENTER_S
        for begin in range(0, len(command), _KEYS):
            self._screen.write(f"\x1b[1m{command[begin : begin + _KEYS]}\x1b[0m")
            self._frame()
            self._now_s += _KEYS_S
        self._now_s += _BEFORE_ENTER_S
        self._screen.write("\r\n")
        return row

    def _wait(self, wait_s: float) -> float:
        shown_s = min(wait_s, LONGEST_WAIT_S)
        self._now_s += shown_s
        return shown_s

    def _frame(self) -> None:
        """Show the screen as it is now."""
        now = dict(enumerate(self._screen.rows))
        for number, (row, _) in list(self._shown.items()):
            if now.get(number) != row:
                self._end(number, self._now_s)
        for number, row in now.items():
            if row and number not in self._shown:
                self._shown[number] = (row, self._now_s)
        upper = max(0, len(now) - ROWS)
        if upper != self._scrolls[-1][1]:
            self._scrolls.append((self._now_s, upper))

    def _end(self, number: int, to_s: float) -> None:
        row, from_s = self._shown.pop(number)
        if from_s < to_s:
            self._lines.append(Line(number, row, from_s, to_s))

    def scene(self, title: str, from_s: float) -> Scene:
        for number in list(self._shown):
            self._end(number, self._now_s)
        return Scene(
            title,
            tuple(sorted(self._lines, key=lambda line: (line.from_s, line.number))),
            tuple(self._notes),
            tuple(self._scrolls),
            from_s,
            self._now_s,
        )
