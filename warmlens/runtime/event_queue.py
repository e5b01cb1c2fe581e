"""Asynchronous calls: taken at once, run when an instance can, run again when they fail."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from warmlens.runtime.clock import Clock, SystemClock
from warmlens.runtime.invocation import InvokeRefusedError, TooManyRequestsError
from warmlens.runtime.pool import InstancePool

ERROR_DELAYS_S = (60.0, 120.0)
FIRST_THROTTLE_DELAY_S, LONGEST_THROTTLE_DELAY_S = 1.0, 300.0
MAX_AGE_S = 6 * 3600.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class QueuedEvent:
    """One asynchronous call, and when it was taken on the queue's clock."""

    function: str
    version: str
    payload: bytes
    request_id: str
    function_arn: str | None
    queued_s: float


class EventQueue:
    """The queue between an asynchronous call and the pool.

    A function error is run again after one and after two minutes, three attempts in all. A call
    that is throttled waits from a second on, twice as long each time up to five minutes, until it
    is six hours old. All attempts have the same request id. Source: AWS Lambda developer guide,
    "How Lambda handles errors and retries with asynchronous invocation".

    Args:
        pool: runs the calls.
        on_discarded: gets an event that failed for good, with the reason, as a dead-letter queue
            would.
        clock: waits between attempts.
    """

    def __init__(
        self,
        pool: InstancePool,
        *,
        on_discarded: Callable[[QueuedEvent, str], None],
        clock: Clock | None = None,
    ) -> None:
        self._pool = pool
        self._on_discarded = on_discarded
        self._clock = clock or SystemClock()
        self._running: set[asyncio.Task[None]] = set()

    def put(
        self,
        *,
        function: str,
        version: str,
        payload: bytes,
        request_id: str,
        function_arn: str | None = None,
    ) -> None:
        """Take a call and return at once; arguments as of `InstancePool.invoke`."""
        event = QueuedEvent(
            function=function,
            version=version,
            payload=payload,
            request_id=request_id,
            function_arn=function_arn,
            queued_s=self._clock.monotonic(),
        )
        task = asyncio.create_task(self._run(event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        """Give up what waits; calls under way go on in the pool."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, event: QueuedEvent) -> None:
        error_delays_s = iter(ERROR_DELAYS_S)
        throttle_delay_s = FIRST_THROTTLE_DELAY_S
        while True:
            delay_s: float | None
            try:
                result = await self._pool.invoke(
                    function=event.function,
                    version=event.version,
                    payload=event.payload,
                    request_id=event.request_id,
                    function_arn=event.function_arn,
                )
                if result.error is None:
                    return
                reason, delay_s = result.error.message, next(error_delays_s, None)
            except TooManyRequestsError as error:
                reason, delay_s = str(error), throttle_delay_s
                throttle_delay_s = min(throttle_delay_s * 2, LONGEST_THROTTLE_DELAY_S)
            except (InvokeRefusedError, ValueError) as error:
                reason, delay_s = str(error), None
            age_s = self._clock.monotonic() - event.queued_s
            if delay_s is None or age_s + delay_s > MAX_AGE_S:
                _logger.info("event %s is discarded: %s", event.request_id, reason)
                self._on_discarded(event, reason)
                return
            await self._clock.sleep(delay_s)
