"""Virtual environments of the local cloud."""

import asyncio
from pathlib import Path

import pytest

from warmlens.local import venvs
from warmlens.local.venvs import Venv


async def test_two_that_start_together_install_an_environment_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second installation would clear the folder that the first one fills."""
    commands: list[tuple[str, ...]] = []

    async def run(command: tuple[str, ...]) -> tuple[int, str]:
        commands.append(command)
        (tmp_path / Path(command[-1]).name).mkdir(exist_ok=True)
        await asyncio.sleep(0.05)
        return 0, ""

    monkeypatch.setattr(venvs, "run_command", run)
    first, second = (Venv(tmp_path, "test") for _ in range(2))
    await asyncio.gather(first.install(), second.install())
    assert len(commands) == 1
    assert second.is_installed
