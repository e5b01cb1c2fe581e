"""The state of a simulation, as arrays of numbers that Numba can compile."""

from typing import NamedTuple

from warmlens.planner.rng import Floats, Ints, States

COUNTS = (
    *("requests", "cold", "slowed", "throttled", "billed_ms", "provisioned_billed_ms"),
    *("pings", "pings_cold", "pings_throttled", "pings_billed_ms", "runs", "rounds"),
    *("instances", "peak_busy"),
    *("wakes", "page_wakes", "wakes_cold", "wakes_throttled", "wakes_billed_ms"),
)
"""The fields of Outcome that are in `State.counts`."""
REQUESTS, COLD, SLOWED, THROTTLED, BILLED, PROVISIONED_BILLED = range(6)
PINGS, PINGS_COLD, PINGS_THROTTLED, PINGS_BILLED, RUNS, ROUNDS = range(6, 12)
INSTANCES, PEAK = 12, 13
WAKES, PAGE_WAKES, WAKES_COLD, WAKES_THROTTLED, WAKES_BILLED = range(14, 19)
SUMS = ("busy_s", "init_s", "held_s", "pings_init_s", "runs_s", "latency_s", "wakes_s")
"""Those in `State.sums`."""
BUSY_S, INIT_S, HELD_S, PINGS_INIT_S, RUNS_S, LATENCY_S, WAKES_S = range(7)

N_BUSY, N_IDLE, N_UNUSED, N_PROVISIONED, N_FREE, N_RESTING, N_STARTED, N_SAMPLES = range(8)
W_RUNS, W_COUNT, W_ROUNDS, W_SENT, W_THROTTLED, W_REACHED, W_ROUND_ID = range(7)
N_WARMER = 7
T_BEGUN, T_ROUND, T_ENDS, T_HOLD, T_HOLDS_UNTIL, T_PLATFORM = range(6)
T_TOKENS, T_TOKENS_AT, T_PROVISIONED_TOKENS, T_PROVISIONED_TOKENS_AT = range(6, 10)
N_TIMES = 10

SERVICES, STARTS, WAKE_SERVICES = range(3)
"""The streams in `State.states`."""


class State(NamedTuple):
    """The scenario, and the state of its simulation at one moment.

    Attributes:
        horizon_s to wake_service: the scenario and its warming policy, as numbers.
        platform_values to wake_quantiles: its distributions.
        provisioned, warm: instances for each hour of the day.
        ends, busy: a heap of the calls in progress and of the instances that rest: the end of
            each, and its instance's slot.
        idle: slots of idle instances, the one that became idle last at the end; expired ones are
            removed late.
        unused: slots without an instance.
        free: slots of provisioned instances without a call; they follow those on demand.
        numbers: number of each slot's instance, in the order of their start; below 0: provisioned.
        born, idle_since, expiry, lifetime: times of each slot's instance, in seconds.
        resting: 1 for an instance that rests, since it served as many requests as a second allows.
        recent, recent_at: the latest requests of each instance, and the place of the oldest one.
        seen_in: the last round of the warmer that reached each slot.
        started: start times of the latest instances, as many as the scaling rate covers.
        n: numbers of calls in progress, of idle and other slots, `N_*`; a provisioned instance
            that rests is in both `N_RESTING` and `N_PROVISIONED`, those not free.
        w, t: counts and times of the warmer and of the limits on requests, `W_*` and `T_*`.
        states: random number streams of service times, of starts and lifetimes, and of wakes.
        counts to busy_seen: the fields of Outcome.
    """

    horizon_s: float
    idle_range_s: tuple[float, float]
    lifetime_range_s: tuple[float, float]
    concurrency: int
    scaling: int
    waits: bool
    limited: bool
    each_limited: bool
    warming: bool
    skips: bool
    period_s: float
    hold_s: float
    wake_hold_s: float
    platform: int
    init: int
    service: int
    wake_service: int
    platform_values: Floats
    platform_quantiles: Floats
    init_values: Floats
    init_quantiles: Floats
    service_values: Floats
    service_quantiles: Floats
    wake_values: Floats
    wake_quantiles: Floats
    provisioned: Ints
    warm: Ints
    ends: Floats
    busy: Ints
    idle: Ints
    unused: Ints
    free: Ints
    numbers: Ints
    born: Floats
    idle_since: Floats
    expiry: Floats
    lifetime: Floats
    resting: Ints
    recent: Floats
    recent_at: Ints
    seen_in: Ints
    started: Floats
    n: Ints
    w: Ints
    t: Floats
    states: States
    counts: Ints
    sums: Floats
    hour_requests: Ints
    hour_cold: Ints
    hour_throttled: Ints
    hour_busy: Ints
    hour_alive: Ints
    hour_samples: Ints
    latencies: Ints
    busy_seen: Ints
