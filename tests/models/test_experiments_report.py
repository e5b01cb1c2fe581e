"""docs/experiments/README.md says what the samples say: all of it is made anew and compared."""

import json
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from warmlens.cli import main
from warmlens.experiments.report import write_report
from warmlens.experiments.run import samples_path
from warmlens.experiments.samples import read_samples
from warmlens.paths import ROOT
from warmlens.records import read_records

DOCS = ROOT / "docs"
PAGE = DOCS / "experiments" / "README.md"
RECORDS = DOCS / "records" / "experiments"
PICTURES = DOCS / "pictures" / "experiments"
NAMES = sorted(path.name.partition(".")[0] for path in RECORDS.glob("*.samples.jsonl"))
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
COMMANDS = [
    line.split() for block in BLOCKS for line in block.splitlines() if line.startswith(".venv")
]
LINKS = sorted(set(re.findall(r"\]\(([^)#]+)\)", PAGE.read_text())))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The docs of this checkout, all but the samples made anew in a checkout beside it."""
    docs = tmp_path_factory.mktemp("checkout") / "docs"
    for name in NAMES:
        to = samples_path(docs / "records" / "experiments", name)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(samples_path(RECORDS, name), to)
    write_report(docs)
    return docs


def rows(heading: str) -> list[list[str]]:
    """The first table after a heading, without its head."""
    section = PAGE.read_text().partition(heading)[2]
    table = re.search(r"((?:^\|.*\n)+)", section, re.MULTILINE)
    assert table is not None, heading
    lines = table[1].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_all_experiments_were_run() -> None:
    assert {"stages", "flow", "concurrency", "memory", "idle"} <= set(NAMES)


@pytest.mark.parametrize("name", ["cost", *NAMES])
def test_the_records_are_made_of_the_samples(name: str, made: Path) -> None:
    remade = (made / "records" / "experiments" / f"{name}.jsonl").read_text()
    assert remade == (RECORDS / f"{name}.jsonl").read_text()
    assert read_records(remade)


def test_the_page_is_made_of_the_records(made: Path) -> None:
    remade = (made / "experiments" / "README.md").read_text()
    # Links to this checkout lead elsewhere from there.
    here = re.sub(r"\]\([^)]*\)", "]()", PAGE.read_text())
    assert re.sub(r"\]\([^)]*\)", "]()", remade) == here


@pytest.mark.parametrize("chart", sorted(path.name for path in PICTURES.glob("*.svg")))
def test_the_charts_are_made_of_the_records(chart: str, made: Path) -> None:
    remade = made / "pictures" / "experiments" / chart
    assert remade.read_text() == (PICTURES / chart).read_text()
    assert remade.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_no_step_was_measured_twice() -> None:
    for name in NAMES:
        keys = [sample.key for sample in read_samples(samples_path(RECORDS, name).read_text())]
        assert len(keys) == len(set(keys)), name


def test_the_table_of_calls_counted_again() -> None:
    # By other code than the report's: from the lines of the file to the cells of the table.
    calls: dict[str, dict[str, list[float]]] = {}
    for line in samples_path(RECORDS, "stages").read_text().splitlines():
        document = json.loads(line)
        for metric, values in document["values"].items():
            calls.setdefault(document["name"], {}).setdefault(metric, []).extend(values)
    table = rows("## Fig. 10 and 11")
    assert [row[0] for row in table] == ["baseline", "ours"]
    for name, runs, first, _, second, peak in table:
        assert int(runs) == len(calls[name]["first_ms"])
        assert number(first) == round(statistics.median(calls[name]["first_ms"]))
        assert number(second) == round(statistics.median(calls[name]["second_ms"]))
        assert number(peak) == round(statistics.median(calls[name]["peak_rss_mb"]))


def test_the_table_of_calls_at_once_counted_again() -> None:
    documents = [
        json.loads(line) for line in samples_path(RECORDS, "concurrency").read_text().splitlines()
    ]
    for row in rows("## Fig. 12"):
        name, arrivals, clients, repetitions, median_ms = row[:5]
        found = [
            each["values"]
            for each in documents
            if (each["name"], each["conditions"]["arrivals"]) == (name, arrivals)
            and each["conditions"]["clients"] == number(clients)
            and each["conditions"]["case"] == "as the paper's"
        ]
        answered = [ms for each in found for ms in each["warm_ms"] + each["cold_ms"]]
        refused = sum(len(each["throttled_ms"]) for each in found)
        failed = sum(len(each["failed_ms"]) + len(each.get("unanswered_ms", [])) for each in found)
        assert len(found) == int(repetitions)
        assert len(answered) + refused + failed == number(clients) * len(found)
        assert number(median_ms) == pytest.approx(statistics.median(answered), abs=0.5)
        assert row[9] == f"{refused / number(clients) / len(found):.1%}"


def test_the_cost_per_million_of_a_memory_size_counted_again() -> None:
    prices = json.loads((ROOT / "warmlens" / "prices" / "us-east-1.json").read_text())["prices"]
    documents = [
        json.loads(line) for line in samples_path(RECORDS, "memory").read_text().splitlines()
    ]
    table = rows("## Fig. 13")
    assert len(table) > 5
    for row in table:
        warm_ms = [
            ms
            for each in documents
            if each["name"] == row[0]
            and each["conditions"]["part"] == "one instance"
            and each["conditions"]["memory_mb"] == number(row[1])
            for ms in each["values"]["warm_ms"]
        ]
        gb = number(row[1]) / 1024
        usd = [
            -(-ms // 1) / 1000 * gb * prices["lambda_x86_per_gb_s"]
            + prices["lambda_per_request"]
            + prices["s3_per_get"]
            for ms in warm_ms
        ]
        assert number(row[6]) == pytest.approx(statistics.fmean(usd) * 1e6, abs=0.006)


def test_our_costs_are_those_of_the_same_memory_size_in_fig_13() -> None:
    fig_13 = {(row[0], number(row[1])): row[6] for row in rows("## Fig. 13")}
    processor, api, baseline, ours = rows("## Our costs today")[0]
    assert (processor, api) == ("x86_64", "none")
    assert (baseline, ours) == (fig_13["baseline", 768], fig_13["ours", 768])


def test_each_claim_has_a_verdict_an_evidence_and_a_kind() -> None:
    claims = rows("## The claims")
    assert len(claims) >= 20
    for where, claim, verdict, evidence, kind in claims:
        assert all((where, claim, evidence))
        assert verdict.strip("*") in ("confirmed", "corrected", "beaten", "not shown here")
        assert kind in ("measured", "computed", "measured and computed")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_of_the_page_knows_its_options(command: list[str]) -> None:
    program, group, name, *options = command
    known = CliRunner(env={"COLUMNS": "200"}).invoke(main, [group, name, "--help"])
    assert (program, known.exit_code) == (".venv/bin/warmlens", 0)
    assert all(word in known.output for word in options if word.startswith("--"))


def test_make_runs_the_mode_that_it_is_given() -> None:
    command = ["make", "--dry-run", "experiments", "MODE=full"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "warmlens experiments run all --full" in shown


@pytest.mark.parametrize("target", LINKS)
def test_every_file_that_is_linked_exists(target: str) -> None:
    assert (PAGE.parent / target).resolve().exists()
