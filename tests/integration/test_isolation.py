"""Instances are held to the processor share and the memory of their function, on real processes."""

import contextlib
import math
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
from warmlens.runtime.isolation import PERIOD_MS, Isolation, Limits, limits_of
from warmlens.runtime.watchdog import TICK_S, Watchdog

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
BURNS = """
import sys, time
def burn(cpu_s):
    begun_s, end_s = time.monotonic(), time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        pass
    return time.monotonic() - begun_s
for line in sys.stdin:
    print(burn(float(line)), flush=True)
"""
SHARE = 0.3
CLOCK_MONOTONIC_COARSE = 6  # clock_gettime(2): its resolution is the kernel's tick
KERNELS_TICK_S = time.clock_getres(CLOCK_MONOTONIC_COARSE) if sys.platform == "linux" else 0.0
TICK_MS = max(TICK_S, KERNELS_TICK_S) * 1000
OVERRUN_MS = TICK_MS + 1  # for which a process may run on when its share is used up
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
        [sys.executable, "-c", program],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
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
    isolation.confine(process.pid, Limits(vcpus=SHARE, memory_mb=512)).begin_call()
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


def burn(process: subprocess.Popen[bytes], cpu_ms: float) -> float:
    """Have the process use its processor; return how long that took, in ms."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{cpu_ms / 1000}\n".encode())
    process.stdin.flush()
    return float(process.stdout.readline()) * 1000


def periods_begun(cpu_ms: float, limits: Limits) -> int:
    """The least number of periods that begin in a call, if they are of 20 ms.

    Where `n` begin, it has used no more than `n + 1` quotas and one overrun.
    """
    return math.ceil((cpu_ms - OVERRUN_MS) / (limits.vcpus * 20)) - 1


def shortest_ms(cpu_ms: float, limits: Limits) -> float:
    """The least time of a call: whole periods between the first that begins in it and the last."""
    whole = periods_begun(cpu_ms, limits) - 1
    return whole * 20 + cpu_ms - whole * limits.vcpus * 20 - OVERRUN_MS


@pytest.mark.serial
@pytest.mark.parametrize(("memory_mb", "cpu_ms"), [(768, 29), (768, 40), (256, 13)])
def test_a_call_is_halted_for_the_rest_of_each_20_ms(
    isolation: Isolation, started: list[subprocess.Popen[bytes]], memory_mb: int, cpu_ms: float
) -> None:
    limits = limits_of(memory_mb)
    assert shortest_ms(cpu_ms, limits) > cpu_ms, "a longer period would do, too"
    process = start(started, BURNS)
    confinement = isolation.confine(process.pid, limits)
    burn(process, 60)
    taken_ms = []
    for _ in range(3):
        confinement.begin_call()
        taken_ms.append(burn(process, cpu_ms))
        time.sleep(0.15)  # in which the share is whole again
    # The longest: the watchdog may come late to some.
    assert max(taken_ms) >= shortest_ms(cpu_ms, limits)


@needs_cgroups
def test_the_kernel_limits_the_processor_from_the_first_call_on_and_not_in_the_init(
    started: list[subprocess.Popen[bytes]],
) -> None:
    assert isinstance(CGROUPS, Cgroups)
    process = start(started, BURNS)
    confinement = CGROUPS.confine(process.pid, limits_of(128))
    burn(process, 60)
    assert periods(process.pid) == (0, 0)
    confinement.begin_call()
    confinement.begin_call()
    burn(process, 15)
    counted, _ = periods(process.pid)
    assert counted >= periods_begun(15, limits_of(128)) > 0


def test_the_watchdog_halts_nothing_before_the_first_call(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    really = os.killpg

    def killpg(pid: int, number: int) -> None:
        sent.append(number)
        really(pid, number)

    monkeypatch.setattr(os, "killpg", killpg)
    process = start(started, BURNS)
    confinement = Watchdog().confine(process.pid, limits_of(128))
    burn(process, 100)
    assert sent == []
    confinement.begin_call()
    burn(process, 50)
    assert signal.SIGSTOP in sent


def periods(pid: int) -> tuple[int, int]:
    """The periods in which the kernel counted the group's processor time, and halted it."""
    (stat,) = Path("/sys/fs/cgroup").rglob(f"warmlens-{pid}/cpu.stat")
    words = dict(line.split() for line in stat.read_text().splitlines())
    return int(words["nr_periods"]), int(words["nr_throttled"])


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
    confinement.begin_call()
    time.sleep(0.5)
    assert process.poll() is None
    kill_group(process)
    process.wait()
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


def test_1769_mb_bring_one_vcpu_as_aws_documents_in_periods_that_were_observed() -> None:
    assert PERIOD_MS == 20
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
