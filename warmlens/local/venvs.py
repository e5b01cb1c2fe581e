"""Virtual environments of the local cloud: one for the emulator, one for the instances."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.local.command import run_command
from warmlens.local.locks import locked
from warmlens.paths import LAMBDA_SRC, STATE

_COMPLETE = "complete"
_HERE = Path(__file__).parent


def classifier_requirements(engine: str) -> tuple[Path, Path]:
    """Return the requirements files of the classifier's image that runs models with `engine`."""
    folder = LAMBDA_SRC / "classifier"
    return folder / "requirements.txt", folder / f"requirements-{engine}.txt"


class Venv:
    """A virtual environment with the packages of some requirements files.

    Args:
        parent: folder of all virtual environments.
        name: its purpose, part of its folder's name.
        requirements: the requirements files; other contents make another folder.
        alone: requirements files whose packages are installed without their dependencies.
        index: address of a further package index.
        imports: modules that must load after the installation.

    Attributes:
        python: its interpreter.
    """

    def __init__(
        self,
        parent: Path,
        name: str,
        *requirements: Path,
        alone: Sequence[Path] = (),
        index: str | None = None,
        imports: Sequence[str] = (),
    ) -> None:
        digest = hashlib.sha256(f"{sys.version} {sys.prefix}".encode())
        for path in (*requirements, *alone):
            digest.update(path.read_bytes())
        self.name = name
        self._folder = parent / f"{name}-{digest.hexdigest()[:12]}"
        self._requirements = requirements
        self._alone = alone
        self._index = index
        self._imports = imports
        self.python = self._folder / "bin" / "python"

    @property
    def is_installed(self) -> bool:
        """True if the installation was completed."""
        return (self._folder / _COMPLETE).exists()

    async def install(self) -> None:
        """Install it, unless it is installed completely.

        If another process is installing it, this waits for the end.

        Raises:
            WarmlensError: it could not be installed; the message ends with pip's output.
        """
        if self.is_installed:
            return
        async with locked(self._folder.with_suffix(".lock")):
            if not self.is_installed:
                await self._install()

    async def _install(self) -> None:
        await self._run(sys.executable, "-m", "venv", "--clear", str(self._folder))
        for path in self._alone:  # each by itself: in a file with a hash, pip asks for all hashes
            await self._pip_install((path,), "--no-deps")
        await self._pip_install(self._requirements)
        for module in self._imports:
            await self._require(module)
        (self._folder / _COMPLETE).touch()

    async def _pip_install(self, requirements: Sequence[Path], *options: str) -> None:
        if not requirements:
            return
        index = ("--extra-index-url", self._index) if self._index else ()
        files = [part for path in requirements for part in ("--requirement", str(path))]
        await self._run(
            str(self.python), "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", *index, *options, *files,
        )  # fmt: skip

    async def _require(self, module: str) -> None:
        exit_code, output = await run_command(
            (str(self.python), "-W", "ignore", "-c", f"import {module}")
        )
        if exit_code != 0:
            raise WarmlensError(
                "local_cloud",
                f"The {self.name}'s Python environment has a {module} that does not load, such as "
                "a build for a GPU where only the processor is used. Name an index with builds "
                f"for the CPU: make ... TORCH_INDEX=ADDRESS. Error: {output.strip()[-300:]}",
            )

    async def _run(self, *command: str) -> None:
        exit_code, output = await run_command(command)
        if exit_code != 0:
            raise WarmlensError(
                "local_cloud",
                f"The {self.name}'s Python environment could not be installed. "
                f"Check the network. The installer printed: {output.strip()[-600:]}",
            )


def local_venvs(engine: str = "onnxruntime", torch_index: str | None = None) -> tuple[Venv, Venv]:
    """Return the virtual environments of the emulator and of the classifier's instances.

    Args:
        engine: name of the library that the instances run models with.
        torch_index: address of a package index with PyTorch's CPU builds.
    """
    folder = STATE / "environments"
    emulator = Venv(folder, "emulator", _HERE / "requirements-emulator.txt")
    classifier = Venv(
        folder,
        "classifier",
        _HERE / "requirements-runtime.txt",
        alone=classifier_requirements(engine),
        index=torch_index,
        imports=["torch"] if engine == "torch" else (),
    )
    return emulator, classifier
