"""A /tmp of its own for each instance, where the kernel lets this user mount one."""

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

# The first argument of the shell is the folder, the others are the command.
_MOUNT = 'mount --bind "$0" /tmp && exec "$@"'
_AS_ROOT = ("unshare", "--mount", "--")
_AS_USER = ("unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--")
_GIVE_UP_RIGHTS = ("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--")


class PrivateTmp:
    """The launcher that starts a command with a folder mounted as its /tmp.

    Args:
        enter: makes the namespace, and keeps the right to mount in it.
        leave: gives that right up.
    """

    def __init__(self, enter: Sequence[str], leave: Sequence[str]) -> None:
        self._enter = tuple(enter)
        self._leave = tuple(leave)

    def launcher(self, folder: Path) -> tuple[str, ...]:
        """Return what goes before the command; the process keeps its id through it."""
        return (*self._enter, "sh", "-c", _MOUNT, str(folder), *self._leave)

    def suits(self, spec: FunctionSpec) -> bool:
        """Tell whether nothing that the function is made of lies in /tmp, which is hidden."""
        paths = [spec.task_root, *(Path(part) for part in spec.command if part.startswith("/"))]
        return not any(path.absolute().is_relative_to(TMP) for path in paths)

    def works(self) -> bool:
        """Tell whether the kernel allows it, by trying."""
        with tempfile.TemporaryDirectory() as folder:
            command = (*self.launcher(Path(folder)), "touch", "/tmp/here")  # noqa: S108
            try:
                result = subprocess.run(command, capture_output=True, check=False, timeout=5)
            except (OSError, subprocess.TimeoutExpired):
                return False
            return result.returncode == 0 and (Path(folder) / "here").exists()


def find_private_tmp() -> PrivateTmp | None:
    """Return the way that this user may use; None off Linux, and where the kernel forbids it."""
    if sys.platform != "linux" or not shutil.which("unshare") or not shutil.which("setpriv"):
        return None
    as_root = PrivateTmp(_AS_ROOT, ())
    way = as_root if os.geteuid() == 0 else PrivateTmp(_AS_USER, _GIVE_UP_RIGHTS)
    return way if way.works() else None
