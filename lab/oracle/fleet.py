"""A plain-Python fleet of instances: the oracle of the planner's kernel.

The rules are those of the instance pool (`warmlens/runtime/pool.py`), and a test compares
the two: one call at a time, the instance used last first, a new one only when none is
idle, an idle expiry of each instance's own, no call after its lifetime. Provisioned instances are
used before all others, as by Lambda.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.oracle.random import draw
from warmlens.planner.distribution import Distribution
from warmlens.planner.scenario import DAY_H, HOUR_S, SCALING_WINDOW_S, InstanceLifetimes, Scenario

PROVISIONED = -1


@dataclass(order=True)
class _Instance:
    number: int
    born_s: float = field(compare=False)
    idle_expiry_s: float = field(compare=False)
    lifetime_s: float = field(compare=False)
    idle_since_s: float = field(compare=False, default=0.0)


_ANY_PROVISIONED = _Instance(PROVISIONED, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Served:
    """The result of a call.

    Attributes:
        instance: number of its instance, `PROVISIONED` for any of those; None: it was throttled.
        init_s: its wait for a new instance; None: it did not wait.
        end_s: the moment of its answer.
    """

    instance: int | None
    init_s: float | None
    end_s: float

    @property
    def cold(self) -> bool:
        """True if the call waited for a new instance."""
        return self.init_s is not None


class SimulatedFleet:
    """The instances of a function; calls must come in the order of time.

    Args:
        scenario: the function and its limits.
        random: draws the idle expiry and lifetime of each instance.
    """

    def __init__(self, scenario: Scenario, random: Callable[[], float]) -> None:
        self._scenario = scenario
        self._lifetimes: InstanceLifetimes = scenario.lifetimes
        self._init: Distribution = scenario.init
        self._random = random
        self._idle: list[_Instance] = []  # the one used last is at the end
        self._busy: list[tuple[float, _Instance]] = []
        self._provisioned_busy = 0
        self._started_s: deque[float] = deque()
        self.count = 0

    def call(self, now_s: float, duration_s: Callable[[float], float]) -> Served:
        """Serve a call.

        Args:
            now_s: when it arrives.
            duration_s: returns its duration, given the moment at which its work begins.
        """
        self._let_end(now_s)
        begin_s, init_s = now_s, None
        if len(self._busy) >= self._scenario.concurrency:
            if self._scenario.when_full == "refuse":
                return Served(None, None, now_s)
            begin_s = self._busy[0][0]
            self._end_one()
        if self._provisioned_busy < self.provisioned(begin_s):
            instance = _ANY_PROVISIONED
            self._provisioned_busy += 1
        else:
            idle = self._take_idle(begin_s)
            if idle is None:
                if not self._may_start(begin_s):
                    return Served(None, None, now_s)
                idle = self._new(begin_s)
                init_s = draw(self._init, self._random)
                begin_s += init_s
            instance = idle
        end_s = begin_s + duration_s(begin_s)
        heapq.heappush(self._busy, (end_s, instance))
        return Served(instance.number, init_s, end_s)

    def provisioned(self, now_s: float) -> int:
        """Return the number of provisioned instances."""
        return self._scenario.provisioned_by_hour[int(now_s // HOUR_S) % DAY_H]

    def busy(self, now_s: float) -> int:
        """Return the number of calls in progress."""
        self._let_end(now_s)
        return len(self._busy)

    def alive(self, now_s: float) -> int:
        """Return the number of instances, provisioned ones included."""
        self._let_end(now_s)
        idle = sum(self._stays(instance, now_s) for instance in self._idle)
        on_demand = len(self._busy) - self._provisioned_busy
        return idle + on_demand + max(self._provisioned_busy, self.provisioned(now_s))

    def _new(self, now_s: float) -> _Instance:
        self.count += 1
        lifetimes = self._lifetimes
        expiry_s = self._between(lifetimes.shortest_idle_s, lifetimes.longest_idle_s)
        lifetime_s = self._between(lifetimes.shortest_lifetime_s, lifetimes.longest_lifetime_s)
        return _Instance(self.count, now_s, expiry_s, lifetime_s)

    def _may_start(self, now_s: float) -> bool:
        started = self._started_s
        while started and now_s - started[0] >= SCALING_WINDOW_S:
            started.popleft()
        if len(started) >= self._scenario.scaling_per_10_s:
            return False
        started.append(now_s)
        return True

    def _between(self, shortest_s: float, longest_s: float) -> float:
        return shortest_s + (longest_s - shortest_s) * self._random()

    def _let_end(self, now_s: float) -> None:
        while self._busy and self._busy[0][0] <= now_s:
            self._end_one()

    def _end_one(self) -> None:
        end_s, instance = heapq.heappop(self._busy)
        if instance.number == PROVISIONED:
            self._provisioned_busy -= 1
        else:
            instance.idle_since_s = end_s
            self._idle.append(instance)

    def _take_idle(self, now_s: float) -> _Instance | None:
        while self._idle:
            instance = self._idle.pop(self._next_idle())
            if self._stays(instance, now_s):
                return instance
        return None

    def _next_idle(self) -> int:
        """Return the index of the idle instance that serves the next call: the one used last."""
        return -1

    def _stays(self, instance: _Instance, now_s: float) -> bool:
        return (
            now_s - instance.idle_since_s < instance.idle_expiry_s
            and now_s - instance.born_s < instance.lifetime_s
        )
