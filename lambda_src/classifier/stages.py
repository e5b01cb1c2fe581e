"""Durations of a call and its stages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """A stopwatch for a call or an init.

    Args:
        started_s: `time.monotonic()` at its start; now unless given.

    Attributes:
        milliseconds: duration of each finished stage by name, in the order they ran.
    """

    def __init__(self, started_s: float | None = None) -> None:
        self._started_s = time.monotonic() if started_s is None else started_s
        self._ended_s = self._started_s
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Measure a `with` block as the stage `name`, also if it raises."""
        begun_s = time.monotonic()
        try:
            yield
        finally:
            self.milliseconds[name] = round((time.monotonic() - begun_s) * 1000, 3)

    def end(self, name: str) -> None:
        """End the stage `name`, which began with the end of the one before."""
        now_s = time.monotonic()
        self.milliseconds[name] = round((now_s - self._ended_s) * 1000, 3)
        self._ended_s = now_s

    def elapsed_s(self) -> float:
        """Return the seconds since the start of the call."""
        return time.monotonic() - self._started_s
