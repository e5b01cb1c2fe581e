"""CPU and memory limits by signals to processes: pause, resume and kill.

Works for every user on Linux and macOS. It is coarser than control groups: processor time is known
to a hundredth of a second, and memory is checked every 20 ms.
"""

import contextlib
import os
import signal
import threading
import time

import psutil

from warmlens.processors import usable_processors
from warmlens.runtime.isolation import Confinement, Limits

TICK_S = 0.02
BURST_S = 0.05
"""Processor time that a process may save up, about half a period of the kernel's own scheme."""


class _Watched:
    def __init__(self, pid: int, limits: Limits) -> None:
        self.pid = pid
        self.limits = limits
        self.process = psutil.Process(pid)
        self.credit_s = BURST_S
        self.used_s = 0.0
        self.stopped = False


class _WatchdogConfinement:
    def __init__(self, watchdog: "Watchdog", pid: int) -> None:
        self._watchdog = watchdog
        self._pid = pid

    def release(self) -> None:
        """Stop watching the process."""
        self._watchdog.forget(self._pid)


class Watchdog:
    """A thread that measures processes and enforces their limits."""

    description = "processor share and memory limit by a watchdog, coarser than control groups"

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def confine(self, pid: int, limits: Limits) -> Confinement:
        """Watch the process, which must lead a process group of its own."""
        with contextlib.suppress(psutil.NoSuchProcess), self._lock:
            self._watched[pid] = _Watched(pid, limits)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
        return _WatchdogConfinement(self, pid)

    def forget(self, pid: int) -> None:
        """Stop watching the process."""
        with self._lock:
            self._watched.pop(pid, None)

    def _watch(self) -> None:
        last_s = time.monotonic()
        while True:
            time.sleep(TICK_S)
            now_s = time.monotonic()
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return
                for watched in list(self._watched.values()):
                    try:
                        _hold(watched, now_s - last_s)
                    except (psutil.Error, ProcessLookupError, PermissionError):
                        del self._watched[watched.pid]
            last_s = now_s


def _hold(watched: _Watched, elapsed_s: float) -> None:
    members = [watched.process, *watched.process.children(recursive=True)]
    if sum(_rss_bytes(member) for member in members) > watched.limits.memory_mb * 2**20:
        os.killpg(watched.pid, signal.SIGKILL)
        return
    if watched.limits.vcpus >= usable_processors():
        return
    used_s = sum(_cpu_s(member) for member in members)
    watched.credit_s += elapsed_s * watched.limits.vcpus - (used_s - watched.used_s)
    watched.credit_s = min(watched.credit_s, BURST_S)
    watched.used_s = used_s
    if (watched.credit_s < 0) != watched.stopped:
        watched.stopped = not watched.stopped
        os.killpg(watched.pid, signal.SIGSTOP if watched.stopped else signal.SIGCONT)


def _rss_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _cpu_s(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
