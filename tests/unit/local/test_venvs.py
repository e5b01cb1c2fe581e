"""Virtual environments of the local cloud."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from warmlens.local import venvs
from warmlens.local.command import run_command
from warmlens.local.venvs import Venv

PIP_LINES = """\
Collecting onnxruntime==1.32.0 (from -r requirements-onnxruntime.txt (line 3))
  Downloading onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (5.1 kB)
  Downloading onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_x86_64.whl (17.9 MB)
     ---------------------------------------- 17.9/17.9 MB 9.1 MB/s eta 0:00:00
  Using cached pillow-13.0.0-cp311-cp311-manylinux_2_28_x86_64.whl (7.0 MB)
  Downloading https://index.example/six/python_dateutil-2.9.0.post0-py2.py3-none-any.whl (229 kB)
Installing collected packages: onnxruntime, pillow, python-dateutil
"""


async def test_two_that_start_together_install_an_environment_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second installation would clear the folder that the first one fills."""
    commands: list[tuple[str, ...]] = []

    async def run(command: tuple[str, ...], **_: object) -> tuple[int, str]:
        commands.append(command)
        (tmp_path / Path(command[-1]).name).mkdir(exist_ok=True)
        await asyncio.sleep(0.05)
        return 0, ""

    monkeypatch.setattr(venvs, "run_command", run)
    first, second = (Venv(tmp_path, "test") for _ in range(2))
    await asyncio.gather(first.install(), second.install())
    assert len(commands) == 1
    assert second.is_installed


async def test_an_installation_names_each_download_as_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(command: tuple[str, ...], *, on_line: Callable[[str], None]) -> tuple[int, str]:
        if "venv" in command:
            (tmp_path / Path(command[-1]).name).mkdir()
        else:
            assert "--quiet" not in command
            for line in PIP_LINES.splitlines(keepends=True):
                on_line(line)
        return 0, PIP_LINES

    monkeypatch.setattr(venvs, "run_command", run)
    requirements = tmp_path / "requirements.txt"
    requirements.touch()
    named: list[str] = []
    await Venv(tmp_path, "test", requirements).install(named.append)
    assert named == ["onnxruntime 1.32.0, 17.9 MB", "python_dateutil 2.9.0.post0, 229 kB"]


@pytest.mark.timeout(60)
async def test_lines_of_a_program_come_while_it_runs(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        seen.touch()

    script = 'echo begun; while ! test -e "$0"; do sleep 0.02; done; echo ended; exit 3'
    assert await run_command(["sh", "-c", script, str(seen)], on_line=on_line) == (
        3,
        "begun\nended\n",
    )
    assert lines == ["begun\n", "ended\n"]
