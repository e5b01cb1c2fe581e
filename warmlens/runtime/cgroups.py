"""CPU and memory limits by Linux control groups, version 2 or 1."""

import contextlib
import errno
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import psutil

from warmlens.runtime.isolation import LIMITED, PERIOD_MS, Confinement, Limits

Share = list[tuple[Path, str]]

PERIOD_US = PERIOD_MS * 1000
_LEAST_QUOTA_US = 1000  # min_cfs_quota_period in Linux's kernel/sched; 128 MB have 1,447
_REMOVAL_TIMEOUT_S = 10.0
_PREFIX = "warmlens-"
_WAIT = "import time; time.sleep(60)"


class CgroupConfinement:
    """Control groups of one instance: a folder in each hierarchy.

    Args:
        folders: the groups.
        share: files that limit the processor, each with what is written to it, in order.
    """

    def __init__(self, folders: list[Path], share: Share) -> None:
        self._folders = folders
        self._share = share

    def begin_call(self) -> None:
        """Limit the processor, at the first call."""
        share, self._share = self._share, []
        for file, text in share:
            file.write_text(text)

    def release(self) -> None:
        """Remove the groups; the kernel allows it once their last process is reaped."""
        deadline_s = time.monotonic() + _REMOVAL_TIMEOUT_S
        for folder in self._folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError as error:
                    if error.errno != errno.EBUSY or time.monotonic() > deadline_s:
                        return
                    time.sleep(0.005)


class Cgroups(ABC):
    """Base class of both versions: makes a control group for each instance.

    Args:
        parents: folder of each hierarchy in which groups are made.
    """

    description: str

    def __init__(self, parents: list[Path]) -> None:
        self._parents = parents

    def confine(self, pid: int, limits: Limits) -> Confinement:
        """Move the process into new groups with the limits."""
        folders = [parent / f"{_PREFIX}{pid}" for parent in self._parents]
        quota_us = max(_LEAST_QUOTA_US, round(limits.vcpus * PERIOD_US))
        confinement = CgroupConfinement(folders, self._share(folders, quota_us))
        try:
            for folder in folders:
                folder.mkdir(exist_ok=True)
                self._limit_memory(folder, limits.memory_mb)
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            confinement.release()
            raise
        return confinement

    def remove_leftovers(self) -> None:
        """Remove groups whose process has ended, as a killed program leaves them."""
        for parent in self._parents:
            for folder in parent.glob(f"{_PREFIX}*"):
                pid = folder.name.removeprefix(_PREFIX)
                if pid.isdigit() and not psutil.pid_exists(int(pid)):
                    with contextlib.suppress(OSError):
                        folder.rmdir()

    def works(self) -> bool:
        """Return whether a process can be confined, by trying it."""
        with subprocess.Popen([sys.executable, "-c", _WAIT], stdin=subprocess.DEVNULL) as process:
            try:
                confinement = self.confine(process.pid, Limits(vcpus=1, memory_mb=64))
                confinement.begin_call()
            except OSError:
                return False
            finally:
                process.kill()
                process.wait()
        confinement.release()
        return True

    @abstractmethod
    def _limit_memory(self, folder: Path, memory_mb: int) -> None: ...

    @abstractmethod
    def _share(self, folders: list[Path], quota_us: int) -> Share: ...


class CgroupsV1(Cgroups):
    """The older hierarchies ``cpu`` and ``memory``."""

    description = f"{LIMITED} by control groups (version 1)"

    def _limit_memory(self, folder: Path, memory_mb: int) -> None:
        if (folder / "memory.limit_in_bytes").exists():
            size = str(memory_mb * 2**20)
            (folder / "memory.limit_in_bytes").write_text(size)
            # Missing where the kernel does not count swap.
            with contextlib.suppress(OSError):
                (folder / "memory.memsw.limit_in_bytes").write_text(size)

    def _share(self, folders: list[Path], quota_us: int) -> Share:
        cpu, _ = folders
        return [
            (cpu / "cpu.cfs_period_us", str(PERIOD_US)),
            (cpu / "cpu.cfs_quota_us", str(quota_us)),
        ]


class CgroupsV2(Cgroups):
    """The unified hierarchy."""

    description = f"{LIMITED} by control groups (version 2)"

    def _limit_memory(self, folder: Path, memory_mb: int) -> None:
        (folder / "memory.max").write_text(str(memory_mb * 2**20))
        with contextlib.suppress(FileNotFoundError):
            (folder / "memory.swap.max").write_text("0")

    def _share(self, folders: list[Path], quota_us: int) -> Share:
        (folder,) = folders
        return [(folder / "cpu.max", f"{quota_us} {PERIOD_US}")]


def find_cgroups(
    mounts: Path = Path("/proc/mounts"), membership: Path = Path("/proc/self/cgroup")
) -> Cgroups | None:
    """Return the control groups that this user may make, or None.

    Args:
        mounts: the mounted file systems.
        membership: the groups that this process is in.
    """
    try:
        mounted = [line.split()[:4] for line in mounts.read_text().splitlines()]
        groups = [line.split(":", 2) for line in membership.read_text().splitlines()]
    except OSError:
        return None
    for candidate in _candidates(mounted, groups):
        if candidate.works():
            candidate.remove_leftovers()
            return candidate
    return None


def _candidates(mounted: list[list[str]], groups: list[list[str]]) -> Iterator[Cgroups]:
    for _, point, kind, _ in mounted:
        if kind == "cgroup2":
            own = next((path for number, _, path in groups if number == "0"), "/")
            for folder in _upwards(Path(point), own):
                if {"cpu", "memory"} <= _words(folder / "cgroup.subtree_control"):
                    yield CgroupsV2([folder])
    parents = []
    for controller in ("cpu", "memory"):
        point = next(
            (
                each[1]
                for each in mounted
                if each[2] == "cgroup" and controller in each[3].split(",")
            ),
            "",
        )
        own = next((path for _, names, path in groups if controller in names.split(",")), "/")
        if point:
            parents.append(next(_upwards(Path(point), own)))
    if len(parents) == 2:
        yield CgroupsV1(parents)


def _upwards(point: Path, own: str) -> Iterator[Path]:
    """Yield this process's group and those above it, as far as they are seen from here."""
    folder = point / own.lstrip("/")
    while folder != point and folder.is_relative_to(point):
        if folder.is_dir():
            yield folder
        folder = folder.parent
    yield point


def _words(path: Path) -> set[str]:
    try:
        return set(path.read_text().split())
    except OSError:
        return set()
