"""A file in memory that can be read from only for so long: decoders ask for one piece at a time."""

import io
import time


class TookTooLongError(Exception):
    """The file was still being read when its time was over."""


class TimedBytes(io.BytesIO):
    """The bytes of a file, for a decoder whose loops a hostile file can make long.

    Args:
        data: the bytes.
        limit_ms: time from now on after which nothing more can be read, in milliseconds.
    """

    def __init__(self, data: bytes, *, limit_ms: int) -> None:
        super().__init__(data)
        self._end_s = time.monotonic() + limit_ms / 1000

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does.

        Raises:
            TookTooLongError: the time is over.
        """
        self.check()
        return super().read(size)

    def check(self) -> None:
        """Raise TookTooLongError when the time is over."""
        if time.monotonic() > self._end_s:
            raise TookTooLongError
