"""A claim's verdict after changes of the records."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.experiments.claims.register import claims
from lab.experiments.record_query import RecordSet
from lab.experiments.report import records_of_benches
from lab.experiments.verdicts import Claim
from tests.lab.experiments_page import RECORDS as FOLDER
from warmlens.records import Record, read_records

NAMES = ("cost", "printed", "stages", "flow", "concurrency", "memory", "idle")
RECORDS = {name: read_records((FOLDER / f"{name}.jsonl").read_text()) for name in NAMES}
BENCHES = {
    name: [each for each in kept if name != "warming" or each.name == "ping N"]
    for name, kept in records_of_benches().items()
}
Change = Callable[[Record], Record]


def judged(
    begins: str,
    changes: Sequence[Change] = (),
    *,
    more: Sequence[tuple[str, Record]] = (),
    command: str | None = None,
) -> Claim:
    """Return the claim with this beginning, after changes of records.

    Args:
        begins: the beginning of the claim, after its place.
        changes: applied to each record.
        more: further records of benches, with their files' names.
        command: replaces that of each measured record.
    """

    def changed(each: Record) -> Record:
        for change in changes:
            each = change(each)
        if command is not None and each.kind == "measured":
            each = dataclasses.replace(each, command=command)
        return each

    def all_of(sets: Mapping[str, Sequence[Record]]) -> dict[str, list[Record]]:
        return {name: [changed(each) for each in records] for name, records in sets.items()}

    benches = {
        name: [*kept, *(record for file, record in more if file == name)]
        for name, kept in BENCHES.items()
    }
    (found,) = [
        each
        for each in claims(RecordSet(all_of(RECORDS), all_of(benches)))
        if f"{each.where}: {each.claim}".startswith(begins)
    ]
    return found


def to(
    metric: str,
    value: float,
    name: str | None = None,
    *,
    off: float = 0.0,
    **conditions: Any,
) -> Change:
    """Return a change that sets a metric's value, with an interval of `value` +- `off`."""

    def change(record: Record) -> Record:
        if record.metric != metric or name not in (None, record.name):
            return record
        if any(record.conditions.get(key) != wanted for key, wanted in conditions.items()):
            return record
        return dataclasses.replace(record, value=value, interval=(value - off, value + off))

    return change
