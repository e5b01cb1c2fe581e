"""The pool's clock: real time, or a test's own."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What expiry, limits and durations are measured with."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Return once `delay_s` seconds have passed on this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Sleep for `delay_s` real seconds."""
        await asyncio.sleep(delay_s)
