"""A clock that runs as the machine's does, and jumps over times in which nothing happens."""

import asyncio
import time


class SkippingClock:
    """Time for the pool of a replay; sleepers whose time was skipped wake at once."""

    def __init__(self) -> None:
        self._begun_s = time.monotonic()
        self._skipped_s = 0.0
        self._skip = asyncio.Event()

    def monotonic(self) -> float:
        """Seconds since it was made, skipped ones included."""
        return time.monotonic() - self._begun_s + self._skipped_s

    async def sleep(self, delay_s: float) -> None:
        """Return once `delay_s` seconds have passed or been skipped."""
        wake_s = self.monotonic() + delay_s
        while (left_s := wake_s - self.monotonic()) > 0:
            skip = self._skip
            try:
                await asyncio.wait_for(skip.wait(), left_s)
            except TimeoutError:
                return

    async def skip_to(self, moment_s: float) -> None:
        """Jump to a moment unless it is past; what was due until then is done afterwards."""
        left_s = moment_s - self.monotonic()
        if left_s <= 0:
            return
        self._skipped_s += left_s
        skip, self._skip = self._skip, asyncio.Event()
        skip.set()
        for _ in range(20):  # woken sleepers end their instances within a few turns of the loop
            await asyncio.sleep(0)
