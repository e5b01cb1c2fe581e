"""Log files of the local cloud, which keep the newest lines within a size."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

MAX_BYTES = 20 * 2**20
"""Size at which a log is put aside as NAME.1, in the place of the one before."""
_CHECK_EVERY_S = 30.0


class CappedLog:
    """A log that takes at most twice `max_bytes` of the disk, and never fails.

    A line that cannot be written, as on a full disk, is lost. The first one is reported; when lines
    can be written again, the log says how many are missing.

    Args:
        path: the file; what was there is removed, `path`.1 too.
        warn: called with a sentence for a person.
        max_bytes: size at which it is put aside.
    """

    def __init__(
        self, path: Path, *, warn: Callable[[str], None], max_bytes: int = MAX_BYTES
    ) -> None:
        self._path = path
        self._warn = warn
        self._max_bytes = max_bytes
        self._lost = 0
        _aside(path).unlink(missing_ok=True)
        self._file = path.open("wb", buffering=0)
        self._size_bytes = 0

    def write(self, line: str) -> None:
        """Add a line."""
        try:
            if self._lost:
                self._add(f"{self._lost} lines are missing here: they could not be written")
            self._lost = 0
            self._add(line)
        except OSError as error:
            self._lost += 1
            if self._lost == 1:
                self._warn(
                    f"{self._path} cannot be written ({error.strerror}); its lines are lost until "
                    "it can. The local cloud goes on."
                )

    def _add(self, line: str) -> None:
        data = line.encode(errors="replace") + b"\n"
        if self._size_bytes and self._size_bytes + len(data) > self._max_bytes:
            with contextlib.suppress(FileNotFoundError):  # someone has removed it
                self._path.replace(_aside(self._path))
            aside, self._file = self._file, self._path.open("wb", buffering=0)
            aside.close()
            self._size_bytes = 0
        while data:
            written = self._file.write(data)
            self._size_bytes += written
            data = data[written:]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@asynccontextmanager
async def capping(path: Path, *, max_bytes: int = MAX_BYTES) -> AsyncIterator[None]:
    """Keep a log that another process appends to within a size, until the block ends.

    What is too large is copied to NAME.1, and emptied where it is.

    Args:
        path: the file.
        max_bytes: size from which on it is put aside, within half a minute.
    """

    async def watch() -> None:
        while True:
            await asyncio.sleep(_CHECK_EVERY_S)
            with contextlib.suppress(OSError):  # the disk is full, or someone has removed it
                await asyncio.to_thread(cap, path, max_bytes)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def cap(path: Path, max_bytes: int) -> None:
    """Put a log aside that is larger than `max_bytes`, and empty it; its newest part is kept.

    Args:
        path: the file, opened for appending by who writes it.
        max_bytes: its largest size, and that of what is put aside.

    Raises:
        OSError: it cannot be read, or what is put aside not be written.
    """
    size_bytes = path.stat().st_size
    if size_bytes <= max_bytes:
        return
    with path.open("r+b") as file:
        file.seek(size_bytes - max_bytes)
        _aside(path).write_bytes(file.read(max_bytes))
        file.truncate(0)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")
