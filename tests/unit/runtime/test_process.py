"""Starting, reading and killing one process."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from warmlens.runtime.process import InstanceProcess, die_with_parent, start_process

SHOW_PARENT_DEATH_SIGNAL = (
    "import ctypes; seen = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(seen));"
    "print(seen.value)"
)


async def start(code: str, lines: list[str]) -> InstanceProcess:
    return await start_process(
        [sys.executable, "-c", code],
        directory=Path.cwd(),
        environment={"PATH": os.defpath},
        on_line=lines.append,
    )


async def eventually(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.002)


async def run(code: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    process = await start(code, lines)
    return await process.wait(), lines


async def test_output_arrives_line_by_line_and_the_rest_at_the_end() -> None:
    code = "import os; os.write(1, b'one\\ntwo\\n\\nthr'); os.write(1, b'ee')"
    assert await run(code) == (0, ["one", "two", "", "three"])


async def test_the_lines_of_a_stack_trace_are_lines() -> None:
    assert await run("import os; os.write(1, b'error\\r  at a\\r  at b\\r\\nnext\\n')") == (
        0,
        ["error", "  at a", "  at b", "next"],
    )


async def test_output_without_line_ends_is_not_kept_for_ever() -> None:
    status, lines = await run("import os\nfor _ in range(40): os.write(1, b'x' * 65536)")
    assert (status, len("".join(lines))) == (0, 40 * 65536)
    assert len(lines) > 1


async def test_output_that_is_not_text_is_shown_as_far_as_it_is() -> None:
    assert await run("import os; os.write(2, b'caf\\xc3\\xa9 \\xff\\n')") == (0, ["café \ufffd"])


async def test_the_status_tells_exit_and_signal_apart() -> None:
    assert (await run("raise SystemExit(3)"))[0] == 3
    assert (await run("import os; os.kill(os.getpid(), 15)"))[0] == -15


async def test_a_process_is_killed_with_what_it_started() -> None:
    lines: list[str] = []
    process = await start(
        "import subprocess, sys; sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = subprocess.Popen(sleep)\nprint(child.pid, flush=True)\nchild.wait()",
        lines,
    )
    await eventually(lambda: bool(lines))
    child = psutil.Process(int(lines[0]))
    process.kill()
    assert await process.wait() == -9
    await eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    process.kill()  # once gone, there is nothing to kill


async def test_a_descendant_that_holds_the_output_does_not_hold_us() -> None:
    code = (
        "import subprocess, sys; sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "print(subprocess.Popen(sleep, start_new_session=True).pid)"
    )
    status, lines = await run(code)
    psutil.Process(int(lines[0])).kill()
    assert status == 0


async def test_memory_is_known_while_it_runs_and_the_peak_stays() -> None:
    lines: list[str] = []
    code = "import time; x = b'x' * (64 << 20); del x; print('ready', flush=True); time.sleep(600)"
    process = await start(code, lines)
    await eventually(lambda: bool(lines))
    assert process.rss_mb() > 1
    peak = process.peak_rss_mb()
    if sys.platform == "linux":
        assert peak > 64
    process.kill()
    await process.wait()
    assert process.rss_mb() == 0
    assert process.peak_rss_mb() == peak


async def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        await start_process(
            [sys.executable],
            directory=tmp_path / "gone",
            environment={"PATH": os.defpath},
            on_line=print,
        )
    assert str(caught.value.filename) == str(tmp_path / "gone")


@pytest.fixture(params=["of the system", "our own"])
def launcher(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, ...]]:
    """The launcher as chosen here, and as chosen where setpriv is missing."""
    if request.param == "our own":
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    die_with_parent.cache_clear()
    yield die_with_parent()
    die_with_parent.cache_clear()


def test_the_launcher_has_the_kernel_kill_a_process_whose_parent_ends(
    launcher: tuple[str, ...],
) -> None:
    if sys.platform != "linux":
        assert launcher == ()
        return
    command = [*launcher, sys.executable, "-c", SHOW_PARENT_DEATH_SIGNAL]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"9\n"
