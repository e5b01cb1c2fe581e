"""A limit on the time of decoding, and in-memory files that keep it, to stop hostile images."""

import io
import time


class TookTooLongError(Exception):
    """The deadline has passed."""


class Deadline:
    """The end of the time that all steps of decoding have together.

    Args:
        limit_ms: time from now in milliseconds.
    """

    def __init__(self, limit_ms: int) -> None:
        self.limit_ms = limit_ms
        self._end_s = time.monotonic() + limit_ms / 1000

    def left_ms(self) -> float:
        """Return the time until the deadline in milliseconds, below 0 after it."""
        return (self._end_s - time.monotonic()) * 1000

    def check(self) -> None:
        """Raise TookTooLongError if the deadline has passed."""
        if self.left_ms() < 0:
            raise TookTooLongError


class TimedBytes(io.BytesIO):
    """An in-memory file that raises an error when it is read after a deadline.

    Args:
        data: the bytes.
        deadline: the time after which reads fail.
    """

    def __init__(self, data: bytes, deadline: Deadline) -> None:
        super().__init__(data)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes, like any file.

        Raises:
            TookTooLongError: the deadline has passed.
        """
        self._deadline.check()
        return super().read(size)
