"""State file of a running local cloud, which other commands read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warmlens.runtime.scratch import remove_abandoned

if TYPE_CHECKING:
    import psutil

STATUS_PATH = "/_local/status"  # the local cloud's own route, beside those of the API


@dataclass(frozen=True)
class RunningCloud:
    """Process and addresses of a running local cloud.

    Attributes:
        pid: its process.
        created_s: when that process was created, since process ids are used again.
        url: address of the page and the API; empty while it starts.
        emulator_pid: the emulator's process; 0 while it starts.
    """

    pid: int
    created_s: float
    url: str = ""
    emulator_pid: int = 0


class StateFile:
    """Reads and writes the state file.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._url = ""
        self._emulator_pid = 0

    def write(self, *, url: str | None = None, emulator_pid: int | None = None) -> None:
        """Write this process as the local cloud; values that are not given stay as they were."""
        import psutil

        created_s = psutil.Process().create_time()
        self._url = self._url if url is None else url
        self._emulator_pid = self._emulator_pid if emulator_pid is None else emulator_pid
        note = RunningCloud(os.getpid(), created_s, self._url, self._emulator_pid)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(note)), encoding="utf-8")
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


def _process(pid: int, created_s: float | None = None) -> "psutil.Process | None":
    import psutil

    try:
        process = psutil.Process(pid)
        running = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        same = created_s is None or abs(process.create_time() - created_s) < 1
    except psutil.Error:
        return None
    return process if running and same else None
