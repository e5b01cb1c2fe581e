"""The experiments page, records and charts are current."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from lab.__main__ import app
from lab.experiments.client_results import NAME as LOAD
from lab.experiments.measurements import read_measurements
from lab.experiments.prices import PAPER
from lab.experiments.report import write_report
from lab.experiments.run import measurements_path
from lab.experiments.verdicts import (
    BOTH,
    COMPUTED,
    FAKE_LAMBDA,
    MEASURED,
    QUOTED,
    SIMULATED,
    Verdict,
)
from tests.invoke import invoke
from tests.lab.experiments_page import FOLDER, PAGE, RECORDS, rows
from warmlens.paths import ROOT
from warmlens.records import read_records

PICTURES = FOLDER / "pictures"
NAMES = sorted(path.name.partition(".")[0] for path in RECORDS.glob("*.samples.jsonl"))
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
COMMANDS = [
    line.split() for block in BLOCKS for line in block.splitlines() if line.startswith(".venv")
]
KINDS = (BOTH, COMPUTED, FAKE_LAMBDA, MEASURED, QUOTED, SIMULATED)
CHARTS = sorted(path.stem for path in PICTURES.glob("*.svg"))
LINKS = sorted(set(re.findall(r"\]\(([^)#]+)\)", PAGE.read_text())))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The docs of a second checkout, with all but the measurements regenerated."""
    folder = tmp_path_factory.mktemp("report")
    for name in NAMES:
        to = measurements_path(folder / "records", name)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(measurements_path(RECORDS, name), to)
    write_report(folder)
    return folder


def test_all_experiments_were_run() -> None:
    assert {"stages", "flow", "concurrency", "memory", "idle"} <= set(NAMES)


@pytest.mark.parametrize("name", ["cost", "printed", *NAMES])
def test_the_records_are_made_of_the_samples(name: str, made: Path) -> None:
    remade = (made / "records" / f"{name}.jsonl").read_text()
    assert remade == (RECORDS / f"{name}.jsonl").read_text()
    assert read_records(remade)


def test_the_page_is_made_of_the_records(made: Path) -> None:
    remade = (made / "README.md").read_text()
    # Links to this checkout lead elsewhere from there.
    here = re.sub(r"\]\([^)]*\)", "]()", PAGE.read_text())
    assert re.sub(r"\]\([^)]*\)", "]()", remade) == here


def test_the_page_is_written_without_measuring_or_drawing(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    shutil.copy(PICTURES / "fig-13-memory.png", tmp_path / "pictures")
    to = measurements_path(tmp_path / "records", "memory")
    to.parent.mkdir()
    shutil.copy(measurements_path(RECORDS, "memory"), to)
    write_report(tmp_path, draw=False)
    assert "](pictures/fig-13-memory.png)" in (tmp_path / "README.md").read_text()
    assert len(list((tmp_path / "pictures").iterdir())) == 1


def test_make_reference_writes_the_page() -> None:
    command = ["make", "--dry-run", "reference"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "python -m lab experiments report --no-pictures" in shown


def test_each_chart_is_there_as_svg_and_png_and_no_other_file(made: Path) -> None:
    remade = {path.name for path in (made / "pictures").iterdir()}
    assert remade == {path.name for path in PICTURES.iterdir()}
    assert remade == {f"{name}.{suffix}" for name in CHARTS for suffix in ("svg", "png")}
    assert len(CHARTS) == 7


@pytest.mark.parametrize("chart", CHARTS)
def test_the_charts_are_made_of_the_records(chart: str, made: Path) -> None:
    remade = made / "pictures" / f"{chart}.svg"
    assert remade.read_text() == (PICTURES / f"{chart}.svg").read_text()
    with (
        Image.open(remade.with_suffix(".png")) as new,
        Image.open(PICTURES / f"{chart}.png") as kept,
    ):
        assert new.size == kept.size
        difference = ImageChops.difference(new.convert("RGB"), kept.convert("RGB"))
    # Another system may smooth an edge otherwise; a line elsewhere is far more.
    assert max(ImageStat.Stat(difference).mean) < 0.05


def test_no_step_was_measured_twice() -> None:
    for name in NAMES:
        keys = [
            measurement.key
            for measurement in read_measurements(measurements_path(RECORDS, name).read_text())
        ]
        assert len(keys) == len(set(keys)), name


def test_each_claim_has_a_verdict_an_evidence_a_turn_and_a_kind() -> None:
    table = rows("## The claims")
    assert len(table) == len({row[1] for row in table}) >= 45
    for where, claim, verdict, evidence, turned_by, kind in table:
        assert all((where, claim, evidence, turned_by))
        assert verdict.strip("*") in set(Verdict)
        assert kind.partition(" (")[0] in KINDS


def test_each_claim_that_was_measured_names_its_machine_and_date() -> None:
    (note,) = re.findall("^The letters of the last column.*", PAGE.read_text(), re.MULTILINE)
    named = dict(re.findall(r"([A-Z]): ([^;]+), 20\d\d-\d\d-\d\d", note))
    used = set[str]()
    for *_, kind in rows("## The claims"):
        letters = re.findall(r"\b[A-Z]\b", kind)
        assert letters or not kind.startswith("measured"), kind
        used.update(letters)
    assert used == set(named)


def test_figures_that_the_paper_prints_in_two_ways_have_no_verdict() -> None:
    table = rows("## Figures that the paper prints in two ways")
    assert len(table) == len(PAPER["printed_twice"]) > 5
    for (*_, right), each in zip(table, PAPER["printed_twice"], strict=True):
        assert right.startswith("open: ") == (each["right"] is None)
    assert not set(Verdict) & {word.strip("*") for row in table for word in row}
    assert not any("is printed as" in claim for _, claim, *_ in rows("## The claims"))


def test_each_table_of_measurements_has_command_date_and_machine() -> None:
    parts = PAGE.read_text().split("\n## ")
    for heading in ("Fig. 10 and", "Fig. 11", "Idle", "Fig. 12", "Fig. 13"):
        (part,) = [each for each in parts if each.startswith(heading)]
        assert re.search(
            r"^`python -m lab .*`, 20\d\d-\d\d-\d\d, .* cores, .*\.$", part, re.MULTILINE
        )


def test_the_page_is_of_a_full_run() -> None:
    """A quick run has too few samples for figures; it never replaces what is kept."""
    for name in set(NAMES) - {LOAD}:
        text = measurements_path(RECORDS, name).read_text()
        commands = {each.command.rpartition(" ")[2] for each in read_measurements(text)}
        assert commands == {"--full"}


def test_a_quick_run_does_not_write_to_the_docs() -> None:
    done = invoke(app, "experiments", "run", "idle", "--quick", "--out", str(FOLDER))
    assert done.exit_code == 2
    assert "whose figures are those of full runs" in done.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_of_the_page_knows_its_options(command: list[str]) -> None:
    program, _, lab, group, name, *options = command
    known = invoke(app, group, name, "--help")
    assert (program, lab, known.exit_code) == (".venv/bin/python", "lab", 0)
    assert all(word in known.output for word in options if word.startswith("--"))


def test_make_runs_the_mode_that_it_is_given() -> None:
    command = ["make", "--dry-run", "experiments", "MODE=full"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "python -m lab experiments run all --full" in shown


@pytest.mark.parametrize("target", LINKS)
def test_every_file_that_is_linked_exists(target: str) -> None:
    assert (PAGE.parent / target).resolve().exists()
