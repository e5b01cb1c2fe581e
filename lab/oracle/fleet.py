"""A plain-Python fleet of instances: the oracle of the planner's kernel.

The rules are those of the instance pool (`warmlens/runtime/pool.py`), and a test compares
the two: one call at a time, the instance used last first, a new one only when none is
idle, an idle expiry of each instance's own, no call after its lifetime. Provisioned instances are
used before all others, as by Lambda. An instance that has served as many requests as a second
allows rests until the second is over, if that is how the limit acts.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.oracle.random import draw
from warmlens.planner.distribution import Distribution
from warmlens.planner.scenario import (
    DAY_H,
    HOUR_S,
    REQUESTS_PER_S_PER_ENVIRONMENT,
    SCALING_WINDOW_S,
    InstanceLifetimes,
    PerEnvironmentLimit,
    Scenario,
)


@dataclass(order=True)
class _Instance:
    number: int
    born_s: float = field(compare=False)
    idle_expiry_s: float = field(compare=False)
    lifetime_s: float = field(compare=False)
    idle_since_s: float = field(compare=False, default=0.0)
    requests_s: deque[float] = field(
        compare=False, default_factory=lambda: deque(maxlen=REQUESTS_PER_S_PER_ENVIRONMENT)
    )

    @property
    def provisioned(self) -> bool:
        return self.number < 0

    def rests_until_s(self) -> float:
        """Return the moment from which it may take a request."""
        whole = len(self.requests_s) == REQUESTS_PER_S_PER_ENVIRONMENT
        return self.requests_s[0] + 1.0 if whole else 0.0


class _Bucket:
    """Tokens for the requests of some instances: ten a second for each, for a second at most."""

    def __init__(self, instances: int) -> None:
        self._tokens = float(REQUESTS_PER_S_PER_ENVIRONMENT * instances)
        self._since_s = 0.0

    def take(self, now_s: float, instances: int) -> bool:
        rate = float(REQUESTS_PER_S_PER_ENVIRONMENT * instances)
        self._tokens = min(rate, self._tokens + (now_s - self._since_s) * rate)
        self._since_s = now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


@dataclass(frozen=True)
class Served:
    """The result of a call.

    Attributes:
        instance: number of its instance, below 0 for a provisioned one; None: it was throttled.
        init_s: its wait for a new instance; None: it did not wait.
        end_s: the moment of its answer.
        platform_s: the part of the wait that is Lambda's own.
    """

    instance: int | None
    init_s: float | None
    end_s: float
    platform_s: float = 0.0

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
        self._idle: list[_Instance] = []  # the one that became idle last is at the end
        self._busy: list[tuple[float, _Instance]] = []
        self._resting: list[tuple[float, _Instance]] = []
        limited = scenario.when_full == "refuse"
        self._each_rests = (
            limited and scenario.per_environment_limit is PerEnvironmentLimit.ENVIRONMENT
        )
        self._bucket = _Bucket(scenario.concurrency)
        most = max(scenario.provisioned_by_hour)
        self._provisioned_bucket = _Bucket(most)
        self._has_buckets = limited
        self._free_provisioned = [_Instance(-1 - each, 0.0, 0.0, 0.0) for each in range(most)]
        self._provisioned_taken = 0
        self._started_s: deque[float] = deque()
        self.count = 0

    def call(
        self, now_s: float, duration_s: Callable[[float], float], *, synchronous: bool = True
    ) -> Served:
        """Serve a call.

        Args:
            now_s: when it arrives.
            duration_s: returns its duration, given the moment at which its work begins.
            synchronous: whether it counts for the limit on requests.
        """
        self._let_end(now_s)
        begin_s, init_s, platform_s = now_s, None, 0.0
        refused = Served(None, None, now_s)
        metered = synchronous and self._has_buckets
        if metered and not self._bucket.take(now_s, self._scenario.concurrency):
            return refused
        if len(self._busy) >= self._scenario.concurrency:
            if self._scenario.when_full == "refuse":
                return refused
            begin_s = self._busy[0][0]
            self._end_one()
        instance = self._take_provisioned(begin_s) or self._take_idle(begin_s)
        if instance is None:
            if self._resting and not synchronous:
                # It runs on an instance that rests, and changes nothing for others.
                return Served(self._resting[0][1].number, None, now_s + duration_s(now_s))
            if not self._may_start(begin_s):
                return refused
            instance = self._new(begin_s)
            platform_s = draw(self._scenario.platform, self._random)
            init_s = platform_s + draw(self._init, self._random)
        if synchronous:
            instance.requests_s.append(begin_s)
        work_begins_s = begin_s if init_s is None else begin_s + init_s
        end_s = work_begins_s + duration_s(work_begins_s)
        heapq.heappush(self._busy, (end_s, instance))
        return Served(instance.number, init_s, end_s, platform_s)

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
        on_demand = len(self._busy) + len(self._resting) - self._provisioned_taken
        return idle + on_demand + max(self._provisioned_taken, self.provisioned(now_s))

    def _new(self, now_s: float) -> _Instance:
        self.count += 1
        lifetimes = self._lifetimes
        expiry_s = self._between(lifetimes.shortest_idle_s, lifetimes.longest_idle_s)
        lifetime_s = self._between(lifetimes.shortest_lifetime_s, lifetimes.longest_lifetime_s)
        return _Instance(self.count, now_s, expiry_s, lifetime_s)

    def _may_start(self, now_s: float) -> bool:
        alive = len(self._busy) + len(self._resting)
        if self._each_rests and alive >= self._scenario.concurrency:
            return False
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
        while True:
            next_ones = [each[0] for each in (self._busy, self._resting) if each]
            if not next_ones or min(next_ones)[0] > now_s:
                return
            if self._busy and self._busy[0] == min(next_ones):
                self._end_one()
            else:
                self._make_free(heapq.heappop(self._resting)[1])

    def _end_one(self) -> None:
        end_s, instance = heapq.heappop(self._busy)
        instance.idle_since_s = end_s
        if self._each_rests and instance.rests_until_s() > end_s:
            heapq.heappush(self._resting, (instance.rests_until_s(), instance))
        else:
            self._make_free(instance)

    def _make_free(self, instance: _Instance) -> None:
        if instance.provisioned:
            self._provisioned_taken -= 1
            self._free_provisioned.append(instance)
        else:
            self._idle.append(instance)

    def _take_provisioned(self, now_s: float) -> _Instance | None:
        count = self.provisioned(now_s)
        if self._provisioned_taken >= count:
            return None
        metered = self._has_buckets and not self._each_rests
        if metered and not self._provisioned_bucket.take(now_s, count):
            return None
        self._provisioned_taken += 1
        return self._free_provisioned.pop()

    def _take_idle(self, now_s: float) -> _Instance | None:
        while self._idle:
            instance = self._idle.pop(self._next_idle())
            if self._stays(instance, now_s):
                return instance
        return None

    def _next_idle(self) -> int:
        """Return the index of the idle instance that serves the next call: the last one."""
        return -1

    def _stays(self, instance: _Instance, now_s: float) -> bool:
        return (
            now_s - instance.idle_since_s < instance.idle_expiry_s
            and now_s - instance.born_s < instance.lifetime_s
        )
