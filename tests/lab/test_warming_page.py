"""The commands of docs/warming.md."""

import json
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab.docs_blocks import RECORDS
from lab.pictures.charts import write_charts
from tests.conftest import Cloud
from warmlens.paths import ROOT
from warmlens.records import Record, read_records

PAGE = ROOT / "docs" / "warming.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


def run(command: str) -> str:
    result = subprocess.run(
        shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return result.stdout


def test_the_page_names_no_other_commands_than_are_run_here() -> None:
    assert [command.split()[1] for command in COMMANDS] == ["warm", "warm", "-m"]


def test_instances_are_warmed_by_hand(cloud: Cloud) -> None:
    for_people, for_programs = COMMANDS[:2]
    where = f"--folder {cloud.folder}"
    assert run(f"{for_people} {where}").startswith("5 of 5 instances are warm")
    assert json.loads(run(f"{for_programs} {where}"))["distinct"] == 5


def test_the_kept_records_are_what_the_command_prints() -> None:
    def undated(text: str) -> list[Record]:
        return [replace(record, date="") for record in read_records(text)]

    printed = run(COMMANDS[2])
    assert undated(printed) == undated((RECORDS / "warming.jsonl").read_text())


def test_the_chart_is_drawn_from_the_records(tmp_path: Path) -> None:
    write_charts(tmp_path)
    drawn = ROOT / "docs" / "pictures" / "warming.svg"
    assert (tmp_path / "warming.svg").read_text() == drawn.read_text()


@pytest.mark.parametrize("command", ["rounds --instances 2 --runs 2", "overhead --calls 50"])
def test_measurements_are_printed_as_records(command: str) -> None:
    lines = run(f".venv/bin/python -m lab bench {command} --json").splitlines()
    records = [json.loads(line) for line in lines]
    assert {record["kind"] for record in records} == {"measured"}
    if command.startswith("rounds"):
        values = {record["metric"]: record["value"] for record in records}
        assert (values["exact_share"], values["told_wrong_share"]) == (1.0, 0.0)
    else:
        assert all(record["p99"] >= record["value"] > 0 for record in records)
