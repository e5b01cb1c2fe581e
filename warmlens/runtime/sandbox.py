"""The sandbox of an instance: its process, in its folder and within its function's limits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.isolation import Confinement, Isolation, NoIsolation, limits_of
from warmlens.runtime.private_tmp import TMP, PrivateTmp, parts_in_tmp
from warmlens.runtime.process import InstanceProcess, start_process


class Sandbox:
    """The process of an instance and its limits; a later process takes the place of an earlier one.

    Args:
        spec: the function.
        isolation: sets the limits.
        private_tmp: gives the process a /tmp of its own; None if the machine cannot.
        on_line: called with each line that the process writes.
        on_unlimited: called with the reason if the kernel refuses a limit.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        isolation: Isolation,
        private_tmp: PrivateTmp | None,
        on_line: Callable[[str], None],
        on_unlimited: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._limits = limits_of(spec.memory_mb)
        self._isolation = isolation
        self._private_tmp = private_tmp
        self._on_line = on_line
        self._on_unlimited = on_unlimited
        self._process: InstanceProcess | None = None
        self._confinement: Confinement | None = None

    @property
    def pid(self) -> int | None:
        """Id of the process; None before the first one runs."""
        return self._process.pid if self._process else None

    def rss_mb(self) -> int:
        """Return the resident size in MiB; 0 without a process."""
        return self._process.rss_mb() if self._process else 0

    def peak_rss_mb(self) -> int:
        """Return the largest resident size in MiB; 0 without a process."""
        return self._process.peak_rss_mb() if self._process else 0

    @asynccontextmanager
    async def running(
        self, directory: Path, environment: Callable[[Path], Mapping[str, str]]
    ) -> AsyncIterator[InstanceProcess]:
        """Run the function's process; kill it at the end and remove its limits.

        Args:
            directory: folder for the files that it writes.
            environment: returns its environment variables, for that folder as the process sees it.

        Raises:
            OSError: the process cannot be started.
        """
        if self._private_tmp:
            launcher, seen = self._private_tmp.launcher(directory, parts_in_tmp(self._spec)), TMP
        else:
            launcher, seen = (), directory
        async with AsyncExitStack() as stack:
            process = self._process = await start_process(
                self._spec.command,
                directory=self._spec.task_root,
                environment=environment(seen),
                on_line=self._on_line,
                launcher=launcher,
            )
            stack.callback(process.kill)
            self._confinement = self._confined(process.pid)
            stack.push_async_callback(asyncio.to_thread, self._confinement.release)
            yield process

    def _confined(self, pid: int) -> Confinement:
        try:
            return self._isolation.confine(pid, self._limits)
        except ProcessLookupError:  # it ended at once, as its exit status says
            return NoIsolation().confine(pid, self._limits)
        except OSError as error:
            self._refused(error)
            return NoIsolation().confine(pid, self._limits)

    def hold_to_share(self) -> None:
        """Limit the processor from now on."""
        try:
            if self._confinement:
                self._confinement.begin_call()
        except OSError as error:
            self._refused(error)

    def _refused(self, error: OSError) -> None:
        self._on_unlimited(f"the instance could not be held to its limits: {error}")

    def kill(self) -> None:
        """Kill the process, unless it has ended."""
        if self._process:
            self._process.kill()
