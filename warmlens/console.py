"""Console output of commands: literal text, and tables that turn into plain lines in a pipe."""

import codecs
import io
import sys
from typing import Any

from rich.console import Console as RichConsole
from rich.table import Table
from rich.text import Text

from warmlens.characters import is_unprintable

_PLAIN = {"✓": "+", "…": "..."}
_SPINNER = range(0x2800, 0x2900)  # Braille patterns
_ERRORS = "warmlens.plain"


def printable(text: str) -> str:
    r"""Return text with its unprintable characters escaped, such as ESC as `\x1b`.

    Labels, file names and answers from the network are untrusted: unescaped, they could move the
    cursor, recolour the terminal or reverse the direction of the text. Tabs and line ends stay.
    """
    return "".join(map(_escaped, text))


class Console(RichConsole):
    """A console without markup: square brackets are text, control characters are escaped.

    Args:
        stderr: write to standard error instead of standard output.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def render_str(self, text: str, **options: Any) -> Text:
        """Render a string, in a sentence or in the cell of a table."""
        return super().render_str(printable(text), **options)

    def print_table(self, table: Table) -> None:
        """Print a table: drawn on a terminal, else one line a row with tabs between its cells.

        Args:
            table: cells are strings or Text.
        """
        if self.is_terminal:
            self.print(table)
            return
        columns = [[column.header, *column.cells] for column in table.columns]
        for row in zip(*columns, strict=True):
            cells = (printable(" ".join(str(cell).split())) for cell in row)
            self.file.write("\t".join(cells) + "\n")  # print would turn tabs into spaces


def write_in_any_encoding() -> None:
    r"""Let this process print what the encoding of its output lacks.

    A check mark becomes `+`, other characters an escape such as `\xe9`, where Python would end
    with a UnicodeEncodeError: with `PYTHONIOENCODING=ascii`, say, or a locale of ISO-8859-1.
    """
    codecs.register_error(_ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # tests put others in their places
            stream.reconfigure(errors=_ERRORS)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_in_ascii, lacking)), error.end


def _in_ascii(character: str) -> str:
    if ord(character) in _SPINNER:
        return "*"
    return _PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode("ascii")


def _escaped(character: str) -> str:
    if character in "\t\n" or not is_unprintable(character):
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


out = Console()
err = Console(stderr=True)
