"""Looking up records by what they say."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from warmlens.records import Record


class Records:
    """All records of a report.

    Args:
        records: by the experiment's name.
    """

    def __init__(self, records: Mapping[str, Sequence[Record]]) -> None:
        self._all = [record for each in records.values() for record in each]

    def all(self, metric: str, name: str | None = None, **conditions: Any) -> list[Record]:
        """Return the records of a metric that have these conditions, among others."""
        return [
            record
            for record in self._all
            if record.metric == metric
            and name in (None, record.name)
            and all(record.conditions.get(key) == value for key, value in conditions.items())
        ]

    def first(self, metric: str, name: str | None = None, **conditions: Any) -> Record | None:
        """Return the first such record, or None."""
        return next(iter(self.all(metric, name, **conditions)), None)

    def value(self, metric: str, name: str | None = None, **conditions: Any) -> float:
        """Return the first such record's value.

        Raises:
            MissingError: there is none.
        """
        found = self.first(metric, name, **conditions)
        if found is None:
            raise MissingError(metric)
        return found.value

    def where(self) -> list[str]:
        """Return the machines and dates of what was measured, each once."""
        return sorted(
            {f"{each.machine}, {each.date}" for each in self._all if each.kind == "measured"}
        )

    @property
    def elsewhere(self) -> str:
        """The option that named an API that runs, or nothing for a local cloud of its own."""
        commands = (
            re.match(
                r"(?:warmlens|python -m lab) experiments run \S+ (--(?:env|url) \S+)", each.command
            )
            for each in self._all
        )
        return next((found[1] for found in commands if found), "")


class MissingError(Exception):
    """What a sentence is about was not measured."""
