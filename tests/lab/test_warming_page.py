"""The commands of docs/warming.md."""

import json
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab.kept_records import RECORDS
from lab.pictures.charts import write_charts
from tests.conftest import Cloud
from warmlens.paths import ROOT
from warmlens.records import Record, read_records

PAGE = ROOT / "docs" / "warming.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
SIMULATED = ("warming", "chosen")
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


def run(command: str) -> str:
    result = subprocess.run(
        shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return result.stdout


def test_the_page_names_no_other_commands_than_are_run_here() -> None:
    words = [command.split() for command in COMMANDS]
    names = [parts[4] if parts[1] == "-m" else parts[1] for parts in words]
    assert names == ["warm"] * 3 + ["peer", "warming", "wakes", "chosen"]


def test_instances_are_warmed_by_hand(cloud: Cloud) -> None:
    as_scheduled, for_people, for_programs = COMMANDS[:3]
    where = f"--folder {cloud.folder}"
    assert run(f"{as_scheduled} {where}").startswith("2 of 2 instances are warm")
    assert run(f"{for_people} {where}").startswith("5 of 5 instances are warm")
    assert json.loads(run(f"{for_programs} {where}"))["distinct"] == 5


@pytest.mark.parametrize("name", SIMULATED)
def test_the_kept_records_are_what_the_command_prints(name: str) -> None:
    def undated(text: str) -> list[Record]:
        return [replace(record, date="") for record in read_records(text)]

    (command,) = (each for each in COMMANDS if f"bench {name} " in each)
    assert undated(run(command)) == undated((RECORDS / f"{name}.jsonl").read_text())


def test_the_chart_is_drawn_from_the_records(tmp_path: Path) -> None:
    write_charts(tmp_path)
    drawn = ROOT / "docs" / "pictures" / "warming.svg"
    assert (tmp_path / "warming.svg").read_text() == drawn.read_text()


def measured(command: str) -> list[Record]:
    records = read_records(run(f".venv/bin/python -m lab bench {command} --json"))
    assert {record.kind for record in records} == {"measured"}
    return records


def test_a_run_of_the_warmer_is_counted() -> None:
    values = {each.metric: each.value for each in measured("rounds --instances 2 --runs 2")}
    assert (values["exact_share"], values["told_wrong_share"]) == (1.0, 0.0)


def test_an_empty_call_is_timed() -> None:
    for record in measured("overhead --calls 50"):
        assert record.largest is not None
        assert record.largest >= record.value > 0
        assert (record.p99, record.mode) == (None, "quick")  # 50 calls do not carry it


def test_the_peer_is_run_for_real_on_the_instances_of_ours() -> None:
    """Both reach all of a few; only real fan-outs make as many calls as are asked for."""
    records = measured("peer --instances 3 --runs 1")
    reached = [each for each in records if each.metric == "instances_reached"]
    assert len(reached) == 3 * 2
    for record in reached:
        assert all(calls >= 3 for calls in record.conditions["calls"])
        assert all(1 <= each <= 3 for each in record.conditions["reached"])
        if record.name == "ours":
            assert record.value == 3


def test_users_who_woke_an_instance_each_meet_no_cold_start() -> None:
    records = measured("wakes --runs 1")
    for woken in (each for each in records if each.metric == "instances_woken"):
        users = woken.conditions["users"]
        (cold,) = (
            each.value * users
            for each in records
            if (each.metric, each.conditions) == ("cold_share", woken.conditions)
        )
        assert 1 <= woken.value <= users
        assert round(cold) <= users - woken.value
