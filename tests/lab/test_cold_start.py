"""A cold start has one definition, and its figures on all pages come from the same records."""

import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from lab.bench.speed.cold import STAGES
from lab.cold_start import (
    FIRST_VISITOR,
    LATER_VISITOR,
    cold_start_table,
    cold_starts,
    in_readme,
    in_short,
    in_two_runs,
)
from lab.pictures.cold_start import draw, write
from warmlens.paths import ROOT
from warmlens.records import Record

PAGES = (
    *(ROOT / "docs" / f"{name}.md" for name in ("index", "how-it-works", "performance", "warming")),
    ROOT / "README.md",
)
CASES = [
    (memory_mb, store, cache)
    for memory_mb in (768, 1769)
    for store in ("image", "s3")
    for cache in ("warm", "dropped")
]


def record(name: str, metric: str, value: float, **conditions: object) -> Record:
    return Record(
        name=name,
        metric=metric,
        value=value,
        unit="ms",
        samples=30,
        kind="measured",
        conditions={"input_px": 128, **conditions},
        command="test",
        machine="a machine",
        date="2026-12-01",
    )


def speed(one_vcpu_ms: float, *, dropped_ms: float = 500) -> list[Record]:
    """Records of all cases; ours at one processor from the image takes `one_vcpu_ms`.

    From S3 with a dropped page cache it takes `dropped_ms`.
    """
    given_ms = {(1769, "image", "warm"): one_vcpu_ms, (1769, "s3", "dropped"): dropped_ms}
    records = []
    for memory_mb, store, cache in CASES:
        about = {"memory_mb": memory_mb, "model_store": store, "page_cache": cache}
        total_ms = given_ms.get((memory_mb, store, cache), 500.0)
        for name, factor in (("ours", 1), ("baseline", 25)):
            records.append(record(name, "cold_start_ms", total_ms * factor, **about))
            stage_ms = total_ms * factor / len(STAGES)
            records += [
                record(name, "cold_stage_ms", stage_ms, **about, stage=stage) for stage in STAGES
            ]
    size = {"memory_mb": 1769, "megapixels": 2}
    for name in ("ours", "baseline"):
        records.append(record(name, "warm_ms", 1, **size))
        records.append(record(name, "cost_usd_per_million", 1, **size))
        records.append(record(name, "peak_rss_mb", 1, megapixels_up_to=2))
    return records


VISITS = [
    record(name, "wait_ms", wait_ms, pause_s=pause_s, platform_ms=900)
    for name, pause_s, wait_ms in (
        (LATER_VISITOR, 2.0, 310),
        (FIRST_VISITOR, 2.0, 330),
        (FIRST_VISITOR, 0.0, 1600),
    )
]


def test_every_page_follows_the_records() -> None:
    records = speed(101)
    table = cold_start_table(records)
    assert "| image | warm | 1,769 | 8 | 54 | 39 | 101 | 30 | 0.25 to 0.63 s |" in table
    start = "start of the process to the first answer"
    for text, total in (
        (in_short(records, VISITS), f"101 ms from the {start}"),
        (in_readme(records), f"| {start}, model in the image | 101 ms |"),
    ):
        words = " ".join(text.split())
        assert "0.25 to 0.63 s on AWS" in words
        assert total in words
        assert "2,525" in words  # the baseline
    words = " ".join(in_short(records, VISITS).split())
    assert "adds 399 ms here, where S3 is an emulator" in words
    assert "who finds no instance, waits 0.33 s from tap to answer" in words


def test_the_default_store_has_its_estimate_beside_the_fastest() -> None:
    """A model in S3 is the default, and a machine may not have read the image before."""
    records = speed(101, dropped_ms=700)
    for text in (in_short(records, VISITS), in_readme(records)):
        words = " ".join(text.split())
        assert "0.25 to 0.63 s on AWS with the model in the image" in words
        assert "0.85 to 1.23 s with the default, a model in S3, on a machine that has not" in words


def test_the_readme_has_the_table_before_other_figures() -> None:
    assert in_readme(speed(101)).startswith("| at one vCPU")


def test_two_runs_are_compared_by_store_and_size() -> None:
    text = " ".join(in_two_runs(speed(101), speed(99)).split())
    assert "starts from S3 took as long at 768 MB and as long at 1,769 MB, compared" in text
    assert "from the image took as long at 768 MB and 2 ms shorter at 1,769 MB." in text
    assert "2 ms longer at 1,769 MB." in " ".join(in_two_runs(speed(99), speed(101)).split())
    assert text.count("2026-12-01") == 2


def test_the_parts_of_a_case_add_up_to_it() -> None:
    cases = cold_starts(speed(101))
    assert len(cases) == len(CASES)
    for each in cases:
        assert sum(each.parts_ms) == pytest.approx(each.total_ms)
        assert min(each.parts_ms) > 0


def test_what_a_user_sees_on_aws_comes_before_what_was_measured() -> None:
    for lines in (in_short(speed(101), VISITS), in_readme(speed(101))):
        text = " ".join(lines.split())
        assert text.index("s on AWS") < text.index("measured here")


def test_pages_that_name_a_cold_start_lead_to_its_definition() -> None:
    for page in (*PAGES, ROOT / "docs" / "lab" / "experiments" / "README.md"):
        if page.name != "how-it-works.md":
            assert "how-it-works.md#a-cold-start" in page.read_text(), page


def test_no_page_has_a_typed_figure_of_a_cold_start() -> None:
    for page in PAGES:
        typed = re.sub(
            r"<!-- \[\[\[cog.*?\[\[\[end\]\]\] -->", "", page.read_text(), flags=re.DOTALL
        )
        for sentence in re.split(r"(?<=[.:;])\s", typed):
            about = re.search(r"start of (the|a) process|from (its )?start to", sentence)
            assert not (about and re.search(r"\d m?s\b", sentence)), f"{page.name}: {sentence}"


def test_the_picture_has_every_case_and_the_first_visit() -> None:
    figure = Figure()
    draw(speed(101), VISITS, figure)
    parts, visits = figure.axes
    assert len(parts.get_yticklabels()) == len(CASES)
    assert "0.25 to 0.63 s" in [each.get_text().strip() for each in parts.texts]
    assert [each.get_text().strip() for each in visits.texts] == ["0.31 s", "0.33 s", "1.60 s"]


def test_the_kept_picture_is_drawn_from_the_kept_records(tmp_path: Path) -> None:
    write(tmp_path / "cold-start.svg")
    kept = ROOT / "docs" / "pictures" / "cold-start.svg"
    assert (tmp_path / "cold-start.svg").read_text() == kept.read_text()
