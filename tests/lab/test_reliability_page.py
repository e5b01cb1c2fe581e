"""docs/reliability.md agrees with the soak test's records."""

import re

import pytest

from lab.bench.soak.limits import problems
from warmlens.paths import ROOT
from warmlens.records import Record, read_records

PAGE = (ROOT / "docs" / "reliability.md").read_text()
RECORDS = {
    (each.name, each.metric): each
    for each in read_records((ROOT / "docs" / "lab" / "records" / "soak.jsonl").read_text())
}
COUNTS = ("calls", "answered", "throttled", "other_errors", "wrong_class")


def times(record: Record | None) -> str:
    if record is None:
        return ""
    numbers = (record.value, record.p99, record.conditions["max_ms"])
    return ", ".join(f"{number:,.0f}" for number in numbers) + " ms"


def row(phase: str) -> str:
    cells = [f"{RECORDS[phase, metric].value:,.0f}" for metric in COUNTS]
    cells += [times(RECORDS.get((phase, metric))) for metric in ("latency_ms", "refusal_ms")]
    return " | ".join(cells).rstrip() + " |"


@pytest.mark.parametrize("phase", ["capacity", "steady", "step", "recovery"])
def test_each_phase_stands_on_the_page_as_it_was_measured(phase: str) -> None:
    assert row(phase).replace("|  |", "| |") in PAGE


def test_the_page_says_when_and_where_it_was_measured_and_for_how_long() -> None:
    steady = RECORDS["steady", "calls"]
    assert f"{steady.date}, {steady.machine}" in " ".join(PAGE.split())
    minutes = steady.conditions["duration_s"] / 60
    assert f"80 % of that, {minutes:g} minutes" in PAGE


def test_usage_before_and_after_is_on_the_page() -> None:
    for kind in ("server", "emulator", "instances"):
        for name in ("steady", "whole"):
            record = RECORDS[name, f"{kind}_rss_mb"]
            assert re.search(rf"\b{record.value:,.0f}\b", PAGE), (kind, name, record.value)


def test_nothing_was_lost_in_it() -> None:
    assert problems(list(RECORDS.values())) == []
