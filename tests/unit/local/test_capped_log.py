"""Logs of the local cloud: a size that they keep, and disks that are full."""

import sys
from pathlib import Path

import pytest

from warmlens.local.capped_log import CappedLog, cap


def test_a_log_keeps_its_newest_lines_within_twice_its_size(tmp_path: Path) -> None:
    path = tmp_path / "instances.log"
    log = CappedLog(path, warn=pytest.fail, max_bytes=1000)
    for number in range(500):
        log.write(f"line {number} é")
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["instances.log", "instances.log.1"]
    assert all(file.stat().st_size <= 1000 for file in files)
    lines = (files[1].read_text("utf-8") + files[0].read_text("utf-8")).splitlines()
    assert lines == [f"line {number} é" for number in range(500 - len(lines), 500)]
    assert len(lines) > 80
    CappedLog(path, warn=pytest.fail).close()
    assert [(file.name, file.stat().st_size) for file in tmp_path.iterdir()] == [(path.name, 0)]


def test_a_line_longer_than_the_size_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "instances.log"
    log = CappedLog(path, warn=pytest.fail, max_bytes=10)
    for line in ("x" * 50, "y" * 50, "z"):
        log.write(line)
    log.close()
    assert path.read_text("utf-8") == "z\n"
    assert (tmp_path / "instances.log.1").read_text("utf-8") == "y" * 50 + "\n"


def test_a_log_that_someone_removed_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "instances.log"
    log = CappedLog(path, warn=pytest.fail, max_bytes=10)
    log.write("first")
    path.unlink()
    log.write("the second")
    log.close()
    assert path.read_text("utf-8") == "the second\n"


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a disk that is always full")
def test_a_full_disk_is_one_warning_and_the_log_says_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "instances.log"
    warnings: list[str] = []
    path.symlink_to("/dev/full")
    log = CappedLog(path, warn=warnings.append)
    for _ in range(100):
        log.write("lost")
    (warning,) = warnings
    assert "instances.log" in warning
    assert "No space left on device" in warning
    path.unlink()
    log._file.close()
    log._file = path.open("wb", buffering=0)  # there is space again
    log.write("kept")
    log.write("kept, too")
    log.close()
    lines = path.read_text("utf-8").splitlines()
    assert lines == [
        "100 lines are missing here: they could not be written",
        "kept",
        "kept, too",
    ]


def test_a_log_of_another_process_is_emptied_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "emulator.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"old" + b"x" * 1000)
        cap(path, 1003)
        assert path.stat().st_size == 1003
        cap(path, 1000)
        assert (path.stat().st_size, (tmp_path / "emulator.log.1").read_bytes()) == (0, b"x" * 1000)
        writer.write(b"new")
    assert path.read_bytes() == b"new"  # and no hole before it
