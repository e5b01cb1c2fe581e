"""A discrete model of Lambda's instances: which one gets a call, and when each is gone.

The rules are those of the instance pool (`warmlens/local/instances/pool.py`), and a test holds the
model against it: one call at a time, the instance used last first, a new one only when none is
idle, an idle expiry of each instance's own, no call after the longest lifetime.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Times:
    """How long things take.

    Attributes:
        cold_start_s: from a call to the begin of its work, on a new instance.
        service_s: one user's request on a warm instance.
        ping_s: a wakeup that does not hold.
        shortest_idle_s, longest_idle_s: an instance's idle expiry is drawn evenly between them.
        shortest_lifetime_s, longest_lifetime_s: an instance takes no call after a time of its own.
    """

    cold_start_s: float = 1.5
    service_s: float = 0.1
    ping_s: float = 0.002
    shortest_idle_s: float = 300.0
    longest_idle_s: float = 1800.0
    shortest_lifetime_s: float = 5400.0
    longest_lifetime_s: float = 9000.0


@dataclass(order=True)
class _Instance:
    number: int
    born_s: float = field(compare=False)
    idle_expiry_s: float = field(compare=False)
    lifetime_s: float = field(compare=False)
    provisioned: bool = field(compare=False, default=False)
    idle_since_s: float = field(compare=False, default=0.0)


@dataclass(frozen=True)
class Served:
    """What became of a call.

    Attributes:
        instance: number of its instance; None when it was refused.
        cold: it waited for a new instance.
        end_s: when its answer was there.
    """

    instance: int | None
    cold: bool
    end_s: float


class Instances:
    """The instances of one function. Calls must come in the order of time.

    Args:
        times: how long things take.
        concurrency: most calls at once.
        chance: draws the idle expiries.
        provisioned: instances that are always there.
    """

    def __init__(
        self,
        times: Times,
        *,
        concurrency: int,
        chance: Callable[[], float],
        provisioned: int = 0,
    ) -> None:
        self._times = times
        self._concurrency = concurrency
        self._chance = chance
        self._idle: list[_Instance] = []  # the one used last is at the end
        self._busy: list[tuple[float, _Instance]] = []
        self._count = 0
        for _ in range(provisioned):
            self._idle.append(self._new(0.0, provisioned=True))

    def call(self, now_s: float, duration_s: Callable[[float], float]) -> Served:
        """Serve a call.

        Args:
            now_s: when it arrives.
            duration_s: how long it keeps its instance, given when its work begins.
        """
        self._let_go(now_s)
        if len(self._busy) >= self._concurrency:
            return Served(None, False, now_s)
        cold = not self._idle
        instance = self._new(now_s) if cold else self._idle.pop()
        begin_s = now_s + (self._times.cold_start_s if cold else 0.0)
        end_s = begin_s + duration_s(begin_s)
        heapq.heappush(self._busy, (end_s, instance))
        return Served(instance.number, cold, end_s)

    def _new(self, now_s: float, *, provisioned: bool = False) -> _Instance:
        self._count += 1
        times = self._times
        expiry_s = self._between(times.shortest_idle_s, times.longest_idle_s)
        lifetime_s = self._between(times.shortest_lifetime_s, times.longest_lifetime_s)
        return _Instance(self._count, now_s, expiry_s, lifetime_s, provisioned)

    def _between(self, shortest_s: float, longest_s: float) -> float:
        return shortest_s + (longest_s - shortest_s) * self._chance()

    def _let_go(self, now_s: float) -> None:
        """Let calls end, and instances that are idle or in service for too long go."""
        while self._busy and self._busy[0][0] <= now_s:
            end_s, instance = heapq.heappop(self._busy)
            instance.idle_since_s = end_s
            self._idle.append(instance)
        self._idle = [each for each in self._idle if self._stays(each, now_s)]

    def _stays(self, instance: _Instance, now_s: float) -> bool:
        return instance.provisioned or (
            now_s - instance.idle_since_s < instance.idle_expiry_s
            and now_s - instance.born_s < instance.lifetime_s
        )


def seeded(seed: int) -> Callable[[], float]:
    """Return draws between 0 and 1 that repeat themselves."""
    return random.Random(seed).random
