"""CPU and memory limits by signals to processes: pause, resume and kill.

Works for every user on Linux and macOS, by the scheme of control groups: a quota for each period,
and a halt until a later period once it is used up. It is coarser: a process is looked at every
`TICK_S`, as by a kernel with 250 ticks a second, or when the machine lets this thread run; what it
used beyond its quota is taken off the next ones. Memory is looked at once in a period, and children
are found, and counted from then on, once in ten.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import psutil

from warmlens.processors import usable_processors
from warmlens.runtime.isolation import LIMITED, PERIOD_MS, Confinement, Limits

TICK_S = 0.004
PERIOD_S = PERIOD_MS / 1000
_PERIODS_PER_SEARCH = 10  # it reads the list of all processes


class _Watched:
    def __init__(self, pid: int, limits: Limits) -> None:
        self.process = psutil.Process(pid)
        self.limits = limits
        self.quota_s = limits.vcpus * PERIOD_S
        self.left_s = self.quota_s
        self.in_call = False
        self.stopped = False
        self.used_s: dict[int, float] = {}
        self.members = [self.process]

    @property
    def pid(self) -> int:
        return self.process.pid


class _WatchdogConfinement:
    def __init__(self, begin_call: Callable[[], None], release: Callable[[], None]) -> None:
        self.begin_call = begin_call
        self.release = release


class Watchdog:
    """A thread that measures processes and enforces their limits."""

    description = f"{LIMITED} by a watchdog, coarser than control groups"

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._called = threading.Event()

    def confine(self, pid: int, limits: Limits) -> Confinement:
        """Watch the process, which must lead a process group of its own."""
        with contextlib.suppress(psutil.NoSuchProcess), self._lock:
            self._watched[pid] = _Watched(pid, limits)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
        return _WatchdogConfinement(lambda: self._begin_call(pid), lambda: self.forget(pid))

    def _begin_call(self, pid: int) -> None:
        watched = self._watched.get(pid)
        if watched:
            watched.in_call = True
        self._called.set()

    def forget(self, pid: int) -> None:
        """Stop watching the process."""
        with self._lock:
            self._watched.pop(pid, None)

    def _watch(self) -> None:
        period, active, close_until_s = 0, False, 0.0
        while True:
            if self._called.wait(TICK_S if active else PERIOD_S):
                # The process has used nothing yet: this look alone would take it for an idle one.
                close_until_s = time.monotonic() + PERIOD_S
            self._called.clear()
            before, period = period, int(time.monotonic() / PERIOD_S)
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return
                all_watched = list(self._watched.values())
            looks = [self._look(each, before, period) for each in all_watched]
            active = any(looks) or time.monotonic() < close_until_s

    def _look(self, watched: _Watched, before: int, period: int) -> bool:
        """Enforce the limits of one process; return whether its next look must come soon.

        Args:
            watched: the process and its children.
            before: number of the period of the last look.
            period: number of this period.
        """
        try:
            if period // _PERIODS_PER_SEARCH > before // _PERIODS_PER_SEARCH:
                watched.members = [watched.process, *watched.process.children(recursive=True)]
            with self._lock:  # not during the search, which takes long
                if watched.pid not in self._watched:
                    return False
                if period > before:
                    _hold_to_memory(watched)
                limited = watched.in_call and watched.limits.vcpus < usable_processors()
                return limited and _hold_to_share(watched, period - before)
        except (psutil.Error, ProcessLookupError, PermissionError):
            self.forget(watched.pid)
            return False


def _hold_to_memory(watched: _Watched) -> None:
    if sum(map(_rss_bytes, watched.members)) > watched.limits.memory_mb * 2**20:
        os.killpg(watched.pid, signal.SIGKILL)


def _hold_to_share(watched: _Watched, periods: int) -> bool:
    """Halt or continue the process; return whether it ran or was halted since the last look.

    Args:
        watched: the process and its children.
        periods: periods that began since the last look.
    """
    used_s, was_stopped = _used_s(watched), watched.stopped
    watched.left_s = min(watched.quota_s, watched.left_s - used_s + periods * watched.quota_s)
    if (watched.left_s <= 0) != watched.stopped:
        watched.stopped = not watched.stopped
        os.killpg(watched.pid, signal.SIGSTOP if watched.stopped else signal.SIGCONT)
    return used_s > 0 or was_stopped or watched.stopped


def _used_s(watched: _Watched) -> float:
    """Return the processor time since the last look, and remember it."""
    before, watched.used_s = watched.used_s, {}
    for member in watched.members:
        with contextlib.suppress(psutil.Error, OSError):
            watched.used_s[member.pid] = _cpu_s(member)
    return sum(used_s - before.get(pid, used_s) for pid, used_s in watched.used_s.items())


def _rss_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _cpu_s(process: psutil.Process) -> float:
    if sys.platform == "linux":
        # The clock of clock_getcpuclockid(3), to the nanosecond; /proc has hundredths of a second.
        return time.clock_gettime(~process.pid << 3 | 2)
    times = process.cpu_times()
    return float(times.user + times.system)
