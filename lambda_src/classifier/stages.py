"""Durations of a call and its stages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """A stopwatch that starts with the call.

    Attributes:
        milliseconds: duration of each finished stage by name, in the order they ran.
    """

    def __init__(self) -> None:
        self._started_s = time.perf_counter()
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Measure a `with` block as the stage `name`, also if it raises."""
        begun_s = time.perf_counter()
        try:
            yield
        finally:
            self.milliseconds[name] = round((time.perf_counter() - begun_s) * 1000, 3)

    def elapsed_s(self) -> float:
        """Return the seconds since the start of the call."""
        return time.perf_counter() - self._started_s
