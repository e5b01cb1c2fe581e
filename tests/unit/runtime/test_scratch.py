"""Temporary folders: those of killed processes are removed, all others stay."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from warmlens.runtime.scratch import ScratchFolder, remove_abandoned

OWNER = """
import sys
from warmlens.runtime.scratch import ScratchFolder
folder = ScratchFolder("0123abcd")
(folder.path / "model.bin").write_bytes(b"weights")
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def owner(tmp: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process with a folder."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_the_folder_of_a_killed_process_is_removed_and_that_of_a_running_one_is_not(
    owner: tuple[subprocess.Popen[str], Path],
) -> None:
    process, path = owner
    remove_abandoned()
    assert (path / "model.bin").exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (path / "model.bin").exists()
    remove_abandoned()
    assert not path.exists()


def test_a_folder_of_this_very_process_stays_until_it_is_removed(tmp: Path) -> None:
    mine, other = ScratchFolder("mine"), ScratchFolder("other")
    remove_abandoned()
    assert {mine.path, other.path} == set(tmp.iterdir())
    mine.remove()
    assert set(tmp.iterdir()) == {other.path}
    other.remove()


def test_links_files_and_other_folders_stay(tmp: Path) -> None:
    target = tmp / "of-someone"
    target.mkdir()
    (target / "photo.jpg").touch()
    (tmp / "warmlens-instance-link").symlink_to(target)
    (tmp / "warmlens-instance-file").touch()
    (tmp / "warmlens-experiment-1").mkdir()
    within = tmp / "warmlens-instance-0123abcd-old"
    within.mkdir()
    (within / "link").symlink_to(target)
    remove_abandoned()
    assert (target / "photo.jpg").exists()
    assert sorted(path.name for path in tmp.iterdir()) == [
        "of-someone",
        "warmlens-experiment-1",
        "warmlens-instance-file",
        "warmlens-instance-link",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to another user")
def test_a_folder_of_another_user_stays(tmp: Path) -> None:
    theirs = tmp / "warmlens-instance-theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    remove_abandoned()
    assert theirs.exists()


def test_a_folder_that_is_being_locked_stays_for_a_minute(tmp: Path) -> None:
    new = tmp / ".warmlens-new-1"
    new.mkdir()
    remove_abandoned()
    assert new.exists()
    an_hour_ago_s = time.time() - 3600
    os.utime(new, (an_hour_ago_s, an_hour_ago_s))
    remove_abandoned()
    assert not new.exists()


def test_without_a_folder_for_temporary_files_nothing_happens(
    tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp / "nowhere"))
    remove_abandoned()
