"""Queries of records by metric, name and conditions."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from lab.experiments.target import LOCAL
from warmlens.errors import WarmlensError
from warmlens.records import Record

_RUN = re.compile(r"(?:warmlens|python -m lab) experiments run \S+ (--(?:env|url) \S+)")
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")


class NoRecordError(WarmlensError):
    """No record has the metric; the claim or section about it is left out."""

    def __init__(self, metric: str) -> None:
        super().__init__("no_record", f"There is no record of {metric}.")


class RecordSet:
    """All records of a report.

    Args:
        records: by the experiment's name.
        kept: the records of benches that are kept in the repository, by the file's name.
    """

    def __init__(
        self,
        records: Mapping[str, Sequence[Record]],
        kept: Mapping[str, Sequence[Record]] | None = None,
    ) -> None:
        self._all = [record for each in records.values() for record in each]
        self._kept = kept or {}
        self._noted: list[Record] | None = None

    @contextmanager
    def noted(self) -> Iterator[list[Record]]:
        """Collect what queries return within the block, those of kept records included."""
        self._noted = []
        try:
            yield self._noted
        finally:
            self._noted = None

    def kept(self, name: str, *, noted: bool = True) -> "RecordSet":
        """Return the kept records of a file; none if it is not there.

        Args:
            name: the file's name.
            noted: False where they decide only which others are taken.
        """
        found = RecordSet({name: self._kept.get(name, ())})
        found._noted = self._noted if noted else None
        return found

    def select(self, metric: str, name: str | None = None, **conditions: Any) -> list[Record]:
        """Return the records of a metric with at least these conditions."""
        return self._note(self._matching(metric, name, conditions))

    def get(self, metric: str, name: str | None = None, **conditions: Any) -> Record | None:
        """Return the first matching record, or None."""
        first = itertools.islice(self._matching(metric, name, conditions), 1)
        return next(iter(self._note(first)), None)

    def _matching(
        self, metric: str, name: str | None, conditions: Mapping[str, Any]
    ) -> Iterator[Record]:
        return (
            record
            for record in self._all
            if record.metric == metric
            and name in (None, record.name)
            and all(record.conditions.get(key) == value for key, value in conditions.items())
        )

    def _note(self, records: Iterable[Record]) -> list[Record]:
        found = list(records)
        if self._noted is not None:
            self._noted.extend(found)
        return found

    def require(self, metric: str, name: str | None = None, **conditions: Any) -> Record:
        """Return the first matching record.

        Raises:
            NoRecordError: there is none.
        """
        record = self.get(metric, name, **conditions)
        if record is None:
            raise NoRecordError(metric)
        return record

    def require_any(self, metric: str, name: str | None = None, **conditions: Any) -> list[Record]:
        """Return all matching records.

        Raises:
            NoRecordError: there is none.
        """
        found = self.select(metric, name, **conditions)
        if not found:
            raise NoRecordError(metric)
        return found

    def value(self, metric: str, name: str | None = None, **conditions: Any) -> float:
        """Return the value of the first matching record.

        Raises:
            NoRecordError: there is none.
        """
        return self.require(metric, name, **conditions).value

    def machines_and_dates(self) -> list[str]:
        """Return the machine and date of each measured record, each pair once."""
        return sorted(
            {f"{each.machine}, {each.date}" for each in self._all if each.kind == "measured"}
        )

    @cached_property
    def api_option(self) -> str:
        """The command's option for a running API; empty for a local cloud."""
        options = (_RUN.match(each.command) for each in self._all)
        return next((match[1] for match in options if match), "")

    @property
    def in_aws(self) -> bool:
        """Whether the records are of an API in AWS; a URL on loopback is not.

        An environment may be the local cloud, too; a domain of one's own is not recognized.
        """
        kind, _, where = self.api_option.partition(" ")
        if kind == "--env":
            return where != LOCAL
        return (urlsplit(where).hostname or "").endswith(_AWS_DOMAINS)

    def of_place(self, local: str) -> str:
        """Return the reason that figures not known to be of AWS are not comparable with it.

        Args:
            local: the reason for those of a local cloud that was started to be measured.
        """
        return "of an API that is not known to be in AWS" if self.api_option else local
