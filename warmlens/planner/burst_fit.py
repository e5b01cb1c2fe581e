"""Bursts of users, fitted to the highest number of calls at once in each period."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

CHANCE = 0.05
"""Probability, at most, with which independent users alone are taken for bursts in a whole file."""
SMALLEST = 3
"""A user's own call and the wakeup before it may be two at once."""
CALLS_PER_USER = 4
"""A call, and up to three wakeups ahead of it: they are in ConcurrentExecutions, too."""
SHORTEST_IDLE_S = 300.0
"""Instances that nobody calls stay for at least this time, as everywhere in the planner."""
BESIDE_S = 1800.0
COVERED = 0.9
"""Share of the bursts' calls that are in a burst of the fitted size or a smaller one."""


@dataclass(frozen=True, kw_only=True)
class BusyTimes:
    """Times for which a call keeps an instance busy.

    Attributes:
        call_s: a warm call, on average.
        start_s: what a cold start adds, Lambda's own part included.
    """

    call_s: float
    start_s: float


@dataclass(frozen=True, kw_only=True)
class BurstFit:
    """Bursts that explain the calls at once.

    Attributes:
        size: calls of a burst; 0: there are no bursts.
        total: number of bursts in all periods.
        periods: number of periods in which independent users do not explain the calls at once.
        rest: counts of the periods without the calls of the bursts.
    """

    size: int
    total: float
    periods: int
    rest: tuple[float, ...]


def fit_bursts(
    counts: Sequence[float],
    most_at_once: Sequence[float],
    *,
    period_s: float,
    times: BusyTimes,
    pinged: int = 0,
) -> BurstFit:
    """Fit bursts to counts and to the most calls at once.

    Users who come independently keep a number of instances busy that is Poisson (M/G/infinity). So
    the probability that n are busy at once in a period is at most the expected number of calls that
    meet n - 1 of them. Where it is below a share of 5 %, the period had a burst of what was seen
    less what is usual at its rate.

    Args:
        counts: users' calls of each period, without gaps.
        most_at_once: the most calls at once in each period; 0 where nothing is known.
        period_s: length of a period.
        times: how long calls keep an instance busy; too long a time finds fewer bursts.
        pinged: instances that a warmer keeps busy at a time, which are no users.
    """
    periods, chances = len(counts), dict[int, float]()
    for at, (count, most) in enumerate(zip(counts, most_at_once, strict=True)):
        users = round(most) - pinged
        if users < SMALLEST or count < SMALLEST:
            continue
        rate = max(count - users, *_rates_beside(counts, at, period_s)) / period_s
        starts = min(CALLS_PER_USER * rate, most / SHORTEST_IDLE_S)
        load = CALLS_PER_USER * rate * times.call_s + starts * times.start_s
        calls = CALLS_PER_USER * count
        chances[at] = calls * _at_least(users - 1, load) + _at_least(users, load)
    bursts = {
        at: max(SMALLEST, round(most_at_once[at] - counts[at] / period_s * times.call_s))
        for at in _too_rare(chances, periods)
    }
    if not bursts:
        return BurstFit(size=0, total=0.0, periods=0, rest=tuple(counts))
    # Where most periods have a burst, some have several, of which one is seen.
    seen = min(len(bursts), periods - 0.5) / periods
    each = -math.log(1 - seen) * periods / len(bursts)
    taken = {at: min(counts[at], size * each) for at, size in bursts.items()}
    size = _covering(sorted(bursts.values()))
    rest = tuple(count - taken.get(at, 0.0) for at, count in enumerate(counts))
    total = sum(taken.values()) / size
    return BurstFit(size=size, total=total, periods=len(bursts), rest=rest)


def _too_rare(chances: Mapping[int, float], periods: int) -> list[int]:
    """Return the periods that chance does not explain, by the method of Benjamini and Hochberg.

    Without any burst it returns some in 5 of 100 files at most; with many bursts, a less rare one
    is found, too.
    """
    ordered = sorted(chances, key=lambda at: chances[at])
    found = 0
    for rank, at in enumerate(ordered, 1):
        if chances[at] <= CHANCE * rank / periods:
            found = rank
    return sorted(ordered[:found])


def _rates_beside(counts: Sequence[float], at: int, period_s: float) -> Iterator[float]:
    """Yield the highest likely mean of the periods before and after, half an hour of each."""
    length = max(1, round(BESIDE_S / period_s))
    for beside in (counts[max(0, at - length) : at], counts[at + 1 : at + 1 + length]):
        if beside:
            # A Poisson number with this mean is above the sum in 95 of 100 cases.
            yield (sum(beside) + 2 * math.sqrt(sum(beside)) + 3) / len(beside)


def _covering(sizes: Sequence[int]) -> int:
    total, so_far = sum(sizes), 0
    for size in sizes:
        so_far += size
        if so_far >= COVERED * total:
            return size
    return sizes[-1]


def _at_least(number: int, mean: float) -> float:
    """Return the probability that a Poisson number is this or more."""
    if number <= mean:
        return 1.0
    # The terms from `number` on fall faster than a geometric series.
    term = math.exp(number * math.log(mean) - mean - math.lgamma(number + 1)) if mean else 0.0
    return min(1.0, term / (1 - mean / (number + 1)))
