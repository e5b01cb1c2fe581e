"""docs/planning.md: its blocks are what commands print, or tables of records that were kept."""

import json
import math
import os
import re
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.bench import scale
from lab.bench.simfaas.comparison import METRICS, OURS, OURS_NEWEST_FIRST, SIMFAAS
from lab.markdown import command_of
from warmlens.paths import ROOT
from warmlens.planner.statistics import mean_estimate
from warmlens.records import Record, read_records

RECORDS = ROOT / "docs" / "records"
_BLOCK = re.compile(r"(<!-- made by: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_ON_A_TERMINAL = {"COLUMNS": "110", "FORCE_COLOR": "1", "TERM": "xterm"}


class PageError(Exception):
    """A block cannot be made; the message says which and why."""


def made_anew(page: str, run: Callable[[str], str] | None = None) -> str:
    """Return the page with every block made anew.

    Args:
        page: the page.
        run: gives what a command prints; runs it unless given.

    Raises:
        PageError: a block names a command that fails, or records that are not there.
    """
    run = run or _run
    return _BLOCK.sub(lambda found: found[1] + _block(found[2], run) + found[3], page)


def _block(mark: str, run: Callable[[str], str]) -> str:
    if mark in _TABLES:
        file, table = _TABLES[mark]
        try:
            return table(read_records((RECORDS / file).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise PageError(f"{mark}: {file}: {error}") from None
    lines = "\n".join(line.rstrip() for line in run(mark).splitlines())
    return f"```text\n{lines}\n```\n"


def _run(mark: str) -> str:
    program, *arguments = shlex.split(mark)
    if program != "warmlens":
        raise PageError(f"{mark}: no command of warmlens")
    return on_a_terminal(arguments)


def on_a_terminal(arguments: Sequence[str]) -> str:
    """Return what `warmlens` prints on a terminal, tables drawn and styles left out.

    Args:
        arguments: what stands behind `warmlens`.

    Raises:
        PageError: it fails.
    """
    result = subprocess.run(
        [sys.executable, "-m", "warmlens.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **_ON_A_TERMINAL},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise PageError(f"warmlens {shlex.join(arguments)}: {result.stdout}{result.stderr}")
    return _STYLE.sub("", result.stdout)


def simfaas_table(records: Sequence[Record]) -> str:
    """Return how the simulators compare, one line for each example and figure."""
    lines = [
        f"Simulated in one run on {records[0].date}, in turns; 95 % intervals over "
        f"{_one(records, SIMFAAS, 'cold_share').samples} and "
        f"{_one(records, OURS, 'cold_share').samples} seeds.",
        "",
        "| example | figure | SimFaaS | ours, its choice of instance | ours, Lambda's |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for example in dict.fromkeys(json.dumps(_example(each)) for each in records):
        same = [each for each in records if json.dumps(_example(each)) == example]
        for metric in METRICS:
            cells = [
                _interval_text(_one(same, name, metric))
                for name in (SIMFAAS, OURS_NEWEST_FIRST, OURS)
            ]
            name = same[0].conditions["name"]
            lines.append(f"| {name} | {metric.replace('_', ' ')} | {' | '.join(cells)} |")
        times = [_one(same, name, "wall_us_per_request") for name in (SIMFAAS, OURS)]
        ratio = times[0].value / times[1].value
        lines.append(
            f"| {same[0].conditions['name']} | us a request | {times[0].value:.1f} | "
            f"| {times[1].value:.3f}, 1/{ratio:.0f} |"
        )
    return "\n".join(lines) + "\n"


def replay_table(records: Sequence[Record]) -> str:
    """Return what replays met beside what is simulated for the same users; a line for each."""
    head = records[0]
    lines = [
        f"Measured by `{command_of(head)}` on {head.date}, {head.machine}: "
        f"{head.conditions['hours']:g} hours of the day from "
        f"{head.conditions['from_hour']:g} o'clock, for each seed with other users.",
        "",
        "| seed | users | policy | cold starts | simulated, least to most of 200 | p99, ms |",
        "| ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    p99_ms = {_of_replay(each): each.value for each in records if each.metric == "p99_ms"}
    for each in records:
        if each.metric == "cold_starts":
            low, high = each.conditions["simulated_cold_starts"]
            lines.append(
                f"| {each.conditions['seed']} | {each.samples:,} | {each.name} | {each.value:.0f} "
                f"| {low} to {high} | {p99_ms[_of_replay(each)]:.0f} |"
            )
    return "\n".join(lines) + "\n"


def _of_replay(record: Record) -> tuple[int, str]:
    return record.conditions["seed"], record.name


_TABLES: dict[str, tuple[str, Callable[[Sequence[Record]], str]]] = {
    "python -m lab bench scale": ("planner-scale.jsonl", scale.table),
    "python -m lab bench simfaas": ("simfaas.jsonl", simfaas_table),
    "python -m lab bench replay": ("replay.jsonl", replay_table),
}


def _example(record: Record) -> dict[str, object]:
    return {key: value for key, value in record.conditions.items() if key != "values"}


def _one(records: Sequence[Record], name: str, metric: str) -> Record:
    return next(each for each in records if (each.name, each.metric) == (name, metric))


def _interval_text(record: Record) -> str:
    found = mean_estimate(record.conditions["values"])
    digits = 3 - math.floor(math.log10(statistics.fmean(record.conditions["values"])))
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def remake(file: Path) -> None:
    """Make the blocks of a page anew, in place.

    Raises:
        PageError: a block cannot be made; the page stays as it is.
        OSError: the page cannot be read or written.
    """
    made = made_anew(file.read_text())
    file.write_text(made)
