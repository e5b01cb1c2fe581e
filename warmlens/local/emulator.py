"""The AWS emulator: MiniStack as a process on loopback."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.local.loopback import HOST, listen, port_of, url_of
from warmlens.local.venvs import local_venvs

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 5
_PROXY_VARIABLE = "MINISTACK_LAMBDA_PROXY_"
# MiniStack's own command takes no socket. Like it, this allows as many connections as it can.
_SERVER = """
import contextlib, resource, runpy
with contextlib.suppress(ValueError, OSError):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
runpy.run_module("hypercorn", run_name="__main__", alter_sys=True)
"""


class Emulator:
    """One MiniStack process, in a process group of its own, with its state in memory.

    Args:
        python: interpreter of the emulator's environment.
        listener: listening socket that it serves, closed here once it has it; a free port's unless
            given.
        log_path: file that its output goes to.
        folder: folder for its temporary files.
        function_urls: for each function that it shall not run itself, the URL that its events are
            posted to instead.
        account_concurrency: calls of all functions at once, beyond which it answers 429; None
            leaves it to the emulator, which goes by the machine's memory.
        threads: calls that it can serve at once; None leaves it to the emulator (64).
    """

    def __init__(
        self,
        *,
        python: Path,
        listener: socket.socket | None = None,
        log_path: Path,
        folder: Path,
        function_urls: Mapping[str, str],
        account_concurrency: int | None = None,
        threads: int | None = None,
    ) -> None:
        # Opened here and handed over: a port that is only looked for can be taken meanwhile.
        self._listener = listener or listen()
        self.endpoint_url = url_of(self._listener)
        self._python = python
        self._log_path = log_path
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port_of(self._listener)),
            **{f"{_PROXY_VARIABLE}{name}": url for name, url in function_urls.items()},
        }
        if account_concurrency is not None:
            self._environment["LAMBDA_ACCOUNT_CONCURRENCY"] = str(account_concurrency)
        if threads is not None:
            self._environment["MINISTACK_WORKER_THREADS"] = str(threads)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, on_started: Callable[[int], None] = lambda _: None) -> None:
        """Start the process and wait until it answers.

        Args:
            on_started: called with the process's id as soon as it has one.

        Raises:
            WarmlensError: it ended, or did not answer in time; the message ends with its log.
        """
        with self._log_path.open("wb") as log:
            descriptor = self._listener.fileno()
            self._process = await asyncio.create_subprocess_exec(
                str(self._python), "-c", _SERVER, "ministack.app:app", "--workers", "0",
                "--bind", f"fd://{descriptor}", "--keep-alive", "75", "--log-level", "INFO",
                env=self._environment,
                pass_fds=(descriptor,),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        # With a copy kept here, calls of an emulator that has ended would wait for ever.
        self._listener.close()
        on_started(self._process.pid)
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline_s:
            if self._process.returncode is not None:
                break
            if await self._answers():
                return
            await asyncio.sleep(0.05)
        await self.stop()
        raise WarmlensError(
            "local_cloud",
            f"The emulator did not start. Its log: {self._log_path.read_text()[-800:].strip()}",
        )

    @property
    def pid(self) -> int:
        """The process's id, 0 when it does not run."""
        return self._process.pid if self._process else 0

    async def stop(self) -> None:
        """End the process and all that it started; by force if it does not end in time."""
        self._listener.close()
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        self._signal(signal.SIGKILL)
        await self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    async def _answers(self) -> bool:
        timeout = aiohttp.ClientTimeout(total=1)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.endpoint_url}/_ministack/health") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


@asynccontextmanager
async def running_emulator(
    folder: Path,
    *,
    python: Path | None = None,
    listener: socket.socket | None = None,
    function_urls: Mapping[str, str] | None = None,
    account_concurrency: int | None = None,
    threads: int | None = None,
    on_started: Callable[[int], None] = lambda _: None,
) -> AsyncIterator[LocalAws]:
    """Run an emulator with nothing in it until the block ends; yields clients of its AWS.

    Args:
        folder: folder for its log `emulator.log` and its temporary files.
        python: interpreter of the emulator's environment, which is installed unless this is given.
        listener: as for `Emulator`, and so are `function_urls`, `account_concurrency`, `threads`.
        on_started: as for `Emulator.start`.

    Raises:
        WarmlensError: its environment cannot be installed, or it does not start.
    """
    if python is None:
        venv, _ = local_venvs()
        await venv.install()
        python = venv.python
    emulator = Emulator(
        python=python,
        listener=listener,
        log_path=folder / "emulator.log",
        folder=folder / "emulator",
        function_urls=function_urls or {},
        account_concurrency=account_concurrency,
        threads=threads,
    )
    try:
        await emulator.start(on_started)
        yield LocalAws(emulator.endpoint_url)
    finally:
        await emulator.stop()
