"""Clock of the pool: the system's, or a fake one in tests."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Measures expiry, limits and durations."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Return once `delay_s` seconds have passed on this clock."""
        ...


class SystemClock:
    """The system's monotonic clock."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Sleep for `delay_s` real seconds."""
        await asyncio.sleep(delay_s)
