"""How long a call and its stages took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """A clock that starts with the call.

    Attributes:
        milliseconds: time of each finished stage by name, in the order they ran.
    """

    def __init__(self) -> None:
        self._started_s = time.perf_counter()
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Measure the block as the stage `name`, also when it raises."""
        begun_s = time.perf_counter()
        try:
            yield
        finally:
            self.milliseconds[name] = round((time.perf_counter() - begun_s) * 1000, 3)

    def elapsed_s(self) -> float:
        """Return the seconds since the call began."""
        return time.perf_counter() - self._started_s
