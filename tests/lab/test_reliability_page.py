"""docs/reliability.md agrees with the soak test's records."""

import re

import pytest

from lab.bench.soak.limits import problems
from warmlens.paths import ROOT
from warmlens.records import read_records

PAGE = (ROOT / "docs" / "reliability.md").read_text()
FOLDER = ROOT / "docs" / "lab" / "records"
RECORDS = {
    (each.name, each.metric): each for each in read_records((FOLDER / "soak.jsonl").read_text())
}
HOSTILE = read_records((FOLDER / "soak-hostile.jsonl").read_text())
COUNTS = ("calls", "answered", "throttled", "other_errors", "wrong_class")


@pytest.mark.parametrize("phase", ["capacity", "steady", "step", "recovery"])
def test_each_phase_stands_on_the_page_as_it_was_measured(phase: str) -> None:
    counts = " | ".join(f"{RECORDS[phase, metric].value:,.0f}" for metric in COUNTS)
    (median,) = re.findall(rf"^\|.*\| {re.escape(counts)} \| ([\d,]+), ", PAGE, re.MULTILINE)
    assert float(median) == round(RECORDS[phase, "latency_ms"].value)


def test_the_page_says_when_and_where_it_was_measured_and_for_how_long() -> None:
    steady = RECORDS["steady", "calls"]
    assert f"{steady.date}, {steady.machine}" in " ".join(PAGE.split())
    assert f"{steady.conditions['duration_s'] / 60:g} minutes | {steady.value:,.0f} |" in PAGE


def test_usage_before_and_after_is_on_the_page() -> None:
    for kind in ("server", "emulator", "instances"):
        for name in ("steady", "whole"):
            record = RECORDS[name, f"{kind}_rss_mb"]
            assert re.search(rf"\b{record.value:,.0f}\b", PAGE), (kind, name, record.value)


def test_nothing_was_lost_in_it_nor_with_hostile_photos() -> None:
    assert problems(list(RECORDS.values())) == []
    assert problems(HOSTILE) == []


def test_what_the_page_says_of_the_hour_with_hostile_photos_was_measured() -> None:
    found = {(each.name, each.metric): each for each in HOSTILE if each.name != "hostile"}
    text = " ".join(PAGE.split())
    for metric, words in (
        ("answered", "all {} answers"),
        ("throttled", "and {} calls for it were refused with 429"),
    ):
        total = sum(found[phase, metric].value for phase in ("steady", "step", "recovery"))
        assert words.format(f"{total:,.0f}") in text
    for kind, words in (
        ("server", "the server {} MiB before, {} after the hour and {} at the end"),
        ("instances", "an instance {}, {} and {} MiB"),
        ("emulator", "the emulator {}, {} and {} MiB"),
    ):
        sizes = [found["whole", f"{kind}_rss_mb"].conditions["before"]]
        sizes += [found[name, f"{kind}_rss_mb"].value for name in ("steady", "whole")]
        if kind == "instances":
            counts = [found["whole", "instances_processes"].conditions["before"]]
            counts += [found[name, "instances_processes"].value for name in ("steady", "whole")]
            sizes = [size / count for size, count in zip(sizes, counts, strict=True)]
        assert words.format(*(f"{size:.0f}" for size in sizes)) in text
    steady, photos = found["steady", "calls"].conditions, HOSTILE[-1].conditions
    assert f"--rate {steady['rate_rps']:g} --share {photos['share']:g}" in text
    assert f"--seed {photos['seed']}" in text
    assert f"a tenth and {photos['photos']} photos" in text
