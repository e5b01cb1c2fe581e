"""What the local cloud's processes use: memory, open files, and how many there are."""

from collections import defaultdict
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """What one kind of process uses in all.

    Attributes:
        rss_mb: resident memory in MiB.
        files: open files, connections included.
        processes: how many there are.
    """

    rss_mb: float
    files: int
    processes: int


def usage(pid: int, emulator_pid: int) -> dict[str, Usage]:
    """Return the use of `server` (the program and its pool), `emulator` and `instances`.

    Args:
        pid: the local cloud's process.
        emulator_pid: the emulator's, one of its children.
    """
    server = psutil.Process(pid)
    kinds = defaultdict(list)
    kinds["server"].append(server)
    for child in server.children(recursive=True):
        inside = child.pid == emulator_pid or emulator_pid in [up.pid for up in child.parents()]
        kinds["emulator" if inside else "instances"].append(child)
    return {kind: _sum(processes) for kind, processes in kinds.items()}


def _sum(processes: list[psutil.Process]) -> Usage:
    rss_bytes, files, count = 0, 0, 0
    for process in processes:
        try:
            with process.oneshot():
                rss, opened = process.memory_info().rss, process.num_fds()
        except psutil.NoSuchProcess:
            continue
        rss_bytes, files, count = rss_bytes + rss, files + opened, count + 1
    return Usage(rss_bytes / 2**20, files, count)
