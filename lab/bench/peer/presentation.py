"""Table of the comparison with lambda-warmer-py."""

from collections.abc import Sequence

from lab.bench.peer.comparison import EMPTY, WARMERS
from warmlens.records import Record


def table(records: Sequence[Record]) -> str:
    """Return a Markdown table, one line for each number of instances and start."""
    lines = [
        f"| asked for | the pool before | runs of each | {' | '.join(WARMERS)} |",
        f"| ---: | --- | ---: |{' ---: |' * len(WARMERS)}",
    ]
    reached = [each for each in records if each.metric == "instances_reached"]
    for key in dict.fromkeys(_row(each) for each in reached):
        row = {each.name: each for each in reached if _row(each) == key}
        count, start = key
        before = "empty" if start == EMPTY else f"{count} idle"
        cells = [_cell(row[name]) for name in WARMERS]
        lines.append(
            f"| {count} | {before} | {row[next(iter(WARMERS))].samples} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


def _row(record: Record) -> tuple[int, str]:
    return record.conditions["instances"], record.conditions["start"]


def _cell(record: Record) -> str:
    counts = record.conditions["reached"]
    if counts[0] == counts[-1]:
        return f"{counts[0]}"
    return f"{record.value:g} ({counts[0]} to {counts[-1]})"
