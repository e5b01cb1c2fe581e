"""`python -m lab measure`: one run that continues, and replaces the kept records at its end."""

import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
import typer

from lab import measure
from lab.__main__ import app
from lab.kept_records import RECORDS
from lab.measure import STEPS, Step, keep, run_steps
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.planner.service_times import SERVICE_TIMES, read_measured
from warmlens.records import read_records, write_records

FAKE = """
import sys
from pathlib import Path
log = Path(sys.argv[1])
with log.open("a") as file:
    print(*sys.argv[2:], file=file)
if "breaks" in sys.argv and not log.with_name("mended").exists():
    sys.exit(1)
print('{"name": "ours"}')
"""
FAKE_STEPS = (Step("one", "bench cold", 1, "speed"), Step("two", "breaks --full", 1))


@pytest.mark.parametrize("options", ["--json", "--quick --json"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_command_is_one_of_the_laboratory(step: Step, options: str) -> None:
    words = [*shlex.split(step.command.replace("--full", "")), *shlex.split(options)]
    command, context = typer.main.get_command(app), click.Context(click.Command("lab"))
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    command.make_context("lab", words)


def test_all_of_it_takes_less_than_an_hour_by_its_estimates() -> None:
    assert sum(step.minutes for step in STEPS) < 60
    assert len({step.name for step in STEPS}) == len(STEPS)


def test_a_run_that_was_stopped_continues_with_the_step_that_it_did_not_finish(
    tmp_path: Path,
) -> None:
    log, folder = tmp_path / "log", tmp_path / "steps"
    command = (sys.executable, "-c", FAKE, str(log))
    with pytest.raises(WarmlensError, match="breaks --full failed: run the same command again"):
        list(run_steps(FAKE_STEPS, folder, quick=False, command=command))
    assert [file.name for file in folder.iterdir()] == ["one.jsonl"]
    (tmp_path / "mended").touch()
    steps = run_steps(FAKE_STEPS, folder, quick=False, command=command)
    assert [step.name for step in steps] == ["two"]
    ran = log.read_text(encoding="utf-8").splitlines()
    assert ran == ["bench cold --json", "breaks --full --json", "breaks --full --json"]
    assert list(run_steps(FAKE_STEPS, folder, quick=False, command=command)) == []


def test_a_try_takes_few_samples_and_writes_its_report_elsewhere(tmp_path: Path) -> None:
    log, folder = tmp_path / "log", tmp_path / "steps"
    (tmp_path / "mended").touch()
    command = (sys.executable, "-c", FAKE, str(log))
    list(run_steps(FAKE_STEPS, folder, quick=True, command=command))
    assert log.read_text(encoding="utf-8").splitlines() == [
        "bench cold --quick --json",
        f"breaks --quick --out {folder / 'report'} --json",
    ]


def test_the_kept_records_are_replaced_and_the_planner_reads_the_new_ones(tmp_path: Path) -> None:
    """Records that no step measures stay: memory, packages and downloads."""
    kept, folder = tmp_path / "kept", tmp_path / "steps"
    kept.mkdir()
    folder.mkdir()
    service_times = tmp_path / "service_times.jsonl"
    old = {
        name: read_records((RECORDS / f"{name}.jsonl").read_text(encoding="utf-8"))
        for name in ("speed", "speed-alone")
    }
    for name, records in old.items():
        (kept / f"{name}.jsonl").write_text(write_records(records), encoding="utf-8")
    steps = (Step("a", "", 1, "speed"), Step("b", "", 1, "speed-alone"), Step("c", "", 1))
    for step in steps[:2]:
        measured = [
            replace(each, date="2027-01-01", conditions={**each.conditions, "period_ms": 20})
            for each in old[step.kept_in]
            if each.metric in ("cold_start_ms", "warm_ms")
        ]
        (folder / f"{step.name}.jsonl").write_text(write_records(measured), encoding="utf-8")
    files = keep(steps, folder, kept, service_times)
    assert files == [kept / "speed.jsonl", kept / "speed-alone.jsonl", service_times]
    dates: dict[str, set[str]] = {}
    for each in read_records((kept / "speed.jsonl").read_text(encoding="utf-8")):
        dates.setdefault(each.metric, set()).add(each.date)
    assert dates["cold_start_ms"] == dates["warm_ms"] == {"2027-01-01"}
    assert "2027-01-01" not in dates["peak_rss_mb"] | dates["fetch_ms"] | dates["installed_mb"]
    for input_px in (128, 224):
        times = read_measured([service_times], input_px=input_px)
        assert {"2027-01-01" in each.source for each in times} == {True}
    assert {each.memory_mb for each in read_measured([service_times])} == {
        each.memory_mb for each in read_measured([SERVICE_TIMES])
    }


def test_beside_other_work_nothing_is_measured_that_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1.7, 0.0, 0.0))
    with pytest.raises(WarmlensError, match="load of the last minute") as refused:
        measure.require_quiet()
    assert refused.value.code == "machine_busy"
    assert "1.7" in str(refused.value)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.2, 3.0, 3.0))
    measure.require_quiet()


def test_the_page_names_each_step() -> None:
    page = (ROOT / "docs" / "lab" / "README.md").read_text(encoding="utf-8")
    assert measure.table_of_steps() in page
