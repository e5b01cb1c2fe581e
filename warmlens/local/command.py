"""Runs a subprocess to its end, and kills it with its children on cancellation."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from warmlens.runtime.process import signal_group

_LONGEST_LINE_BYTES = 1 << 30  # longer than any output


async def run_command(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _: None,
) -> tuple[int, str]:
    """Run a program in a process group of its own.

    If the waiting task is cancelled, the whole group is killed before the cancellation goes on.

    Args:
        command: program and arguments.
        cwd: its working directory; None for this process's.
        environment: its environment; None for this process's.
        on_line: called with each line of the output as it comes.

    Returns:
        The exit code and the output.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        limit=_LONGEST_LINE_BYTES,
    )
    assert process.stdout is not None
    output = ""
    try:
        async for line in process.stdout:
            output += (text := line.decode(errors="replace"))
            on_line(text)
        await process.wait()
    except asyncio.CancelledError:
        signal_group(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, output
