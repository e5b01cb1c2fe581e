"""The screen of a terminal, after what a command printed.

It knows the control sequences that our commands print and refuses all others, since a picture of
those would be wrong. Those that it knows are of ECMA-48, `CSI` being ESC and `[`.
"""

import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from warmlens.errors import WarmlensError

_TOKEN = re.compile(
    r"\x1b\[(?P<numbers>\??[\d;]*)(?P<final>[A-Za-z])"
    r"|(?P<control>[\x00-\x1f\x7f])|(?P<text>[^\x00-\x1f\x7f]+)"
)
_UNFINISHED = re.compile(r"\x1b(\[[?\d;]*)?\Z")
_CURSOR_SHOWN, _CURSOR_HIDDEN = ("?25", "h"), ("?25", "l")
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@dataclass(frozen=True)
class Style:
    """The look of characters.

    Attributes:
        color: one of eight names; empty for the terminal's own.
        bold: True for bold characters.
        dim: True for dim ones.
        italic: True for italic ones.
    """

    color: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False


PLAIN = Style()
_CHANGES: dict[int, dict[str, Any]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    39: {"color": ""},
    **{first + number: {"color": name} for first in (30, 90) for number, name in enumerate(_NAMES)},
}


@dataclass(frozen=True)
class Span:
    """Characters of a row with one style."""

    text: str
    style: Style = PLAIN


Row = tuple[Span, ...]


class Screen:
    """A screen without a lower end: rows that a terminal would scroll away stay.

    Args:
        columns: characters in a row; longer lines are continued in the next one.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._rows: list[list[tuple[str, Style]]] = [[]]
        self._row = self._column = 0
        self._style = PLAIN
        self._unfinished = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows down to the cursor's, without spaces at their ends."""
        rows = [_spans(row) for row in self._rows]
        while len(rows) > self._row + 1 and not rows[-1]:
            rows.pop()
        return tuple(rows)

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, from 0."""
        return self._row, self._column

    def write(self, text: str) -> None:
        """Show what a command printed, which may end within a control sequence.

        Raises:
            WarmlensError: it has a control sequence that this screen does not know.
        """
        text = self._unfinished + text
        unfinished = _UNFINISHED.search(text)
        self._unfinished = unfinished[0] if unfinished else ""
        for token in _TOKEN.finditer(text.removesuffix(self._unfinished)):
            if token["text"]:
                for character in token["text"]:
                    self._put(character)
            elif token["control"]:
                self._control(token["control"])
            else:
                self._sequence(token["numbers"], token["final"])

    def _put(self, character: str) -> None:
        if self._column == self._columns:
            self._down()
            self._column = 0
        row = self._rows[self._row]
        row.extend((" ", PLAIN) for _ in range(self._column + 1 - len(row)))
        row[self._column] = (character, self._style)
        self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])

    def _control(self, character: str) -> None:
        if character == "\n":
            self._down()
        elif character == "\r":
            self._column = 0
        else:
            raise _unknown(repr(character))

    def _sequence(self, numbers: str, final: str) -> None:
        if final == "m":
            for code in map(int, (numbers or "0").split(";")):
                if code and code not in _CHANGES:
                    raise _unknown(f"CSI {numbers} m")
                self._style = replace(self._style, **_CHANGES[code]) if code else PLAIN
        elif final == "A":
            self._row = max(0, self._row - int(numbers or 1))
        elif (numbers, final) in (("2", "K"), ("", "K"), ("0", "K")):
            del self._rows[self._row][0 if numbers == "2" else self._column :]
        elif (numbers, final) not in (_CURSOR_SHOWN, _CURSOR_HIDDEN):
            raise _unknown(f"CSI {numbers} {final}")


def _unknown(what: str) -> WarmlensError:
    message = f"A command printed what the recorded screen does not know: {what}"
    return WarmlensError("not_recorded", message)


def _spans(cells: list[tuple[str, Style]]) -> Row:
    end = len(cells)
    while end and cells[end - 1][0] == " ":
        end -= 1
    styled = groupby(cells[:end], key=lambda cell: cell[1])
    return tuple(Span("".join(text for text, _ in group), style) for style, group in styled)
