"""Each table made of records names its command, machine, date and number of samples."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import docs_blocks, photo_costs
from lab.bench import wakes
from lab.bench.speed.tables import tables
from lab.bench.wakes import Group
from lab.kept_records import kept_records
from lab.markdown import command_of
from warmlens.paths import ROOT
from warmlens.planner.service_times import SERVICE_TIMES
from warmlens.records import Record, read_records

CALL = re.compile(r"docs_blocks\.(\w+)\((.*?)\)\)")
BLOCKS = sorted(
    {
        (page.name, name, arguments)
        for page in (ROOT / "docs").rglob("*.md")
        for name, arguments in CALL.findall(page.read_text())
        if name != "terminal"
    }
)
SENTENCES = {
    "replay_in_short",
    "warming_findings",
    "warming_limits",
    "goals_in_short",
    "cold_start_in_short",
    "starts_in_two_runs",
    "chosen_findings",
    "forecast_findings",
    "answers_to_bananas",
    "refused_groceries",
    "recognized_groceries",
}
"""Blocks without a table, whose figures are those of tables or stand beside their counts."""
SHOWN = {"cold_start": {"cold_start_ms", "cold_stage_ms"}}
"""Metrics of blocks that show a part of a file; the others show all records that they read."""
TABLES_OF_COSTS = sorted(
    {
        name
        for page in (ROOT / "docs").rglob("*.md")
        for name in re.findall(r"photo_costs\.(\w+_table)\(", page.read_text())
    }
    - {"region_prices_table"}  # prices alone
)
COUNTED = re.compile(
    r"\b[\d,]+ (?:test photos|users|seeds|simulations|visits|runs|starts|(?:warm )?calls|of each)"
    r"|once each|one run each"
    r"|\| (?:\w+ )*(?:starts|calls|runs|times|files|sent|fetches|instances|users|hostile photos"
    r"|processes)(?: of each| each)? \|"
    r"|in the tables below"
)


def tables_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield each table's lead, the text since the table before, and the table."""
    lead, table = list[str](), list[str]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            table.append(line)
        elif table:
            yield "\n".join(lead), "\n".join(table)
            lead, table = [line], []
        else:
            lead.append(line)


def test_every_block_is_walked() -> None:
    assert len(BLOCKS) >= 20
    assert {"speed", "first_visitor", "warming", "peer"} <= {name for _, name, _ in BLOCKS}


@pytest.mark.parametrize(("page", "name", "arguments"), BLOCKS, ids=lambda each: str(each)[:30])
def test_machine_date_command_and_samples_are_beside_each_table(
    page: str, name: str, arguments: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Record] = []

    def kept(file: str, *folder: Path) -> list[Record]:
        found = kept_records(file, *folder)
        read.extend(each for each in found if each.metric in SHOWN.get(name, {each.metric}))
        return found

    monkeypatch.setattr(docs_blocks, "kept_records", kept)
    given: list[Any] = [arguments.strip("\"'")] if arguments else []
    text = getattr(docs_blocks, name)(*given)
    if "Not measured yet" in text:
        return
    measured = [each for each in read if each.kind == "measured"]
    made = list(tables_of(text))
    if name in SENTENCES:
        return
    assert made, page
    for lead, table in made:
        dates = {each.date for each in read}
        machines = {each.machine for each in measured}
        assert any(date in lead for date in dates), lead
        assert any(f"`{command_of(each)}" in lead for each in read), lead
        assert not measured or any(machine in lead for machine in machines), lead
        header = table.splitlines()[0]
        assert COUNTED.search(f"{lead}\n{header}"), f"{lead}\n{header}"
    for machine, date in {(each.machine, each.date) for each in measured}:
        assert re.search(rf"{date}[^.]*{re.escape(machine)}", text), (machine, date)


@pytest.mark.parametrize("name", TABLES_OF_COSTS)
def test_tables_of_costs_say_how_their_calls_were_timed(name: str) -> None:
    text = getattr(photo_costs, name)()
    timed = [
        each
        for each in read_records(SERVICE_TIMES.read_text())
        if (each.metric, each.conditions["input_px"]) == ("warm_ms", 128)
    ]
    (lead, _), *more = tables_of(text)
    assert not more
    for machine, date in {(each.machine, each.date) for each in timed}:
        assert f"{date}, {machine}" in lead
    assert COUNTED.search(lead)


def test_both_machines_are_named_where_records_come_from_two() -> None:
    first = kept_records("speed")
    text = tables([*first, *_as_other_cases(first)])
    for lead, _ in list(tables_of(text))[1:3]:
        assert "2026-11-30, AMD EPYC" in lead
        assert "2026-12-24, another processor" in lead


def _as_other_cases(like: list[Record]) -> list[Record]:
    """Records of two machines as one file has them when a part of it was measured again."""
    return [
        replace(each, machine="another processor", date="2026-12-24", conditions={
            **each.conditions, "memory_mb": 10_000,
        })
        for each in like
        if each.metric in ("cold_start_ms", "cold_start_cpu_s", "warm_ms")
    ]  # fmt: skip


def test_the_shortest_hold_that_wakes_one_instance_for_each_user_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = kept_records("wakes")
    assert "From a hold of 50 ms on, the median group wakes" in docs_blocks.wakes()
    fewer = [
        replace(each, value=1.0)
        if each.metric == "instances_woken" and each.conditions["hold_ms"] == 50
        else each
        for each in kept
    ]
    monkeypatch.setattr(docs_blocks, "kept_records", lambda _: fewer)
    assert "From a hold of 100 ms on, the median group wakes" in docs_blocks.wakes()


def test_a_few_hostile_photos_have_no_p99() -> None:
    (few,) = (
        each
        for each in kept_records("soak-hostile")
        if each.metric == "hostile_ms" and (each.samples or 0) < 299 and each.name == "recovery"
    )
    assert f"{few.value:,.0f}, -, {few.conditions['max_ms']:,.0f} ms" in docs_blocks.hostile_soak()


def test_shares_of_wakes_have_the_intervals_of_their_groups() -> None:
    groups = [Group(3, number % 3, (50.0,) * 5, number == 0) for number in range(30)]
    found = {each.metric: each for each in wakes._records({50: groups}, 5)}
    for metric in ("cold_share", "others_cold_share"):
        record = found[metric]
        assert record.interval is not None
        low, high = record.interval
        assert 0 <= low < record.value < high <= 1
    assert found["instances_woken"].interval == (3.0, 3.0)
