"""Keeps all instances of a local cloud busy, so that a test knows which calls start one."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

from tests.conftest import Cloud
from warmlens.local.fleet_view import FLEET_PATH

HOLD_S = 9  # an instance allows 10


def fleet(cloud: Cloud) -> dict[str, Any]:
    """Return the instances and the last calls, as the page gets them."""
    answer: dict[str, Any] = httpx.get(cloud.url + FLEET_PATH, timeout=60).json()
    return answer


def states(cloud: Cloud) -> list[str]:
    """Return the state of each instance."""
    return [instance["state"] for instance in fleet(cloud)["instances"]]


@contextmanager
def all_busy(cloud: Cloud, count: int) -> Iterator[None]:
    """Keep `count` instances busy with wakeups for the first seconds of the block.

    There are no other instances then.
    """
    with ThreadPoolExecutor(count) as threads:

        def hold() -> list[Future[httpx.Response]]:
            wakeup = {"method": "wakeup", "sleep_time": str(HOLD_S * 1000)}
            return [threads.submit(cloud.post, "wakeup", wakeup) for _ in range(count)]

        while True:
            begun_s, calls = time.monotonic(), hold()
            while not (are_busy := states(cloud) == ["held"] * count):
                if any(call.done() for call in calls):
                    break
                time.sleep(0.05)
            # Where some had to start first, the others are held for no longer than a moment.
            if are_busy and time.monotonic() - begun_s < HOLD_S / 2:
                break
            assert {call.result().status_code for call in calls} == {200}
        yield
