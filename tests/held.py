"""Instances that wakeups hold, so that they answer nobody else, and chance decides nothing."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

from tests.conftest import Cloud
from warmlens.local.fleet_routes import FLEET_PATH

HOLD_S = 9  # an instance allows 10


def fleet(cloud: Cloud) -> dict[str, Any]:
    """What the page is told: instances and calls."""
    answer: dict[str, Any] = httpx.get(cloud.url + FLEET_PATH, timeout=60).json()
    return answer


def states(cloud: Cloud) -> list[str]:
    return [instance["state"] for instance in fleet(cloud)["instances"]]


@contextmanager
def all_held(cloud: Cloud, count: int) -> Iterator[None]:
    """Hold `count` instances, all that there are then, for the first seconds of the block."""
    with ThreadPoolExecutor(count) as threads:

        def hold() -> list[Future[httpx.Response]]:
            wakeup = {"method": "wakeup", "sleep_time": str(HOLD_S * 1000)}
            return [threads.submit(cloud.post, "wakeup", wakeup) for _ in range(count)]

        while True:
            begun_s, calls = time.monotonic(), hold()
            while not (are_held := states(cloud) == ["held"] * count):
                if any(call.done() for call in calls):
                    break
                time.sleep(0.05)
            # Where some had to start first, the others are held for no longer than a moment.
            if are_held and time.monotonic() - begun_s < HOLD_S / 2:
                break
            assert {call.result().status_code for call in calls} == {200}
        yield
