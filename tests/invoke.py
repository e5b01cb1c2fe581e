"""Run a command line in this process, as its program does, and keep what it prints."""

import contextlib
import io
from dataclasses import dataclass

import typer

from warmlens.command_line import run


@dataclass(frozen=True)
class Result:
    """The exit code of a command, and what it printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both of them."""
        return self.stdout + self.stderr


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def invoke(app: typer.Typer, *arguments: str, terminal: bool = False) -> Result:
    """Run a command to its end, with its output in a pipe or on a terminal."""
    out, err = (_Terminal(), _Terminal()) if terminal else (io.StringIO(), io.StringIO())
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        exit_code = run(app, arguments)
    return Result(exit_code, out.getvalue(), err.getvalue())
