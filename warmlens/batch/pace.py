"""The pace of a batch's calls: fewer a second after a throttled one, more after answers."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable

from warmlens.errors import WarmlensError

PATIENCE_S = 600
"""Time without any answer, in which every call is throttled, after which a batch stops."""
_FIRST_INTERVAL_S = 0.1
_LONGEST_INTERVAL_S = 30.0
_SHORTEST_INTERVAL_S = 0.005
_FASTER = 0.95  # with each answer
_TOGETHER_S = 1.0


class Pace:
    """Time between the beginnings of calls, which all workers of a batch share.

    It is 0 at first. A throttled call doubles it and holds all calls back for it; each answer takes
    a twentieth off. So it settles near what the API allows.

    Args:
        clock: returns the seconds of a steady clock.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._interval_s = 0.0
        self._next_s = 0.0
        self._slowed_s = -math.inf
        self._answered_s = clock()

    async def turn(self) -> None:
        """Wait for a call's turn."""
        begin_s = max(self._next_s, self._clock())
        self._next_s = begin_s + self._interval_s
        while (wait_s := begin_s - self._clock()) > 0:
            await self._sleep(wait_s)

    def answered(self) -> None:
        """Speed up a little, as a call was not throttled."""
        self._answered_s = self._clock()
        self._interval_s *= _FASTER
        if self._interval_s < _SHORTEST_INTERVAL_S:
            self._interval_s = 0.0

    def throttled(self, retry_after_s: float | None = None) -> None:
        """Slow down, as a call was throttled; once for calls that were sent together.

        Args:
            retry_after_s: time for which the API asked to wait; None where it did not.

        Raises:
            WarmlensError: `throttled`: there was no answer for `PATIENCE_S`.
        """
        now_s = self._clock()
        if now_s - self._answered_s > PATIENCE_S:
            raise WarmlensError(
                "throttled",
                f"The API throttled every call of the last {PATIENCE_S // 60} minutes. "
                "Run the command again later: it continues where it stopped.",
            )
        if now_s - self._slowed_s >= max(_TOGETHER_S, self._interval_s):
            doubled = max(_FIRST_INTERVAL_S, self._interval_s * 2)
            self._interval_s = min(_LONGEST_INTERVAL_S, doubled)
            self._slowed_s = now_s
        wait_s = max(retry_after_s or 0.0, self._interval_s)
        wait_s *= random.uniform(1, 1.25)  # noqa: S311 - batches that share an API drift apart
        self._next_s = max(self._next_s, now_s + wait_s)
