"""CPU and memory limits of a function's instances."""

import os
from dataclasses import dataclass
from typing import Protocol

MEMORY_MB_PER_VCPU = 1769
"""AWS Lambda developer guide, "Configure Lambda function memory"."""


@dataclass(frozen=True)
class Limits:
    """What a memory size brings: ``vcpus`` of processor time a second, and the memory itself."""

    vcpus: float
    memory_mb: int


def limits_of(memory_mb: int) -> Limits:
    """Return the limits that Lambda gives a function of this memory size."""
    return Limits(memory_mb / MEMORY_MB_PER_VCPU, memory_mb)


class Confinement(Protocol):
    """The limits of one process and of all that it starts."""

    def release(self) -> None:
        """Leave nothing behind, once the process is gone."""
        ...


class Isolation(Protocol):
    """A way to confine processes.

    Attributes:
        description: for people: what is enforced, and how.
    """

    description: str

    def confine(self, pid: int, limits: Limits) -> Confinement:
        """Hold the process to the limits from now on.

        Raises:
            OSError: the kernel refused.
        """
        ...


class _Unconfined:
    def release(self) -> None:
        """There is nothing to release."""


class NoIsolation:
    """Instances take what the machine has."""

    description = "none: an instance uses what the machine has"

    def confine(self, pid: int, limits: Limits) -> Confinement:
        """Hold the process to nothing."""
        return _Unconfined()


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
