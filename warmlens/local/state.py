"""State file of a running local cloud, which other commands read."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from warmlens.local.aws import Keys
from warmlens.runtime.scratch import remove_abandoned

if TYPE_CHECKING:
    import psutil

STATUS_PATH = "/_local/status"  # the local cloud's own routes, beside those of the API
FLEET_PATH = "/_local/fleet"


@dataclass(frozen=True)
class RunningCloud:
    """Process and addresses of a running local cloud.

    Attributes:
        pid: its process.
        created_s: when that process was created, since process ids are used again.
        url: address of the page and the API; empty while it starts.
        emulator_pid: the emulator's process; 0 while it starts.
        access_key_id: the key that the emulator trusts; empty while it starts.
        secret_access_key: its secret.
    """

    pid: int
    created_s: float
    url: str = ""
    emulator_pid: int = 0
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)

    @property
    def keys(self) -> Keys:
        """The emulator's keys."""
        return Keys(self.access_key_id, self.secret_access_key)


class StateFile:
    """Reads and writes the state file.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._url = ""
        self._emulator_pid = 0
        self._keys = Keys("", "")

    def write(
        self,
        *,
        url: str | None = None,
        emulator_pid: int | None = None,
        keys: Keys | None = None,
    ) -> None:
        """Write this process as the local cloud; values that are not given stay as they were."""
        import psutil

        created_s = psutil.Process().create_time()
        self._url = self._url if url is None else url
        self._emulator_pid = self._emulator_pid if emulator_pid is None else emulator_pid
        self._keys = self._keys if keys is None else keys
        note = RunningCloud(
            os.getpid(), created_s, self._url, self._emulator_pid, **asdict(self._keys)
        )
        make_private(self._path.parent)
        partial = self._path.with_suffix(".partial")
        with open_private(partial) as file:
            file.write(json.dumps(asdict(note)))
        partial.replace(self._path)

    def read(self) -> RunningCloud | None:
        """Return the running cloud, or None."""
        note = self._note()
        return note if note and _process(note.pid, note.created_s) else None

    def remove(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """End the emulator of a local cloud that was killed, and remove its instances' folders."""
        remove_abandoned()
        note = self._note()
        if note is None or _process(note.pid, note.created_s) or not note.emulator_pid:
            return
        emulator = _process(note.emulator_pid)
        if emulator and any("ministack" in part for part in emulator.cmdline()):
            for process in [emulator, *emulator.children(recursive=True)]:
                process.kill()
            emulator.wait(60)

    def _note(self) -> RunningCloud | None:
        try:
            return RunningCloud(**json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def make_private(folder: Path) -> None:
    """Make a folder that only this user may enter; one that exists becomes so."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def open_private(path: Path) -> TextIO:
    """Open an emptied text file that only this user may read and write."""
    path.unlink(missing_ok=True)  # it may be another's to read, from an earlier version

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_EXCL, 0o600)

    return open(path, "w", encoding="utf-8", opener=opener)


def _process(pid: int, created_s: float | None = None) -> "psutil.Process | None":
    import psutil

    try:
        process = psutil.Process(pid)
        running = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        same = created_s is None or abs(process.create_time() - created_s) < 1
    except psutil.Error:
        return None
    return process if running and same else None
