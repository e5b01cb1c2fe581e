"""Queries of records by metric, name and conditions."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from warmlens.errors import WarmlensError
from warmlens.records import Record

_RUN = re.compile(r"(?:warmlens|python -m lab) experiments run \S+ (--(?:env|url) \S+)")


class NoRecordError(WarmlensError):
    """No record has the metric; the claim or section about it is left out."""

    def __init__(self, metric: str) -> None:
        super().__init__("no_record", f"There is no record of {metric}.")


class RecordSet:
    """All records of a report.

    Args:
        records: by the experiment's name.
    """

    def __init__(self, records: Mapping[str, Sequence[Record]]) -> None:
        self._all = [record for each in records.values() for record in each]

    def select(self, metric: str, name: str | None = None, **conditions: Any) -> list[Record]:
        """Return the records of a metric with at least these conditions."""
        return [
            record
            for record in self._all
            if record.metric == metric
            and name in (None, record.name)
            and all(record.conditions.get(key) == value for key, value in conditions.items())
        ]

    def get(self, metric: str, name: str | None = None, **conditions: Any) -> Record | None:
        """Return the first matching record, or None."""
        return next(iter(self.select(metric, name, **conditions)), None)

    def value(self, metric: str, name: str | None = None, **conditions: Any) -> float:
        """Return the value of the first matching record.

        Raises:
            NoRecordError: there is none.
        """
        record = self.get(metric, name, **conditions)
        if record is None:
            raise NoRecordError(metric)
        return record.value

    def machines_and_dates(self) -> list[str]:
        """Return the machine and date of each measured record, each pair once."""
        return sorted(
            {f"{each.machine}, {each.date}" for each in self._all if each.kind == "measured"}
        )

    @property
    def api_option(self) -> str:
        """The command's option for a running API; empty for a local cloud."""
        options = (_RUN.match(each.command) for each in self._all)
        return next((match[1] for match in options if match), "")
