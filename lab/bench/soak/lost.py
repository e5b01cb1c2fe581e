"""Instances that were lost, counted from the log of a local cloud while it is written."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

_LOOK_EVERY_S = 1.0
# What the pool writes of a process that ended by itself, or that it ended for its time.
_LOST = re.compile(
    rb"^\[(\w+)\].*(?:Runtime exited|Status: timeout|Error Type: Runtime\.|Task timed out)", re.M
)


class LostInstances:
    """Reads a log that is put aside when it is large.

    Args:
        path: the log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("rb")
        self._file.seek(0, os.SEEK_END)
        self._rest = b""
        self.ids: set[str] = set()

    def look(self) -> None:
        """Read what was written since the last look."""
        self._read()
        if os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino:
            self._read()  # of what is put aside, the last lines
            self._file.close()
            self._file = self._path.open("rb")
            self._read()

    def _read(self) -> None:
        lines, newline, self._rest = (self._rest + self._file.read()).rpartition(b"\n")
        self.ids.update(match[1].decode() for match in _LOST.finditer(lines + newline))

    def close(self) -> None:
        """Close the log."""
        self._file.close()


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[LostInstances]:
    """Count the instances that are lost until the block ends."""
    lost = LostInstances(path)

    async def watch() -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            with contextlib.suppress(FileNotFoundError):  # the moment at which it is put aside
                lost.look()

    task = asyncio.create_task(watch())
    try:
        yield lost
    finally:
        task.cancel()
        lost.look()
        lost.close()
