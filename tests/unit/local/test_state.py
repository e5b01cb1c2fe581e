"""The state file of a running local cloud."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from warmlens.local.state import RunningCloud, StateFile

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "not there yet" / "state.json"


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is not an emulator."""
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def note(path: Path, **fields: object) -> StateFile:
    path.parent.mkdir()
    path.write_text(json.dumps(fields))
    return StateFile(path)


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_file_names_this_process_until_it_is_removed(path: Path) -> None:
    file = StateFile(path)
    assert file.read() is None
    file.write(url="http://127.0.0.1:8080", emulator_pid=7)
    created_s = psutil.Process().create_time()
    assert file.read() == RunningCloud(os.getpid(), created_s, "http://127.0.0.1:8080", 7)
    file.remove()
    assert file.read() is None
    file.remove()  # once gone, there is nothing to remove


def test_another_process_with_the_same_id_is_not_the_cloud(path: Path) -> None:
    file = note(path, pid=os.getpid(), created_s=psutil.Process().create_time() - 60)
    assert file.read() is None


def test_the_file_of_a_cloud_that_has_ended_is_ignored(path: Path) -> None:
    assert note(path, pid=ended_process(), created_s=0).read() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1}', '{"another": "form"}'])
def test_a_damaged_file_is_ignored(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    file = StateFile(path)
    assert file.read() is None
    file.remove_leftovers()


def test_only_an_emulator_is_ended_as_a_leftover(
    path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    file = note(path, pid=ended_process(), created_s=0, emulator_pid=stranger.pid)
    file.remove_leftovers()
    assert psutil.Process(stranger.pid).status() != psutil.STATUS_ZOMBIE


def test_the_emulator_of_a_cloud_that_runs_is_left_alone(path: Path) -> None:
    emulator = subprocess.Popen([*SLEEP, "ministack"])
    try:
        created_s = psutil.Process().create_time()
        file = note(path, pid=os.getpid(), created_s=created_s, emulator_pid=emulator.pid)
        file.remove_leftovers()
        assert psutil.Process(emulator.pid).status() != psutil.STATUS_ZOMBIE
        path.unlink()
        path.parent.rmdir()
        note(path, pid=ended_process(), created_s=0, emulator_pid=emulator.pid).remove_leftovers()
        assert not psutil.pid_exists(emulator.pid)
    finally:
        emulator.kill()
        emulator.wait()
