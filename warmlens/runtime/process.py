"""Subprocesses of instances, with output read by line and killed by process group."""

import asyncio
import contextlib
import errno
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import psutil

_LINE_LIMIT_BYTES = 256 * 1024
_OUTPUT_GRACE_S = 1.0
_STDOUT, _STDERR = 1, 2

# Where util-linux is too old, an interpreter makes the same system call and turns into the command.
_PRCTL = "import ctypes,os,sys;ctypes.CDLL(None).prctl(1,9);os.execv(sys.argv[1],sys.argv[1:])"


class InstanceProcess(asyncio.SubprocessProtocol):
    """A running process whose output is always read, so that it never blocks on writing."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._partial = {_STDOUT: b"", _STDERR: b""}
        self._exited = asyncio.Event()
        self._closed = asyncio.Event()
        self._transport: asyncio.SubprocessTransport
        self._peak_rss_mb = 0
        self.pid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio when the process runs."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self.pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called by asyncio with what the process wrote."""
        *lines, rest = (self._partial[fd] + data).split(b"\n")
        if len(rest) > _LINE_LIMIT_BYTES:
            lines.append(rest)
            rest = b""
        self._partial[fd] = rest
        for line in lines:
            self._forward(line)

    def process_exited(self) -> None:
        """Called by asyncio when the process has ended."""
        self._exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when the process has ended and its output is read."""
        for rest in self._partial.values():
            if rest:
                self._forward(rest)
        self._closed.set()

    def _forward(self, line: bytes) -> None:
        # awslambdaric separates the lines of a stack trace by carriage returns.
        for part in line.decode(errors="replace").rstrip("\r").split("\r"):
            self._on_line(part)

    async def wait(self) -> int:
        """Wait for the end of the process and of its output.

        Returns:
            The exit status; below zero is the number of the signal that ended it.
        """
        await self._exited.wait()
        status = self._transport.get_returncode()
        # What the process started itself ends with it, as it would with a sandbox.
        signal_group(self.pid, signal.SIGKILL)
        # A descendant in a session of its own may keep the pipes open.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OUTPUT_GRACE_S):
                await self._closed.wait()
        self._transport.close()
        return cast(int, status)

    def kill(self) -> None:
        """Kill the process and its group, unless it has ended."""
        if not self._exited.is_set():
            signal_group(self.pid, signal.SIGKILL)

    def rss_mb(self) -> int:
        """Return the resident size in MiB; 0 if the process has ended."""
        try:
            return round(psutil.Process(self.pid).memory_info().rss / 2**20)
        except psutil.Error:
            return 0

    def peak_rss_mb(self) -> int:
        """Return the largest resident size in MiB.

        Linux keeps the true peak; elsewhere it is the largest of the sizes seen by this method.
        """
        self._peak_rss_mb = max(self._peak_rss_mb, _high_water_mb(self.pid) or self.rss_mb())
        return self._peak_rss_mb


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process group of this user, unless it has ended.

    Args:
        pid: process id of the group's leader.
        number: the signal.
    """
    # No member may be left; macOS says "not permitted" of a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _high_water_mb(pid: int) -> int:
    """Return the kernel's record of the peak, or 0 if there is none."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    _, _, rest = status.partition(b"VmHWM:")
    return round(int(rest.split(maxsplit=1)[0]) / 1024) if rest else 0


async def start_process(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    launcher: Sequence[str] = (),
) -> InstanceProcess:
    """Start `command` as the leader of a session of its own.

    On Linux the kernel kills it when the thread that called this ends, so call it from the thread
    of an event loop that lives as long as the process may.

    Args:
        command: program and arguments; the program is looked up in the environment's PATH.
        directory: working directory.
        environment: the whole environment of the process.
        on_line: gets every line of its output, without the line end.
        launcher: a program and arguments that turn into the command, such as those of PrivateTmp.

    Raises:
        OSError: the program or the directory is missing or cannot be used.
    """
    program = shutil.which(command[0], path=environment.get("PATH"))
    if program is None:
        raise FileNotFoundError(errno.ENOENT, "no such file, or not executable", command[0])
    _, process = await asyncio.get_running_loop().subprocess_exec(
        lambda: InstanceProcess(on_line),
        *launcher,
        # Last: the kernel forgets the wish when a launcher changes its rights.
        *die_with_parent(),
        program,
        *command[1:],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=directory,
        env=environment,
        start_new_session=True,
    )
    return process


@functools.cache
def die_with_parent() -> tuple[str, ...]:
    """Return a launcher whose process is killed when its parent ends; empty if not on Linux.

    A launcher, because code run between fork and exec in this process could deadlock. Where there
    is none, the runtime client ends by itself once the Runtime API no longer answers.
    """
    if sys.platform != "linux":
        return ()
    setpriv = shutil.which("setpriv")
    launcher = (setpriv or "", "--pdeathsig", "KILL", "--")
    if setpriv and subprocess.run([*launcher, "true"], capture_output=True).returncode == 0:
        return launcher
    return (sys.executable, "-I", "-S", "-c", _PRCTL)
