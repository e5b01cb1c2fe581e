"""Traffic of users: hourly rates with bursts, or a trace of arrival times."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from warmlens.errors import WarmlensError
from warmlens.planner.arrivals import ArrivalProcess, draw_arrivals
from warmlens.planner.csv_tables import SHOWN, fields_of, header, read_rows
from warmlens.planner.number_format import parse_number
from warmlens.planner.rng import ARRIVALS, BURSTS, seed_states
from warmlens.planner.scenario import DAY_H, HOUR_S

MAX_BURST = 100_000
ARRIVAL = "arrival_s"  # column of a trace
DAY_S = DAY_H * HOUR_S
LONGEST_S = 366 * DAY_S


class Traffic(Protocol):
    """Users' calls."""

    @property
    def description(self) -> str:
        """A name for people."""
        ...

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Yield the moments of the calls in seconds, ascending, all before the horizon."""
        ...

    def expected(self, horizon_s: float) -> float:
        """Return the expected number of calls before the horizon."""
        ...


@dataclass(frozen=True, kw_only=True)
class Bursts:
    """Groups of users who come almost at once, at independent moments.

    Attributes:
        size: users in a group.
        per_hour: groups in an hour, on average.
        within_s: time over which a group's calls are spread evenly. Groups do not overlap: one
            waits for the end of the other.

    Raises:
        WarmlensError: a number is out of range.
    """

    size: int
    per_hour: float
    within_s: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_BURST:
            raise WarmlensError("bad_burst", f"burst of {self.size} users: give 1 to {MAX_BURST}")
        require_rate("number of bursts an hour", self.per_hour)
        if not 0 <= self.within_s <= HOUR_S:
            raise WarmlensError("bad_burst", f"burst within {self.within_s:g} s: 0 to {HOUR_S:g}")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A Poisson process of users, with a rate for each part of the day, and bursts.

    Attributes:
        rates_per_s: rate of each part, from midnight on; they repeat after the last one.
        segment_s: length of a part.

    Raises:
        WarmlensError: a rate is negative or not a number.
    """

    rates_per_s: tuple[float, ...]
    segment_s: float = HOUR_S
    bursts: Bursts | None = None
    description: str = ""

    def __post_init__(self) -> None:
        if not self.rates_per_s or not 0 < self.segment_s < math.inf:
            raise WarmlensError("empty_profile", "a profile needs at least one rate")
        for at, rate in enumerate(self.rates_per_s):
            require_rate(f"rate of part {at} of the profile", rate)

    @property
    def length_s(self) -> float:
        """Time after which the rates repeat."""
        return self.segment_s * len(self.rates_per_s)

    def scaled(self, factor: float) -> "Profile":
        """Return the same shape with all rates multiplied, those of bursts too."""
        bursts = self.bursts and replace(self.bursts, per_hour=self.bursts.per_hour * factor)
        rates = tuple(rate * factor for rate in self.rates_per_s)
        return replace(self, rates_per_s=rates, bursts=bursts)

    def expected(self, horizon_s: float) -> float:
        """Return the expected number of calls before the horizon."""
        total, at = 0.0, 0
        while at * self.segment_s < horizon_s:
            length_s = min(self.segment_s, horizon_s - at * self.segment_s)
            total += self.rates_per_s[at % len(self.rates_per_s)] * length_s
            at += 1
        if self.bursts:
            total += self.bursts.size * self.bursts.per_hour * horizon_s / HOUR_S
        return total

    def process(self, seed: int, horizon_s: float, begin_s: float = 0.0) -> ArrivalProcess:
        """Return the process that draws the moments of the calls from the seed."""
        bursts = self.bursts if self.bursts and self.bursts.per_hour > 0 else None
        return ArrivalProcess(
            rates_per_s=list(self.rates_per_s),
            segment_s=float(self.segment_s),
            horizon_s=float(horizon_s),
            burst_size=bursts.size if bursts else 0,
            bursts_per_s=bursts.per_hour / HOUR_S if bursts else 0.0,
            burst_step_s=bursts.within_s / bursts.size if bursts else 0.0,
            states=seed_states(seed, ARRIVALS, BURSTS),
            times=[begin_s, 0.0, begin_s, 0.0, 0.0],
            counts=[int(begin_s // self.segment_s), 0, 0],
        )

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Yield the moments of the calls, drawn from the seed."""
        process, chunk = self.process(seed, horizon_s), [0.0] * 1024
        while count := draw_arrivals(chunk, process):
            yield from chunk[:count]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Moments of calls in a CSV file with the column `arrival_s`, read while they are simulated.

    Attributes:
        file: a file that `read_trace` has checked.
        count: number of calls.
        last_s: time of the last call.
        per_hour: calls in each hour.
        decimal: the character before decimals in the file.
    """

    file: Path
    count: int
    last_s: float
    per_hour: tuple[int, ...]
    decimal: str = "."

    @property
    def description(self) -> str:
        """A name for people."""
        words = f"trace {self.file.name}, {self.count:,} calls in {in_words_of_time(self.last_s)}"
        whole_s = whole_days_s(self)
        if whole_s - self.last_s < HOUR_S:
            return words
        return f"{words}, taken as {in_words_of_time(whole_s)} without calls in the rest"

    @property
    def length_s(self) -> float:
        """Time from 0 until after the last call."""
        return self.last_s + 1e-9

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Yield the moments of the calls; the seed has no effect."""
        for now_s in moments(self.file, self.decimal):
            if now_s >= horizon_s:
                return
            yield now_s

    def expected(self, horizon_s: float) -> float:
        """Return the number of calls before the horizon, to the hour."""
        return float(sum(self.per_hour[: math.ceil(horizon_s / HOUR_S)]))

    def as_profile(self) -> Profile:
        """Return users at the trace's rate of each hour, who come independently of each other."""
        rates = tuple(count / HOUR_S for count in self.per_hour)
        return Profile(rates_per_s=rates, description=f"{self.description}, by the hour")


def arrival_texts(file: Path) -> Iterator[tuple[int, str]]:
    """Read the column `arrival_s` of a trace: each line's number and text.

    Raises:
        WarmlensError: the file is not readable, has no such column or two, or a row has more or
            fewer fields than the header.
    """
    rows = read_rows(file)
    columns = header(next(rows, None))
    if columns.count(ARRIVAL) != 1:
        raise WarmlensError("bad_trace", f"{file}: columns {ARRIVAL}: {columns.count(ARRIVAL)}")
    at = columns.index(ARRIVAL)
    for row in rows:
        whole = len(row.fields) == len(columns)
        fields = row.fields if whole else fields_of(file, row, columns, "bad_trace")
        yield row.line, fields[at]


def moments(file: Path, decimal: str = ".") -> Iterator[float]:
    """Read the moments of a trace, one at a time.

    Args:
        file: the trace.
        decimal: the character before decimals.

    Raises:
        WarmlensError: what :func:`arrival_texts` raises, or a line has no number, a time beyond a
            year, or a time before that of the line before it.
    """
    last_s = 0.0
    for line, text in arrival_texts(file):
        try:
            now_s = parse_number(text, decimal)
        except ValueError:
            why = f"{text[:SHOWN]!r} is not a time in seconds, such as 12.5"
            raise WarmlensError("bad_trace", f"{file}, line {line}: {why}") from None
        if not 0 <= now_s <= LONGEST_S:
            why = f"{now_s:g} s is not within a year from 0: subtract the first time from all"
            raise WarmlensError("bad_trace", f"{file}, line {line}: {why}")
        if now_s < last_s:
            why = f"{now_s:g} s comes after {last_s:g} s: sort the trace by time"
            raise WarmlensError("unordered_trace", f"{file}, line {line}: {why}")
        last_s = now_s
        yield now_s


def whole_days_s(traffic: Profile | Trace) -> float:
    """Return the length of the traffic in seconds, rounded up to whole days."""
    return max(1, math.ceil(traffic.length_s / DAY_S)) * DAY_S


def in_words_of_time(time_s: float) -> str:
    """Return a time as text, in days, hours, minutes or seconds."""
    for unit, length_s in (("days", DAY_S), ("h", HOUR_S), ("min", 60.0)):
        if time_s >= length_s:
            count = f"{time_s / length_s:.3g}"
            return f"{count} {'day' if (count, unit) == ('1', 'days') else unit}"
    return f"{time_s:.3g} s"


def constant_rate(per_s: float, bursts: Bursts | None = None) -> Profile:
    """Return traffic of one rate all day."""
    require_rate("rate", per_s)
    return Profile(rates_per_s=(per_s,), bursts=bursts, description=f"{per_s:g} a second")


def require_rate(what: str, rate: float) -> None:
    """Check a rate.

    Raises:
        WarmlensError: it is negative or not a finite number.
    """
    if not math.isfinite(rate):
        raise WarmlensError("bad_rate", f"{what} is {rate}: give a finite number")
    if rate < 0:
        raise WarmlensError("negative_rate", f"{what} is {rate:g}: give 0 or more")
