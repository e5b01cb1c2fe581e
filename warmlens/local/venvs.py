"""Virtual environments of the local cloud: one for the emulator, one for the instances."""

import hashlib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.local.command import run_command
from warmlens.local.locks import locked
from warmlens.paths import LAMBDA_SRC, STATE

_COMPLETE = "complete"
_HERE = Path(__file__).parent
# pip's line for a package, not for its metadata. It names files of PyPI, and addresses elsewhere.
_DOWNLOAD = re.compile(
    r"\s*Downloading (?:\S*/)?([^\s/]+?)-(\d[^\s/-]*)\S*(?<!\.metadata) \((\S+ \S+)\)"
)
_EMULATOR_MB = 20
_CLASSIFIER_MB = {"onnxruntime": 41}  # by engine; what PyTorch takes depends on the index

OnDownload = Callable[[str], None]


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
        download_mb: megabytes that an installation downloads; None if unknown.

    Attributes:
        python: its interpreter.
        label: its name and `download_mb`.
    """

    def __init__(
        self,
        parent: Path,
        name: str,
        *requirements: Path,
        alone: Sequence[Path] = (),
        index: str | None = None,
        imports: Sequence[str] = (),
        download_mb: int | None = None,
    ) -> None:
        digest = hashlib.sha256(f"{sys.version} {sys.prefix}".encode())
        for path in (*requirements, *alone):
            digest.update(path.read_bytes())
        self.name = name
        self.label = f"{name} ({download_mb} MB)" if download_mb else name
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

    async def install(self, on_download: OnDownload = lambda _: None) -> None:
        """Install it, unless it is installed completely.

        If another process is installing it, this waits for the end.

        Args:
            on_download: called with each package as its download begins: name, version and size;
                not with those that pip has kept from another time.

        Raises:
            WarmlensError: it could not be installed; the message ends with pip's output.
        """
        if self.is_installed:
            return
        async with locked(self._folder.with_suffix(".lock")):
            if not self.is_installed:
                await self._install(on_download)

    async def _install(self, on_download: OnDownload) -> None:
        def on_line(line: str) -> None:
            if found := _DOWNLOAD.match(line):
                name, version, size = found.groups()
                on_download(f"{name} {version}, {size}")

        await self._run(sys.executable, "-m", "venv", "--clear", str(self._folder))
        for path in self._alone:  # each by itself: in a file with a hash, pip asks for all hashes
            await self._pip_install((path,), on_line, "--no-deps")
        await self._pip_install(self._requirements, on_line)
        for module in self._imports:
            await self._require(module)
        (self._folder / _COMPLETE).touch()

    async def _pip_install(
        self, requirements: Sequence[Path], on_line: Callable[[str], None], *options: str
    ) -> None:
        if not requirements:
            return
        index = ("--extra-index-url", self._index) if self._index else ()
        files = [part for path in requirements for part in ("--requirement", str(path))]
        await self._run(
            str(self.python), "-m", "pip", "install", "--disable-pip-version-check",
            *index, *options, *files, on_line=on_line,
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

    async def _run(self, *command: str, on_line: Callable[[str], None] = lambda _: None) -> None:
        exit_code, output = await run_command(command, on_line=on_line)
        if exit_code != 0:
            raise WarmlensError(
                "local_cloud",
                f"The {self.name}'s Python environment could not be installed. Check the network; "
                "behind a proxy, export HTTPS_PROXY=... first. Finished downloads are kept. "
                f"The installer printed: {output.strip()[-600:]}",
            )


def local_venvs(engine: str = "onnxruntime", torch_index: str | None = None) -> tuple[Venv, Venv]:
    """Return the virtual environments of the emulator and of the classifier's instances.

    Args:
        engine: name of the library that the instances run models with.
        torch_index: address of a package index with PyTorch's CPU builds.
    """
    folder = STATE / "environments"
    emulator = Venv(
        folder, "emulator", _HERE / "requirements-emulator.txt", download_mb=_EMULATOR_MB
    )
    classifier = Venv(
        folder,
        "classifier",
        _HERE / "requirements-runtime.txt",
        alone=classifier_requirements(engine),
        index=torch_index,
        imports=["torch"] if engine == "torch" else (),
        download_mb=_CLASSIFIER_MB.get(engine),
    )
    return emulator, classifier
