"""Number of processors that this process may use."""

import os


def usable_processors() -> int:
    """Return the number of processors that this process may use, at least 1.

    Linux limits processes to some of the processors (`taskset`, cpusets); macOS does not, and has
    no `os.sched_getaffinity`.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
