"""The commands of docs/planning.md, and its plan replayed on the local cloud."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from cogapp import Cog

from lab import docs_blocks
from lab.kept_records import RECORDS
from warmlens.paths import ROOT
from warmlens.planner.statistics import exact_binomial
from warmlens.records import read_records

PAGE = ROOT / "docs" / "planning.md"
TEXT = PAGE.read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()
]
PLAN, COST, SIMULATE, CASES, SIMFAAS, FORECAST, REPLAY, SCALE = COMMANDS
MARK = re.compile(r"docs_blocks\.(\w+)\(")


def run(command: str) -> str:
    result = subprocess.run(
        shlex.split(command),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_page_and_the_chart_are_what_the_commands_and_the_records_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = tmp_path / "frontier.svg"
    terminal = docs_blocks.terminal
    shown = {
        command.removeprefix(".venv/bin/warmlens ").partition(" --chart")[0]: command
        for command in (PLAN, COST)
    }

    def run_as_shown(command: str) -> str:
        arguments = shown[command].removeprefix(".venv/bin/warmlens ")
        return terminal(arguments.replace("docs/pictures/frontier.svg", str(chart)))

    monkeypatch.setattr(docs_blocks, "terminal", run_as_shown)
    Cog().callable_main(["cog", "--check", "--diff", str(PAGE)])
    assert chart.read_text() == (ROOT / "docs" / "pictures" / "frontier.svg").read_text()


def test_each_table_stands_under_its_command() -> None:
    sentences = ("forecast_findings", "replay_in_short")
    blocks = [each for each in MARK.findall(TEXT) if each not in sentences]
    assert blocks == ["terminal", "terminal", "cases", "simfaas", "forecast", "replay", "scale"]
    shown = CASES, SIMFAAS, FORECAST, REPLAY, SCALE
    for command, block in zip(shown, blocks[2:], strict=True):
        assert command.startswith(f".venv/bin/python -m lab bench {block} ")


def test_a_simulation_prints_its_figures() -> None:
    figures = json.loads(run(SIMULATE))
    assert 12_000 < figures["requests"] < 14_000
    assert 0 < figures["cold_share"] < 0.01


def test_the_scale_is_measured() -> None:
    records = [json.loads(line) for line in run(f"{SCALE} --up-to 4").splitlines()]
    assert {(each["name"], each["metric"]) for each in records} == {
        (backend, metric) for backend in ("numba", "python") for metric in ("wall_s", "peak_rss_mb")
    }
    assert all(each["value"] > 0 for each in records)


def test_the_plan_meets_its_objective_on_the_local_cloud() -> None:
    """Half an hour of the example, the plan's warming, real instances and the real warmer."""
    command = REPLAY.replace("--from-hour 7 --hours 3", "--from-hour 8 --hours 0.5")
    assert command != REPLAY
    records = [json.loads(line) for line in run(command).splitlines()]
    found = {(each["conditions"]["warm"], each["metric"]): each for each in records}
    (warm,) = {count for count, _ in found} - {0}
    assert found[warm, "cold_starts"]["samples"] > 150
    # One in a thousand is allowed; where a round takes long, its hold meets a user or two.
    assert found[warm, "cold_starts"]["value"] < found[0, "cold_starts"]["value"]
    simulated = found[warm, "cold_starts"]["conditions"]["simulated_cold_starts"]
    assert simulated[0] == 0


def test_the_kept_replays_are_of_the_plan_meet_its_objective_and_the_page_says_so() -> None:
    kept = read_records((RECORDS / "replay.jsonl").read_text())
    by_plan = [each for each in kept if each.conditions["warm"]]
    cold = [each for each in by_plan if each.metric == "cold_starts"]
    assert len({each.conditions["seed"] for each in cold}) == len(cold) > 1
    users = sum(each.samples or 0 for each in cold)
    met = sum(each.value for each in cold)
    assert f"{met:.0f} of {users:,} users met a cold start" in " ".join(TEXT.split())
    assert met / users <= 0.001
    low, high = exact_binomial(met, users)
    words = f"interval of the share goes from {low * 100:.2f} % to {high * 100:.2f} %"
    assert words in " ".join(TEXT.split())
    assert all(each.value <= 1000 for each in by_plan if each.metric == "p99_ms")
    (plan,) = re.findall(r"^Plan: (.+)$", TEXT, re.MULTILINE)
    (replayed,) = {(each.conditions["memory_mb"], each.conditions["warm"]) for each in cold}
    assert "{} MB, model from image, ping {}".format(*replayed) == plan
    assert f", at {replayed[0]:,} MB: " in docs_blocks.replay()


def test_the_page_says_how_many_of_the_kept_replays_are_in_the_simulations_range() -> None:
    kept = read_records((RECORDS / "replay.jsonl").read_text())
    cold = [each for each in kept if each.metric == "cold_starts"]
    assert {bool(each.conditions["warm"]) for each in cold} == {True, False}
    outside = []
    for each in cold:
        low, high = each.conditions["simulated_cold_starts"]
        if not low <= each.value <= high:
            seed = each.conditions["seed"]
            outside.append(f"With seed {seed} and {each.name} it was {each.value:.0f}, not {low}")
    # The only one, by the records of 2026-11-30; its cause is not known.
    assert outside == ["With seed 3 and no warming it was 2, not 3"]
    text = " ".join(TEXT.split())
    assert f"in {len(cold) - len(outside)} of {len(cold)} replays" in text
    assert all(words in text for words in outside)
