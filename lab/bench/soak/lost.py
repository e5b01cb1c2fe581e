"""Lost instances, read from the log of a running local cloud."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

_LOOK_EVERY_S = 1.0
# The pool writes these when a process ended by itself, or was ended because of its time.
_LOST = re.compile(
    rb"^\[(\w+)\].*(?:Runtime exited|Status: timeout|Error Type: Runtime\.|Task timed out)", re.M
)


class LostInstances:
    """Finds lost instances in a log that is put aside when it is large.

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
        with contextlib.suppress(FileNotFoundError):  # it is being put aside
            if os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino:
                following = self._path.open("rb")
                self._read()  # the last lines of the file that was put aside
                self._file.close()
                self._file = following
                self._read()

    def _read(self) -> None:
        lines, newline, self._rest = (self._rest + self._file.read()).rpartition(b"\n")
        self.ids.update(match[1].decode() for match in _LOST.finditer(lines + newline))

    def close(self) -> None:
        """Close the log."""
        self._file.close()


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[LostInstances]:
    """Watch for lost instances until the block ends."""
    lost = LostInstances(path)

    async def watch() -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            lost.look()

    task = asyncio.create_task(watch())
    try:
        yield lost
    finally:
        task.cancel()
        lost.look()
        lost.close()
