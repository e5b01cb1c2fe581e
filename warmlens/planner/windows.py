"""Windows: stretches of the traffic that are simulated instead of the whole of it.

Each has about as many calls, and they lie at random where an equal share of the calls is before
each. So every call of the traffic is as likely to be in one, and so is every moment: counts of all
windows are pooled as they are.
"""

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from warmlens.planner.rng import ARRIVALS, MASK, STEP, mix64, seed_states, uniform
from warmlens.planner.scenario import HOUR_S
from warmlens.planner.traffic import Profile, Trace, whole_days_s

SETTLING_CALLS = 3000
"""Most calls before a window that let calls in progress settle."""
LONGEST_WARM_UP_S = 2 * HOUR_S
GOLDEN = 0.6180339887
"""Its multiples jump back and forth, so that the first few windows are spread over the traffic."""


@dataclass(frozen=True)
class Window:
    """A stretch of traffic.

    Attributes:
        traffic: users' calls from the begin to the end.
        profile: the same as rates.
        begin_s: the first simulated moment, with instances as they may be then.
        count_from_s: the moment from which calls count.
        end_s: the end.
        seed: seed of all draws.
    """

    traffic: "Profile | Moments"
    profile: Profile
    begin_s: float
    count_from_s: float
    end_s: float
    seed: int


@dataclass(frozen=True)
class Moments:
    """Moments of calls, as traffic."""

    moments_s: Sequence[float]
    description: str = ""

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Yield the moments; the seed has no effect."""
        return itertools.takewhile(lambda now_s: now_s < horizon_s, self.moments_s)

    def expected(self, horizon_s: float) -> float:
        """Return the number of calls before the horizon."""
        return float(bisect.bisect_left(self.moments_s, horizon_s))


def draw_windows(
    traffic: Profile | Trace,
    *,
    calls: int,
    count: int,
    warm_up_s: float,
    settling_s: float,
    seed: int,
) -> Iterator[Window]:
    """Yield windows of some traffic.

    Args:
        traffic: users' calls, repeated after whole days.
        calls: calls in a window, on average.
        count: number of windows.
        warm_up_s: time before each that is simulated, too; less where that has more calls than
            half of those of a window.
        settling_s: least time before each, in which calls in progress settle.
        seed: seed of their places and of all that is simulated.
    """
    places = seed_states(_seed(seed, -1), ARRIVALS)
    clock = _recorded(traffic) if isinstance(traffic, Trace) else _Clock(traffic)
    for number in sorted(range(count), key=lambda each: each * GOLDEN % 1):
        at = (number + uniform(places, 0)) / count * clock.total
        count_from_s, end_s = clock.moment_s(at), clock.moment_s(at + calls)
        half_s = count_from_s - clock.moment_s(at - calls / 2)
        most_s = count_from_s - clock.moment_s(at - SETTLING_CALLS)
        begin_s = count_from_s - max(
            min(settling_s, most_s), min(warm_up_s, LONGEST_WARM_UP_S, half_s)
        )
        shift_s = clock.length_s if begin_s < 0 else 0.0
        yield clock.window(
            begin_s + shift_s, count_from_s + shift_s, end_s + shift_s, _seed(seed, number)
        )


def _seed(seed: int, number: int) -> int:
    return mix64((seed * STEP + number) & MASK) >> 8


class _Clock:
    """Time as the number of calls that are expected before it."""

    def __init__(self, profile: Profile) -> None:
        self.profile, self.length_s = profile, whole_days_s(profile)
        bursts = profile.bursts
        steady = bursts.size * bursts.per_hour / HOUR_S if bursts else 0.0
        self._ends_s: list[float] = []
        self._rates: list[float] = []
        self._before = [0.0]  # calls expected before each segment
        begin_s = 0.0
        for rate in itertools.cycle(profile.rates_per_s):
            end_s = min(len(self._ends_s) * profile.segment_s + profile.segment_s, self.length_s)
            self._ends_s.append(end_s)
            self._rates.append(rate + steady)
            self._before.append(self._before[-1] + (rate + steady) * (end_s - begin_s))
            if end_s >= self.length_s:
                break
            begin_s = end_s
        self.total = self._before[-1]

    def moment_s(self, calls: float) -> float:
        """Return the moment before which a number of calls is expected."""
        times, calls = divmod(calls, self.total)
        at = min(bisect.bisect_right(self._before, calls), len(self._rates)) - 1
        while self._rates[at] == 0:  # only by rounding
            at -= 1
        left = (self._before[at + 1] - calls) / self._rates[at]
        return times * self.length_s + self._ends_s[at] - left

    def window(self, begin_s: float, count_from_s: float, end_s: float, seed: int) -> Window:
        return Window(self.profile, self.profile, begin_s, count_from_s, end_s, seed)


class _Recorded:
    """The same for recorded moments."""

    def __init__(self, trace: Trace) -> None:
        self.profile, self.length_s = trace.as_profile(), whole_days_s(trace)
        self.moments_s = list(trace.arrivals(0, self.length_s))
        self.total = float(len(self.moments_s))

    def moment_s(self, calls: float) -> float:
        times, at = divmod(int(calls), len(self.moments_s))
        return times * self.length_s + self.moments_s[at]

    def window(self, begin_s: float, count_from_s: float, end_s: float, seed: int) -> Window:
        moments_s = []
        first = int(begin_s // self.length_s)
        for times in range(first, int(end_s // self.length_s) + 1):
            shift_s = times * self.length_s
            low = bisect.bisect_left(self.moments_s, begin_s - shift_s)
            high = bisect.bisect_left(self.moments_s, end_s - shift_s)
            moments_s += [each + shift_s for each in self.moments_s[low:high]]
        return Window(Moments(moments_s), self.profile, begin_s, count_from_s, end_s, seed)


@lru_cache(maxsize=1)
def _recorded(trace: Trace) -> _Recorded:
    return _Recorded(trace)
