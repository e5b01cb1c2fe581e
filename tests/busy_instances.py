"""Instances of a local cloud kept busy, so that a test knows which calls start one."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psutil

from tests.conftest import Cloud
from warmlens.local.state import FLEET_PATH, STATUS_PATH

HOLD_MS = 9_000  # within which all must have begun; an instance allows 10,000


def fleet(cloud: Cloud) -> dict[str, Any]:
    """Return the instances and the last calls, as the page gets them."""
    answer: dict[str, Any] = httpx.get(cloud.url + FLEET_PATH, timeout=60).json()
    return answer


def states(cloud: Cloud) -> list[str]:
    """Return the state of each instance."""
    return [instance["state"] for instance in fleet(cloud)["instances"]]


def end_instances(cloud: Cloud) -> None:
    """End all instances, as if they had been idle for too long; the next call starts one."""
    while instances := httpx.get(cloud.url + STATUS_PATH, timeout=60).json()["instances"]:
        for pid in [each["pid"] for each in instances if each["pid"]]:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        time.sleep(0.05)


@contextmanager
def all_busy(cloud: Cloud, count: int) -> Iterator[None]:
    """Keep `count` instances busy with wakeups during the block; there are no other instances then.

    Their processes are stopped once all have a wakeup, so that none can end before the block does.
    """
    wakeup = {"method": "wakeup", "sleep_time": str(HOLD_MS)}
    stopped: list[psutil.Process] = []
    with ThreadPoolExecutor(count) as threads:
        try:
            while True:
                calls = [threads.submit(cloud.post, "wakeup", wakeup) for _ in range(count)]
                while states(cloud) != ["held"] * count and not any(map(Future.done, calls)):
                    time.sleep(0.05)
                stopped = _stop_instances(cloud)
                if states(cloud) == ["held"] * count:
                    break
                # Some had to start first, and the others were not held for long enough.
                _resume(stopped)
                assert {call.result().status_code for call in calls} == {200}
            yield
        finally:
            _resume(stopped)


def _stop_instances(cloud: Cloud) -> list[psutil.Process]:
    answer = httpx.get(cloud.url + STATUS_PATH, timeout=60).json()
    stopped = []
    for pid in [each["pid"] for each in answer["instances"] if each["pid"]]:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for each in (process, *process.children(recursive=True)):
                each.suspend()
                stopped.append(each)
    return stopped


def _resume(stopped: list[psutil.Process]) -> None:
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.resume()
