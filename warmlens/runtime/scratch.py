"""Temporary folders that a killed process leaves behind, and a later one removes.

Each is locked while it is in use. The kernel releases the lock at its owner's end, whatever ended
it, so a lock says who lives without process ids, which are used again and differ in containers.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "warmlens-instance-"
_UNLOCKED = ".warmlens-new-"
_NEW_FOR_S = 60.0  # far longer than it takes to lock a folder


class ScratchFolder:
    """A temporary folder of this process, locked from the moment that it has its name.

    Args:
        label: part of its name.

    Attributes:
        path: the folder.

    Raises:
        OSError: it cannot be created.
    """

    def __init__(self, label: str) -> None:
        new = Path(tempfile.mkdtemp(prefix=_UNLOCKED))
        self._descriptor = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        unique = new.name.removeprefix(_UNLOCKED)
        self.path = new.rename(new.with_name(f"{_PREFIX}{label}-{unique}"))

    def remove(self) -> None:
        """Remove the folder with all that is in it, as far as that is possible."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


def remove_abandoned() -> None:
    """Remove this user's folders whose owners have ended; links and what is in use stay."""
    with contextlib.suppress(OSError):  # no folder for temporary files, or not to be listed
        for path in Path(tempfile.gettempdir()).iterdir():
            if path.name.startswith((_PREFIX, _UNLOCKED)):
                with contextlib.suppress(OSError), _locked(path) as is_abandoned:
                    if is_abandoned:
                        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a folder; yields whether it is abandoned, raises OSError if it is in use or a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(descriptor)
        is_new = path.name.startswith(_UNLOCKED) and time.time() - status.st_mtime < _NEW_FOR_S
        yield status.st_uid == os.geteuid() and not is_new
    finally:
        os.close(descriptor)
