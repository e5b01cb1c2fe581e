"""Synthesis of the app."""

import asyncio
from pathlib import Path

import pytest

from warmlens.local import assembly
from warmlens.local.assembly import synthesize


async def test_clouds_that_start_together_synthesize_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Path] = []

    async def run_app(_: dict[str, str], folder: Path) -> None:
        runs.append(folder)
        await asyncio.sleep(0.05)
        await asyncio.to_thread(folder.mkdir, parents=True)

    monkeypatch.setattr(assembly, "_run_app", run_app)
    first, second = await asyncio.gather(
        synthesize("local", tmp_path / "assemblies"), synthesize("local", tmp_path / "assemblies")
    )
    assert first == second
    assert len(runs) == 1


async def test_an_assembly_that_cannot_be_put_in_place_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write_nothing(_: dict[str, str], __: Path) -> None:
        (tmp_path / "assemblies").mkdir()

    monkeypatch.setattr(assembly, "_run_app", write_nothing)
    with pytest.raises(FileNotFoundError):
        await synthesize("local", tmp_path / "assemblies")
