"""Instances are held to the processor share and the memory of their function, on real processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import Cloud
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.cgroups import Cgroups, find_cgroups
from warmlens.runtime.isolation import Isolation, Limits, limits_of
from warmlens.runtime.watchdog import Watchdog

BUSY = "input()\nwhile True: pass"
WAITS = "import time; time.sleep(60)"
GROWS = """
import time
kept = []
while len(kept) < 400:
    kept.append(bytearray(b"x") * 2**20)
    time.sleep(0.001)
time.sleep(60)
"""
FORKS = "import os\ninput()\nos.fork()\nwhile True: pass"
SHARE = 0.3
MEASURED_S = 0.6  # of processor time: two seconds at its share
CGROUPS = find_cgroups()
needs_cgroups = pytest.mark.skipif(
    CGROUPS is None, reason="this user may make no control groups: only the watchdog is tested"
)


@pytest.fixture(params=["watchdog", pytest.param("cgroups", marks=needs_cgroups)])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Each way that this machine has."""
    if request.param == "watchdog":
        return Watchdog()
    assert CGROUPS is not None
    return CGROUPS


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are ended after the test."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        kill_group(process)
        process.communicate()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def start(started: list[subprocess.Popen[bytes]], program: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", program], start_new_session=True, stdin=subprocess.PIPE
    )
    started.append(process)
    return process


def cpu_s(pid: int) -> float:
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in [process, *process.children(recursive=True)]]
    return sum(each.user + each.system for each in times)


@pytest.mark.serial
@pytest.mark.parametrize("program", [BUSY, FORKS], ids=["one process", "with a child"])
def test_an_instance_gets_its_share_of_the_processor_and_no_more(
    isolation: Isolation, started: list[subprocess.Popen[bytes]], program: str
) -> None:
    process = start(started, program)
    isolation.confine(process.pid, Limits(vcpus=SHARE, memory_mb=512))
    assert process.stdin is not None
    process.stdin.write(b"\n")  # only now, as a child that it had before would not be confined
    process.stdin.flush()
    before_s, begun_s = cpu_s(process.pid), time.monotonic()
    used_s = elapsed_s = 0.0
    # What it took beyond its share at one moment, it is kept waiting for at the next.
    while used_s < MEASURED_S or used_s > SHARE * 1.2 * elapsed_s:
        time.sleep(0.05)
        used_s, elapsed_s = cpu_s(process.pid) - before_s, time.monotonic() - begun_s
        assert elapsed_s < 300, f"it used the processor for {used_s:.1f} s of these"


def test_an_instance_that_takes_more_memory_than_it_has_is_killed(
    isolation: Isolation, started: list[subprocess.Popen[bytes]]
) -> None:
    process = start(started, GROWS)
    isolation.confine(process.pid, Limits(vcpus=4, memory_mb=128))
    assert process.wait(120) == -signal.SIGKILL


def test_an_instance_within_its_limits_is_left_alone(
    isolation: Isolation, started: list[subprocess.Popen[bytes]]
) -> None:
    process = start(started, WAITS)
    confinement = isolation.confine(process.pid, Limits(vcpus=0.1, memory_mb=256))
    time.sleep(0.5)
    assert process.poll() is None
    confinement.release()


@needs_cgroups
def test_nothing_of_an_instance_is_left_in_the_control_groups(
    started: list[subprocess.Popen[bytes]],
) -> None:
    assert isinstance(CGROUPS, Cgroups)
    process = start(started, WAITS)
    confinement = CGROUPS.confine(process.pid, Limits(vcpus=1, memory_mb=64))
    assert str(process.pid) in Path(f"/proc/{process.pid}/cgroup").read_text()
    process.kill()
    process.wait()
    confinement.release()
    assert not list(Path("/sys/fs/cgroup").rglob(f"warmlens-{process.pid}"))


@pytest.mark.serial  # another program that starts meanwhile would remove them, too
@needs_cgroups
def test_groups_that_a_killed_program_left_are_removed_by_the_next_one(
    started: list[subprocess.Popen[bytes]],
) -> None:
    assert isinstance(CGROUPS, Cgroups)
    process = start(started, WAITS)
    CGROUPS.confine(process.pid, Limits(vcpus=1, memory_mb=64))  # never released
    process.kill()
    process.wait()
    left = f"warmlens-{process.pid}"
    assert list(Path("/sys/fs/cgroup").rglob(left))
    best_isolation()
    assert not list(Path("/sys/fs/cgroup").rglob(left))


def test_1769_mb_bring_one_vcpu_as_aws_documents() -> None:
    assert limits_of(1769) == Limits(vcpus=1.0, memory_mb=1769)
    assert limits_of(128).vcpus == pytest.approx(0.0724, abs=1e-4)


def test_no_control_groups_are_found_where_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text("tmpfs / tmpfs rw 0 0\n")
    (tmp_path / "membership").write_text("0::/\n")
    assert find_cgroups(tmp_path / "mounts", tmp_path / "membership") is None
    assert find_cgroups(tmp_path / "nowhere", tmp_path / "nowhere") is None


def test_a_running_local_cloud_says_which_limits_are_in_force(cloud: Cloud) -> None:
    status = cloud.status()
    assert status["limits"] == best_isolation().description
