"""CPU and memory limits of a function's instances."""

from dataclasses import dataclass
from typing import Protocol

MEMORY_MB_PER_VCPU = 1769
"""AWS Lambda developer guide, "Configure Lambda function memory"."""


@dataclass(frozen=True)
class Limits:
    """Limits of a memory size: seconds of processor time per second, and memory in MiB."""

    vcpus: float
    memory_mb: int


def limits_of(memory_mb: int) -> Limits:
    """Return the limits that Lambda gives a function of this memory size."""
    return Limits(memory_mb / MEMORY_MB_PER_VCPU, memory_mb)


class Confinement(Protocol):
    """The limits of one process and of all that it starts."""

    def release(self) -> None:
        """Remove the limits, after the process has ended."""
        ...


class Isolation(Protocol):
    """A way to confine processes.

    Attributes:
        description: for users: the enforced limits and the way they are enforced.
    """

    description: str

    def confine(self, pid: int, limits: Limits) -> Confinement:
        """Limit the process from now on.

        Raises:
            OSError: the kernel refused.
        """
        ...


class _Unconfined:
    def release(self) -> None:
        """Do nothing."""


class NoIsolation:
    """No limits: instances use what the machine has."""

    description = "none: an instance uses what the machine has"

    def confine(self, pid: int, limits: Limits) -> Confinement:
        """Leave the process unlimited."""
        return _Unconfined()
