"""A private /tmp for each instance, where the kernel allows the mount."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from warmlens.runtime.function import FunctionSpec

TMP = Path("/tmp")  # noqa: S108 - the very folder that is meant
OWN = "each instance has its own, by a mount namespace"
SHARED = "shared by all instances; only the temporary folder (TMPDIR) is an instance's own"

# The first argument of the shell is the folder, then come paths below /tmp to keep, then `--` and
# the command.
_MOUNT = """
while [ "$1" != -- ]; do
    if [ -d "/tmp/$1" ]; then mkdir -p "$0/$1"; else mkdir -p "$0/${1%/*}" && : >> "$0/$1"; fi
    mount --rbind "/tmp/$1" "$0/$1" || exit 1
    shift
done
shift
mount --rbind "$0" /tmp && exec "$@"
"""
_AS_ROOT = ("unshare", "--mount", "--")
_AS_USER = ("unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--")
_GIVE_UP_RIGHTS = ("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--")


class PrivateTmp:
    """Launches a command with a folder mounted as its /tmp.

    Args:
        enter: command that makes the namespace and keeps the right to mount in it.
        leave: command that gives up that right.
    """

    def __init__(self, enter: Sequence[str], leave: Sequence[str]) -> None:
        self._enter = tuple(enter)
        self._leave = tuple(leave)

    def launcher(self, folder: Path, kept: Sequence[Path] = ()) -> tuple[str, ...]:
        """Return the words to put before the command; the process keeps its id.

        Args:
            folder: folder that becomes /tmp.
            kept: files and folders below /tmp that stay visible.
        """
        names = (str(path.relative_to(TMP)) for path in kept)
        return (*self._enter, "sh", "-c", _MOUNT, str(folder), *names, "--", *self._leave)

    def works(self) -> bool:
        """Return whether the kernel allows it, by trying it."""
        with tempfile.TemporaryDirectory() as folder:
            command = (*self.launcher(Path(folder)), "touch", "/tmp/here")  # noqa: S108
            try:
                result = subprocess.run(command, capture_output=True, check=False, timeout=60)
            except (OSError, subprocess.TimeoutExpired):
                return False
            return result.returncode == 0 and (Path(folder) / "here").exists()


def find_private_tmp() -> PrivateTmp | None:
    """Return the launcher for this user; None if not on Linux or if the kernel forbids it."""
    if sys.platform != "linux" or not shutil.which("unshare") or not shutil.which("setpriv"):
        return None
    as_root = PrivateTmp(_AS_ROOT, ())
    way = as_root if os.geteuid() == 0 else PrivateTmp(_AS_USER, _GIVE_UP_RIGHTS)
    return way if way.works() else None


def parts_in_tmp(spec: FunctionSpec) -> list[Path]:
    """Return the files and folders below /tmp that a function needs.

    These are its source and the programs in its command, with their virtual environments.
    """
    paths = {spec.task_root.absolute()}
    for part in spec.command:
        if part.startswith("/"):
            paths |= {_whole(Path(part)), _whole(Path(part).resolve())}
    return sorted(path for path in paths if path.is_relative_to(TMP) and path != TMP)


def _whole(program: Path) -> Path:
    """Return the folder of a Python installation for its interpreter, else the path itself."""
    folder = program.parent.parent
    return folder if program.parent.name == "bin" and (folder / "lib").is_dir() else program
