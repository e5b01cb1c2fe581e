"""A sentence beside figures of a processor or less that were not measured as on Lambda."""

import math
from collections.abc import Iterable

from warmlens.records import Record
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU, PERIOD_MS

PERIOD_BEFORE_MS = 100
"""The period until November 2026, which records of that time do not name."""


def period_ms(record: Record) -> int:
    """Return the period in which the record's processor share was kept."""
    return int(record.conditions.get("period_ms", PERIOD_BEFORE_MS))


def up_to_a_processor(records: Iterable[Record]) -> list[Record]:
    """Return the records of memory sizes that bring a processor or less.

    With a whole one, calls are never halted; but an init could not use two.
    """
    sizes = ((each, each.conditions.get("memory_mb", math.inf)) for each in records)
    return [each for each, memory_mb in sizes if memory_mb <= MEMORY_MB_PER_VCPU]


def period_note(
    records: Iterable[Record], decisions: str = "decisions", *, further: str = ""
) -> str:
    """Return the sentence as a paragraph; empty where the records need none.

    Args:
        records: measured with a processor or less.
        decisions: path from the page to the folder of decisions.
        further: a sentence on what else was different then.
    """
    if all(period_ms(each) == PERIOD_MS for each in records):
        return ""
    note = (
        "When these figures were measured, processor shares up to "
        f"{MEMORY_MB_PER_VCPU:,} MB were kept in periods of {PERIOD_BEFORE_MS} ms, init included. "
        f"Lambda's periods are {PERIOD_MS} ms, and its init runs at full speed "
        f"([decision 131]({decisions}/0131-share-of-a-processor.md))."
    )
    return f"{note} {further}".rstrip() + "\n"
