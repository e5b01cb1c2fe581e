"""Commands that run in a pseudo-terminal, and the times of their output."""

import codecs
import contextlib
import errno
import os
import pty
import select
import signal
import subprocess
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from warmlens.errors import WarmlensError

COLUMNS, ROWS = 90, 25
LONGEST_SILENCE_S = 600  # the first start installs what it needs
_QUIET_S = 0.5  # what comes at once after the awaited text is read with it
# A make within a make prints folders; the others decide on colors, width and accounts.
_LEFT_OUT = ("MAKE", "MFLAGS", "AWS_", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
_OF_A_TERMINAL = {"TERM": "xterm-16color", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Output:
    """Output that was read at one time.

    Attributes:
        at_s: seconds since the start of the command.
        text: the text, with its control sequences.
    """

    at_s: float
    text: str


@dataclass(frozen=True)
class Recorded:
    """A command that was run.

    Attributes:
        command: the command, as it is typed.
        outputs: its output, in order.
        took_s: seconds from its start to its end, or to the last output that was awaited.
    """

    command: str
    outputs: tuple[Output, ...]
    took_s: float

    @property
    def text(self) -> str:
        """The whole output."""
        return "".join(each.text for each in self.outputs)


class PseudoTerminal:
    """A command in a pseudo-terminal of `COLUMNS` by `ROWS`, ended with the block.

    Args:
        command: a line for the shell.
        folder: the folder to run it in.
    """

    def __init__(self, command: str, folder: Path) -> None:
        self._command = command
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (ROWS, COLUMNS))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_LEFT_OUT)}
        self._begun_s = time.monotonic()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env={**kept, **_OF_A_TERMINAL},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,  # so that all its processes can be ended
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            while _read(self._ours):
                pass
            self._process.wait(120)
        os.close(self._ours)

    def record(self, until: str = "") -> Recorded:
        """Read what the command prints to its end, or to a text and what comes at once after it.

        Raises:
            WarmlensError: it failed, ended before that text, or printed nothing for
                `LONGEST_SILENCE_S`.
        """
        outputs: list[Output] = []
        seen = ""
        decoder = codecs.getincrementaldecoder("utf-8")()
        while True:
            is_there = bool(until) and until in seen
            wait_s = _QUIET_S if is_there else LONGEST_SILENCE_S
            if not select.select([self._ours], [], [], wait_s)[0]:
                if is_there:
                    return Recorded(self._command, tuple(outputs), outputs[-1].at_s)
                raise self._failed(f"printed nothing for {LONGEST_SILENCE_S} s", seen)
            data = _read(self._ours)
            if not data:
                break
            text = decoder.decode(data)
            outputs.append(Output(time.monotonic() - self._begun_s, text))
            seen += text
        code = self._process.wait(LONGEST_SILENCE_S)
        took_s = time.monotonic() - self._begun_s
        if code or until:
            raise self._failed(f"ended with code {code}", seen)
        return Recorded(self._command, tuple(outputs), took_s)

    def _failed(self, what: str, seen: str) -> WarmlensError:
        return WarmlensError("not_recorded", f"{self._command} {what}. It printed:\n{seen}")


def _read(descriptor: int) -> bytes:
    """Read from a pseudo-terminal; nothing is left once all processes in it have ended."""
    try:
        return os.read(descriptor, 65_536)
    except OSError as error:
        if error.errno == errno.EIO:  # Linux; macOS returns nothing
            return b""
        raise
