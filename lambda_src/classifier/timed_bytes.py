"""In-memory files with a read deadline, to stop the decoding of hostile images."""

import io
import time


class TookTooLongError(Exception):
    """The file was read after its deadline."""


class TimedBytes(io.BytesIO):
    """An in-memory file that raises an error when it is read after a deadline.

    Args:
        data: the bytes.
        limit_ms: time from now in milliseconds after which reads fail.
    """

    def __init__(self, data: bytes, *, limit_ms: int) -> None:
        super().__init__(data)
        self._end_s = time.monotonic() + limit_ms / 1000

    def with_data(self, data: bytes) -> "TimedBytes":
        """Return a file of other bytes with the same deadline."""
        other = TimedBytes(data, limit_ms=0)
        other._end_s = self._end_s
        return other

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes, like any file.

        Raises:
            TookTooLongError: the deadline has passed.
        """
        self.check()
        return super().read(size)

    def check(self) -> None:
        """Raise TookTooLongError if the deadline has passed."""
        if time.monotonic() > self._end_s:
            raise TookTooLongError
