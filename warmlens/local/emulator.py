"""The AWS emulator: MiniStack as a process on loopback, in a process group of its own."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import aiohttp

from warmlens.errors import WarmlensError
from warmlens.local import emulator_server
from warmlens.local.aws import Keys, LocalAws
from warmlens.local.loopback import HOST, listen, port_of, url_of
from warmlens.local.state import make_private
from warmlens.local.venvs import local_venvs
from warmlens.runtime.process import signal_group

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 5
EMULATOR_LOG = "emulator.log"
_NONE: Mapping[str, str] = MappingProxyType({})
_PROXY_VARIABLE = "MINISTACK_LAMBDA_PROXY_"


@asynccontextmanager
async def running_emulator(
    folder: Path,
    *,
    python: Path | None = None,
    listener: socket.socket | None = None,
    function_urls: Mapping[str, str] = _NONE,
    account_concurrency: int | None = None,
    threads: int | None = None,
    keys: Keys | None = None,
    origins: Sequence[str] = (),
    on_started: Callable[[int], None] = lambda _: None,
) -> AsyncIterator[LocalAws]:
    """Run the emulator, empty at first, until the block ends; yields clients for it.

    Args:
        folder: folder for its log `emulator.log` and its temporary files.
        python: interpreter of the emulator's environment, which is installed unless this is given.
        listener: listening socket that it serves, closed here once it has it; a free port's unless
            given.
        function_urls: functions that it does not run itself, with the URL that gets their events.
        account_concurrency: maximum number of calls at once, of all functions; more are
            answered with 429. Without it the emulator goes by the machine's memory.
        threads: number of calls that it can serve at once; 64 unless given.
        keys: the keys of its account; new ones unless given.
        origins: origins of pages that may upload to it; none unless given.
        on_started: called with the process's id as soon as it has one.

    Raises:
        WarmlensError: its environment cannot be installed, or it ends or does not answer in time;
            the message ends with its log.
    """
    if python is None:
        venv, _ = local_venvs()
        await venv.install()
        python = venv.python
    scratch, log_path = folder / "emulator", folder / EMULATOR_LOG
    make_private(folder)
    scratch.mkdir(exist_ok=True)
    keys = keys or Keys.random()
    # Opened here and handed over: a port that is only looked for can be taken meanwhile. With a
    # copy kept here, calls of an emulator that has ended would never end.
    with listener or listen() as handed_over:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "BIND_HOST": HOST,
            "AUTH": "true",
            emulator_server.KEY: keys.access_key_id,
            emulator_server.SECRET: keys.secret_access_key,
            emulator_server.ORIGINS: "\n".join(origins),
            "GATEWAY_PORT": str(port_of(handed_over)),
            **{f"{_PROXY_VARIABLE}{name}": url for name, url in function_urls.items()},
        }
        if account_concurrency is not None:
            environment["LAMBDA_ACCOUNT_CONCURRENCY"] = str(account_concurrency)
        if threads is not None:
            environment["MINISTACK_WORKER_THREADS"] = str(threads)
        url = url_of(handed_over)
        process = await _start(python, handed_over.fileno(), environment, log_path)
    try:
        on_started(process.pid)
        if not await _is_ready(process, url):
            log = log_path.read_text(encoding="utf-8", errors="replace")[-800:].strip()
            raise WarmlensError("local_cloud", f"The emulator did not start. Its log: {log}")
        yield LocalAws(url, keys)
    finally:
        await _stop(process)


async def _start(
    python: Path, descriptor: int, environment: Mapping[str, str], log_path: Path
) -> Process:
    with _empty_log(log_path) as log:
        return await asyncio.create_subprocess_exec(
            str(python), emulator_server.__file__, "ministack.app:app", "--workers", "0",
            "--bind", f"fd://{descriptor}", "--keep-alive", "75", "--log-level", "INFO",
            env=environment,
            pass_fds=(descriptor,),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip


def _empty_log(path: Path) -> BinaryIO:
    path.unlink(missing_ok=True)
    return path.open("ab")  # to append, so that it can be emptied meanwhile


async def _is_ready(process: Process, url: str) -> bool:
    """Wait until the emulator answers; False if it ends or takes too long."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.returncode is None:
        if await _answers(url):
            return True
        await asyncio.sleep(0.05)
    return False


async def _answers(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=10)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url + emulator_server.HEALTH) as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _stop(process: Process) -> None:
    """End the process and all that it started; by force if it does not end in time."""
    signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    signal_group(process.pid, signal.SIGKILL)
    await process.wait()
