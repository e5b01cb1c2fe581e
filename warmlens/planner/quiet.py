"""Runs of the warmer that find all instances warm, taken in one step.

Between users who come rarely, most runs do nothing but keep the same instances. A window of the
traffic skips them; a simulation of all of it does not, and tests compare the shares of both.
"""

import math

from warmlens.planner.instances import end_until, stays
from warmlens.planner.outcome import rounded_up_ms
from warmlens.planner.scenario import DAY_H, HOUR_S, SPACING_S, WAKEUP_S
from warmlens.planner.state import (
    HELD_S,
    N_BUSY,
    N_IDLE,
    N_RESTING,
    PINGS,
    PINGS_BILLED,
    ROUNDS,
    RUNS,
    RUNS_S,
    T_BEGUN,
    T_ENDS,
    T_HOLDS_UNTIL,
    T_ROUND,
    W_ROUND_ID,
    W_RUNS,
    State,
)


def skip_quiet_runs(s: State, first_s: float, count: int, hold_s: float, until_s: float) -> None:
    """Skip the runs from a moment on that end before another one, if all find warm instances.

    Args:
        s: the state, between two runs.
        first_s: time of the next run.
        count: instances that it wakes.
        hold_s: how long it holds them.
        until_s: time of the next event that is no run.
    """
    end_until(s, first_s)
    # A shorter hold would end before the last wakeup, which then finds the first one's instance.
    if count < 1 or hold_s < count * SPACING_S or s.n[N_IDLE] < count:
        return
    if s.n[N_BUSY] + s.n[N_RESTING] > 0:
        return
    last_s = min(until_s - hold_s, s.horizon_s)
    hours = int((first_s + s.period_s) // HOUR_S)
    while hours * HOUR_S < last_s and s.warm[hours % DAY_H] == count:
        hours += 1
    last_s = min(last_s, hours * HOUR_S - s.period_s)
    for at in range(s.n[N_IDLE] - count, s.n[N_IDLE]):
        slot = s.idle[at]
        if not stays(s, slot, first_s) or s.expiry[slot] <= s.period_s:
            return
        last_s = min(last_s, s.born[slot] + s.lifetime[slot] - hold_s)
    runs = math.floor((last_s - first_s) / s.period_s)
    if runs < 1:
        return
    s.w[W_RUNS] += runs
    s.w[W_ROUND_ID] += runs
    s.counts[RUNS] += runs
    s.counts[ROUNDS] += runs
    s.counts[PINGS] += runs * count
    s.sums[RUNS_S] += runs * hold_s
    for number in range(count):
        held_s = max(WAKEUP_S, hold_s - number * SPACING_S)
        s.sums[HELD_S] += runs * held_s
        s.counts[PINGS_BILLED] += runs * rounded_up_ms(held_s)
    begun_s = first_s + (runs - 1) * s.period_s
    s.t[T_BEGUN] = s.t[T_ROUND] = begun_s
    s.t[T_ENDS] = s.t[T_HOLDS_UNTIL] = begun_s + hold_s
    for at in range(s.n[N_IDLE] - count, s.n[N_IDLE]):
        s.idle_since[s.idle[at]] = begun_s + hold_s
