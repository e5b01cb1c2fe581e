"""The plain-Python warmer of the simulation: runs and rounds of calls."""

import math
from dataclasses import dataclass

from lab.oracle.fleet import SimulatedFleet
from warmlens.planner.outcome import Outcome, rounded_up_ms
from warmlens.planner.scenario import (
    BUDGET_S,
    DAY_H,
    HOLD_MARGIN_S,
    HOUR_S,
    LEAST_HOLD_S,
    LONGER_HOLD,
    MAX_ROUNDS,
    MOST_HOLD_S,
    SPACING_S,
    WAKEUP_S,
    WarmingPolicy,
)


@dataclass(frozen=True, kw_only=True)
class OtherPolicy(WarmingPolicy):
    """A warming policy whose rounds differ from those of `lambda_src/warmer`.

    The kernel does not know these attributes; the defaults are its constants.

    Attributes:
        spacing_s: time between the arrivals of a round's calls.
        shared_deadline: all of a round are held until `hold_s` after it was sent, not each for
            `hold_s`.
        rounds: the most rounds of a run; each further one holds three times as long.
        budget_s: no round begins that would not end within this time.
        wakeup_s: time of a call that does not hold.
    """

    spacing_s: float = SPACING_S
    shared_deadline: bool = True
    rounds: int = MAX_ROUNDS
    budget_s: float = BUDGET_S
    wakeup_s: float = WAKEUP_S


class Warmer:
    """Calls the fleet as `lambda_src/warmer` does, one call at a time in the order of time.

    Args:
        policy: the warming policy.
        horizon_s: the end, after which no run begins.
    """

    def __init__(self, policy: WarmingPolicy, horizon_s: float) -> None:
        self._policy = policy if isinstance(policy, OtherPolicy) else OtherPolicy(**vars(policy))
        self._horizon_s = horizon_s
        self._runs = 0
        self._count = 0  # calls of a round; 0 between runs
        self._begun_s = self._round_s = self._ends_s = 0.0
        self._hold_s = 0.0
        self._rounds = self._sent = self._throttled = 0
        self._reached: set[int] = set()
        self.holds_until_s = -1.0

    def next_s(self) -> float:
        """Return the moment of its next call or run; infinity after the last."""
        if self._count:
            return self._round_s + self._sent * self._policy.spacing_s
        scheduled_s = self._runs * self._policy.period_s
        if scheduled_s >= self._horizon_s:
            return math.inf
        return max(scheduled_s, self._ends_s)

    def act(self, fleet: SimulatedFleet, outcome: Outcome) -> None:
        """Begin the run or send the call that is due at `next_s`."""
        now_s = self.next_s()
        if self._count:
            self._ping(now_s, fleet, outcome)
            return
        self._runs += 1
        outcome.runs += 1
        self._begun_s = self._ends_s = now_s
        self._count = self._wanted(now_s)
        self._hold_s = self._first_hold_s()
        self._rounds = 0
        if self._count:
            self._begin_round(now_s, outcome)

    def _first_hold_s(self) -> float:
        if self._policy.hold_s is not None:
            return self._policy.hold_s
        if self._count <= 1:
            return 0.0
        last_arrives_s = (self._count - 1) * self._policy.spacing_s
        return sorted([LEAST_HOLD_S, last_arrives_s + HOLD_MARGIN_S, MOST_HOLD_S])[1]

    def _wanted(self, now_s: float) -> int:
        by_hour = self._policy.by_hour
        this = by_hour[int(now_s // HOUR_S) % DAY_H]
        following = by_hour[int((now_s + self._policy.period_s) // HOUR_S) % DAY_H]
        return max(this, following)

    def _begin_round(self, now_s: float, outcome: Outcome) -> None:
        self._rounds += 1
        outcome.rounds += 1
        self._round_s = now_s
        self._sent = self._throttled = 0
        self._reached = set()

    def _ping(self, now_s: float, fleet: SimulatedFleet, outcome: Outcome) -> None:
        held_s = 0.0

        def duration_s(begin_s: float) -> float:
            nonlocal held_s
            policy = self._policy
            if policy.shared_deadline:
                held_s = max(policy.wakeup_s, self._round_s + self._hold_s - begin_s)
            else:
                held_s = max(policy.wakeup_s, self._hold_s)
            return held_s

        served = fleet.call(now_s, duration_s)
        self._sent += 1
        outcome.pings += 1
        if served.instance is None:
            self._throttled += 1
            outcome.pings_throttled += 1
        else:
            self._reached.add(served.instance)
            self._ends_s = max(self._ends_s, served.end_s)
            self.holds_until_s = max(self.holds_until_s, served.end_s)
            outcome.held_s += held_s
            billed_s = held_s
            if served.init_s is not None:
                outcome.pings_cold += 1
                outcome.pings_init_s += served.init_s
                billed_s += served.init_s - served.platform_s
            outcome.pings_billed_ms += rounded_up_ms(billed_s)
        if self._sent == self._count:
            self._end_round(outcome)

    def _end_round(self, outcome: Outcome) -> None:
        longer_s = self._hold_s * LONGER_HOLD
        if (
            len(self._reached) >= self._count - self._throttled
            or self._rounds >= self._policy.rounds
            or self._ends_s + longer_s > self._begun_s + self._policy.budget_s
        ):
            outcome.runs_s += self._ends_s - self._begun_s
            self._count = 0
            return
        self._hold_s = longer_s
        self._begin_round(self._ends_s, outcome)
