"""A quick run never takes the place of a full one."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from lab import kept_records as kept
from lab.__main__ import app
from lab.bench.extent import COLD_STARTS, WARM_CALLS, extent_of
from lab.docs_blocks import speed_alone
from lab.experiments import commands as experiments
from lab.experiments.experiment import Mode
from lab.experiments.report import write_report
from lab.experiments.run import measurements_path
from lab.kept_records import kept_records
from lab.statistics import fewest_for
from tests.invoke import invoke
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.records import Record, write_records

DOCS = ROOT / "docs" / "lab" / "experiments"
# The others simulate, or measure for a time that is part of their records.
MEASURING = (
    *("architectures", "cold", "fetch", "first-visitor", "memory", "one-call", "overhead", "peer"),
    *("rounds", "wakes", "warm"),
)


def options_of(name: str) -> dict[str, Any]:
    bench = typer.main.get_command(app).commands["bench"].commands[name]  # type: ignore[attr-defined]
    return {each.name: each.default for each in bench.params}


@pytest.mark.parametrize("name", MEASURING)
def test_each_bench_that_measures_has_a_quick_run(name: str) -> None:
    options = options_of(name)
    assert options["quick"] is False
    counts = {"runs", "rounds", "calls", "visits"} & options.keys()
    assert any(options[count] is None for count in counts)  # it depends on the mode


def test_full_runs_take_30_cold_starts_and_300_warm_calls() -> None:
    assert (COLD_STARTS, WARM_CALLS) == (30, 300)
    assert fewest_for(99) <= WARM_CALLS
    assert extent_of(None, full=COLD_STARTS, few=2, quick=False).count == 30
    assert extent_of(None, full=COLD_STARTS, few=2, quick=True).count == 2


@pytest.mark.parametrize(
    ("given", "quick", "is_quick"),
    [
        (None, True, True),
        (None, False, False),
        (5, False, True),
        (30, False, False),
        (40, True, True),
    ],
)
def test_fewer_samples_than_by_default_are_those_of_a_quick_run(
    given: int | None, quick: bool, is_quick: bool
) -> None:
    extent = extent_of(given, full=30, few=2, quick=quick)
    record = kept_records("speed-alone")[0]
    assert extent.mark(record).mode == ("quick" if is_quick else None)


def test_a_page_refuses_records_of_a_quick_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as after `bench cold --quick --json > docs/lab/records/speed-alone.jsonl`."""
    records = [replace(each, mode="quick") for each in kept_records("speed-alone")]
    (tmp_path / "speed-alone.jsonl").write_text(write_records(records))
    monkeypatch.setattr(kept.kept_records, "__defaults__", (tmp_path,))
    with pytest.raises(WarmlensError, match="too few for a page") as error:
        speed_alone()
    assert error.value.code == "quick_run"


@pytest.mark.parametrize("folder", ["lab/records", "lab/experiments/records"])
def test_no_kept_record_is_of_a_quick_run(folder: str) -> None:
    for path in (ROOT / "docs" / folder).glob("*.jsonl"):
        assert '"mode": "quick"' not in path.read_text()
        assert " --quick" not in path.read_text()


def test_a_quick_chart_does_not_replace_the_docs() -> None:
    picture = ROOT / "docs" / "pictures" / "cold-starts.svg"
    done = invoke(app, "bench", "cold", "--quick", "--chart", str(picture))
    assert done.exit_code == 2
    assert "whose figures are those of full runs" in " ".join(done.stderr.split())


@pytest.mark.parametrize("options", [[], ["--out", str(DOCS)], ["--out", "{full}"]])
def test_quick_experiments_do_not_replace_full_ones(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the docs' nor those in a folder of one's own."""
    full = tmp_path / "full"
    shutil.copytree(DOCS / "records", full / "records")
    before = {
        path: path.read_bytes() for path in [*DOCS.rglob("*"), *full.rglob("*")] if path.is_file()
    }
    written: list[Path] = []

    def note(folder: Path) -> dict[str, list[Record]]:
        written.append(folder)
        return {}

    monkeypatch.setattr(experiments, "STATE", tmp_path / "state")
    monkeypatch.setattr(experiments, "run_experiments", lambda *_, **__: {})
    monkeypatch.setattr(experiments, "write_report", note)
    arguments = [each.format(full=full) for each in options]
    done = invoke(app, "experiments", "run", "memory", "--quick", *arguments)
    if options:
        assert done.exit_code == 2
        assert "full" in done.stderr
    assert written == ([] if options else [tmp_path / "state" / "experiments" / "quick"])
    assert before == {path: path.read_bytes() for path in before}


def test_a_report_of_quick_measurements_is_not_written_into_the_docs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = measurements_path(tmp_path / "docs" / "records", "flow")
    path.parent.mkdir(parents=True)
    text = measurements_path(DOCS / "records", "flow").read_text()
    path.write_text(text.replace(f"--{Mode.FULL}", f"--{Mode.QUICK}"))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "docs", elsewhere)
    (records, *_) = write_report(elsewhere)["flow"], None
    assert {each.mode for each in records} == {"quick"}
    monkeypatch.setattr("lab.bench.extent.ROOT", tmp_path)
    with pytest.raises(WarmlensError, match="whose figures are those of full runs"):
        write_report(tmp_path / "docs")
    assert not (tmp_path / "docs" / "README.md").exists()
