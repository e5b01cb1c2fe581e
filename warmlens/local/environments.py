"""Python environments of the local cloud: one for the emulator, one for the instances."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from warmlens.local.command import run_command
from warmlens.local.errors import LocalCloudError

_COMPLETE = "complete"


class Environment:
    """A virtual environment that holds some requirements files and nothing else.

    Args:
        parent: folder that environments lie in.
        name: what it is for, part of its folder's name.
        requirements: the requirements files; other contents make another folder.
        alone: requirements files that name all that is needed: what their packages would bring
            along is not installed.

    Attributes:
        python: its interpreter.
    """

    def __init__(
        self, parent: Path, name: str, *requirements: Path, alone: Sequence[Path] = ()
    ) -> None:
        digest = hashlib.sha256(f"{sys.version} {sys.prefix}".encode())
        for path in (*requirements, *alone):
            digest.update(path.read_bytes())
        self.name = name
        self._folder = parent / f"{name}-{digest.hexdigest()[:12]}"
        self._requirements = requirements
        self._alone = alone
        self.python = self._folder / "bin" / "python"

    @property
    def is_installed(self) -> bool:
        """Tell whether it was installed to its end."""
        return (self._folder / _COMPLETE).exists()

    async def install(self) -> None:
        """Install it unless it is; one whose installation was interrupted is made anew.

        Raises:
            LocalCloudError: it could not be installed; the message ends with what pip said.
        """
        if self.is_installed:
            return
        await self._run(sys.executable, "-m", "venv", "--clear", str(self._folder))
        await self._pip_install(self._alone, "--no-deps")
        await self._pip_install(self._requirements)
        (self._folder / _COMPLETE).touch()

    async def _pip_install(self, requirements: Sequence[Path], *options: str) -> None:
        if not requirements:
            return
        files = [part for path in requirements for part in ("--requirement", str(path))]
        await self._run(
            str(self.python), "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", *options, *files,
        )  # fmt: skip

    async def _run(self, *command: str) -> None:
        exit_code, output = await run_command(command)
        if exit_code != 0:
            raise LocalCloudError(
                f"The {self.name}'s Python environment could not be installed. "
                f"Is the network there? The installer said: {output.strip()[-600:]}"
            )
