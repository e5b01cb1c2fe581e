"""CPU and memory limits of a function's instances."""

from dataclasses import dataclass
from typing import Protocol

MEMORY_MB_PER_VCPU = 1769
"""AWS Lambda developer guide, "Configure Lambda function memory"."""
PERIOD_MS = 20
"""Period in which an instance may use its processor share before it is halted for the rest. AWS
documents none; 20 ms were observed on Lambda in 2025 (decision 131)."""
LIMITED = f"memory limit, and processor share in periods of {PERIOD_MS} ms from the first call on,"


@dataclass(frozen=True)
class Limits:
    """Limits of a memory size: seconds of processor time per second, and memory in MiB."""

    vcpus: float
    memory_mb: int


def limits_of(memory_mb: int) -> Limits:
    """Return the limits that Lambda gives a function of this memory size."""
    return Limits(memory_mb / MEMORY_MB_PER_VCPU, memory_mb)


class Confinement(Protocol):
    """The limits of one process and of all that it starts.

    Memory is limited from the start. The processor share is not: Lambda runs the init of an
    on-demand instance at full speed (decision 131), so it holds from the first call on.
    """

    def begin_call(self) -> None:
        """Hold the process to its processor share from now on; may be repeated.

        Raises:
            OSError: the kernel refused.
        """
        ...

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
        """Limit the process: its memory from now on, its share when a call begins.

        Raises:
            OSError: the kernel refused.
        """
        ...


class _Unconfined:
    def begin_call(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""


class NoIsolation:
    """No limits: instances use what the machine has."""

    description = "none: an instance uses what the machine has"

    def confine(self, pid: int, limits: Limits) -> Confinement:
        """Leave the process unlimited."""
        return _Unconfined()
