"""docs/performance.md says what the records say, and names commands that exist."""

import re
from pathlib import Path

import pytest

from lab.__main__ import app
from lab.bench.speed.page import BEGIN, END, PageError, with_tables
from tests.invoke import invoke
from warmlens.paths import ROOT
from warmlens.records import read_records

PAGE = ROOT / "docs" / "performance.md"
RECORDS = ROOT / "warmlens" / "planner" / "service_times.jsonl"
CHART = ROOT / "docs" / "pictures" / "cold-starts.svg"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
COMMANDS = [line.split()[3:] for block in BLOCKS for line in block.splitlines()]


def test_the_tables_and_the_chart_are_made_of_the_records(tmp_path: Path) -> None:
    (command,) = (command for command in COMMANDS if command[1] == "page")
    page, chart = tmp_path / "performance.md", tmp_path / "cold-starts.svg"
    page.write_text(re.sub(f"{BEGIN}.*{END}", f"{BEGIN}\n{END}", PAGE.read_text(), flags=re.DOTALL))
    places = {
        "docs/performance.md": str(page),
        "warmlens/planner/service_times.jsonl": str(RECORDS),
        "docs/pictures/cold-starts.svg": str(chart),
    }
    done = invoke(app, *(places.get(word, word) for word in command))
    assert done.exit_code == 0, done.output
    assert page.read_text() == PAGE.read_text()
    assert chart.read_text() == CHART.read_text()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_of_the_page_knows_its_options(command: list[str]) -> None:
    bench, name, *options = command
    known = invoke(app, bench, name, "--help").output
    assert all(word in known for word in options if word.startswith("--"))


def test_a_page_without_a_place_for_the_tables_is_refused() -> None:
    with pytest.raises(PageError, match="needs the lines"):
        with_tables("# A page\n", read_records(RECORDS.read_text()))


def test_records_that_are_none_are_refused_and_the_page_is_kept(tmp_path: Path) -> None:
    page, records = tmp_path / "page.md", tmp_path / "records.jsonl"
    page.write_text(f"{BEGIN}\n{END}\n")
    records.write_text('{"no": "record"}\n')
    done = invoke(app, "bench", "page", str(page), str(records))
    assert done.exit_code == 1
    assert page.read_text() == f"{BEGIN}\n{END}\n"


def test_the_readme_quotes_the_records() -> None:
    at = {"memory_mb": 1769, "input_px": 128}
    quoted = (
        ("cold_start_ms", {**at, "page_cache": "warm", "model_store": "image"}, ",.0f"),
        ("warm_ms", {**at, "megapixels": 2}, ".0f"),
        ("peak_rss_mb", {"input_px": 128, "megapixels_up_to": 2}, ".0f"),
        ("cost_usd_per_million", {**at, "megapixels": 2}, ".2f"),
    )
    readme = (ROOT / "README.md").read_text()
    for metric, conditions, form in quoted:
        found = {
            record.name: f"{record.value:{form}}"
            for record in read_records(RECORDS.read_text())
            if record.metric == metric and conditions.items() <= record.conditions.items()
        }
        assert re.search(
            rf"\b{found['ours']}\b[^;.]*\b{found['baseline']}\b", " ".join(readme.split())
        )
