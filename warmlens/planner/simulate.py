"""Simulation of a scenario, with the compiled or the interpreted kernel."""

import bisect
import importlib.util
import itertools
import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from warmlens.errors import WarmlensError
from warmlens.planner import kernel
from warmlens.planner import state as layout
from warmlens.planner.arrivals import ArrivalProcess
from warmlens.planner.instances import LONG_AGO_S
from warmlens.planner.kernel import Kernel
from warmlens.planner.outcome import HOURLY, Outcome
from warmlens.planner.rng import LIFETIMES, SERVICE, WAKE_SERVICE, Floats, Ints, seed_states
from warmlens.planner.scenario import (
    HOUR_S,
    REQUESTS_PER_S_PER_ENVIRONMENT,
    SAMPLE_S,
    PerEnvironmentLimit,
    Scenario,
    WakeAhead,
    WarmingPolicy,
    by_hour,
    in_order,
    provisioned_s,
)
from warmlens.planner.state import State
from warmlens.planner.stationary import Instance, idle_instances
from warmlens.planner.traffic import Profile, Traffic
from warmlens.planner.wakes import with_wakes
from warmlens.planner.windows import Window


class Backend(StrEnum):
    """Execution of the kernel, compiled by Numba or interpreted. Both give the same figures."""

    AUTO = "auto"
    NUMBA = "numba"
    PYTHON = "python"


def resolve_backend(backend: Backend = Backend.AUTO) -> Backend:
    """Return the backend that runs: for `auto`, Numba where it is installed.

    Raises:
        WarmlensError: Numba is asked for and not installed.
    """
    installed = importlib.util.find_spec("numba") is not None
    if backend is Backend.NUMBA and not installed:
        raise WarmlensError(
            "no_numba",
            "Numba is not installed: pip install numba, or give --backend python, which is slower",
        )
    if backend is Backend.AUTO:
        return Backend.NUMBA if installed else Backend.PYTHON
    return backend


def simulate(
    scenario: Scenario,
    traffic: Traffic,
    *,
    horizon_s: float,
    seed: int,
    backend: Backend = Backend.AUTO,
) -> Outcome:
    """Simulate a scenario and its traffic.

    Args:
        scenario: the function and how it is run.
        traffic: users' calls.
        horizon_s: simulated time.
        seed: seed of arrivals, service times and lifetimes of instances.
        backend: how the kernel runs.

    Raises:
        WarmlensError: an arrival of a trace is out of order, the horizon is not above zero, or
            Numba is asked for and not installed.
    """
    if not 0 < horizon_s < math.inf:
        raise WarmlensError("bad_horizon", f"simulated time of {horizon_s:g} s: give more than 0")
    run = _kernel(resolve_backend(backend))
    state = _state(run, scenario, horizon_s, seed)
    calls = _chunks(run, traffic, seed, horizon_s)
    for moments, kinds, count in _events(run, calls, scenario.wake_ahead, seed):
        run.serve(state, moments, kinds, count)
    run.finish(state)
    return _outcome(run, state, scenario, horizon_s)


def simulate_window(
    scenario: Scenario, window: Window, *, backend: Backend = Backend.AUTO
) -> Outcome:
    """Simulate a window of traffic. Its outcome is of the time in which calls count.

    Args:
        scenario: the function and how it is run.
        window: the window.
        backend: how the kernel runs.

    Raises:
        WarmlensError: Numba is asked for and not installed.
    """
    run, seed = _kernel(resolve_backend(backend)), window.seed
    state = _state(run, scenario, window.end_s, seed, skips=True)
    found = idle_instances(scenario, window.profile, window.begin_s, seed)
    _begin_at(state, window.begin_s, found)
    moments, kinds = run.zeros(0), run.counters(0)
    calls = _chunks(run, window.traffic, seed, window.end_s, window.begin_s)
    for further, their_kinds, count in _events(run, calls, scenario.wake_ahead, seed):
        moments = run.joined(moments, further[:count])
        kinds = run.joined(kinds, their_kinds[:count])
    # Wakes before the begin stand for those of calls after the end, as many on average.
    for at in range(bisect.bisect_left(moments, window.begin_s)):
        early_s = (window.begin_s - moments[at]) % (window.end_s - window.begin_s)
        moments[at] = max(window.begin_s, window.end_s - early_s)
    moments, kinds = run.in_order(moments, kinds)
    first = bisect.bisect_left(moments, window.count_from_s)
    run.serve(state, moments[:first], kinds[:first], first)
    state = _without_counts(run, state)
    run.serve(state, moments[first:], kinds[first:], len(moments) - first)
    run.finish(state)
    return _outcome(run, state, scenario, window.end_s - window.count_from_s)


def _begin_at(state: State, now_s: float, found: Sequence[Instance]) -> None:
    """Let a simulation begin at a moment, with idle instances, used last first."""
    for each in reversed(found[: state.n[layout.N_UNUSED]]):
        state.n[layout.N_UNUSED] -= 1
        slot = state.unused[state.n[layout.N_UNUSED]]
        state.n[layout.N_STARTED] += 1
        state.numbers[slot] = state.n[layout.N_STARTED]
        state.born[slot], state.idle_since[slot] = now_s - each.age_s, now_s - each.idle_s
        state.expiry[slot], state.lifetime[slot] = each.expiry_s, each.lifetime_s
        state.idle[state.n[layout.N_IDLE]] = slot
        state.n[layout.N_IDLE] += 1
    state.n[layout.N_SAMPLES] = math.ceil(state.horizon_s / SAMPLE_S)  # none: nobody reads them
    state.w[layout.W_RUNS] = math.ceil(now_s / state.period_s)


def _without_counts(run: Kernel, state: State) -> State:
    hourly: dict[str, Any] = {name: run.counters(len(state.hour_cold)) for name in HOURLY}
    return state._replace(
        counts=run.counters(len(state.counts)),
        sums=run.zeros(len(state.sums)),
        latencies=run.histogram(),
        busy_seen=run.counters(len(state.busy_seen)),
        **hourly,
    )


def _kernel(backend: Backend) -> Kernel:
    if backend is Backend.PYTHON:
        return kernel.INTERPRETED
    from warmlens.planner import numba_kernel

    return numba_kernel.KERNEL


def _chunks(
    run: Kernel, traffic: Traffic, seed: int, horizon_s: float, begin_s: float = 0.0
) -> Iterator[tuple[Floats, int]]:
    if not isinstance(traffic, Profile):
        moments = in_order(traffic.arrivals(seed, horizon_s), horizon_s)
        while taken := list(itertools.islice(moments, run.chunk)):
            yield run.floats(taken), len(taken)
        return
    drawn = traffic.process(seed, horizon_s, begin_s)
    process = ArrivalProcess(
        run.floats(drawn.rates_per_s),
        *drawn[1:6],
        run.states(drawn.states),
        run.floats(drawn.times),
        run.ints(drawn.counts),
    )
    chunk = run.zeros(run.chunk)
    while count := run.draw_arrivals(chunk, process):
        yield chunk, count


def _events(
    run: Kernel, calls: Iterator[tuple[Floats, int]], wake_ahead: WakeAhead | None, seed: int
) -> Iterator[tuple[Floats, Ints, int]]:
    if wake_ahead:
        yield from with_wakes(run, calls, wake_ahead, seed)
        return
    only_calls = run.counters(run.chunk)
    for chunk, count in calls:
        yield chunk, only_calls, count


def _state(
    run: Kernel, scenario: Scenario, horizon_s: float, seed: int, *, skips: bool = False
) -> State:
    # No more instances than calls at once ever exist: one is started when none is idle. Provisioned
    # ones have the last slots.
    provisioned = max(scenario.provisioned_by_hour)
    room = scenario.concurrency + provisioned
    lifetimes, policy = scenario.lifetimes, scenario.warming or WarmingPolicy(by_hour=by_hour(0))
    wake_ahead = scenario.wake_ahead or WakeAhead()
    limited = scenario.when_full != "wait"
    each_limited = limited and scenario.per_environment_limit is PerEnvironmentLimit.ENVIRONMENT
    remembered = room * REQUESTS_PER_S_PER_ENVIRONMENT if each_limited else 1
    times = [0.0] * layout.N_TIMES
    times[layout.T_HOLDS_UNTIL] = -1.0
    times[layout.T_TOKENS] = float(REQUESTS_PER_S_PER_ENVIRONMENT * scenario.concurrency)
    times[layout.T_PROVISIONED_TOKENS] = float(REQUESTS_PER_S_PER_ENVIRONMENT * provisioned)
    hours = math.ceil(horizon_s / HOUR_S)
    hourly: dict[str, Any] = {name: run.counters(hours) for name in HOURLY}
    # Numba compiles the kernel once for each combination of types, so floats are floats.
    return State(
        horizon_s=float(horizon_s),
        idle_range_s=(float(lifetimes.shortest_idle_s), float(lifetimes.longest_idle_s)),
        lifetime_range_s=(
            float(lifetimes.shortest_lifetime_s),
            float(lifetimes.longest_lifetime_s),
        ),
        concurrency=scenario.concurrency,
        scaling=scenario.scaling_per_10_s,
        waits=scenario.when_full == "wait",
        limited=limited,
        each_limited=each_limited,
        warming=scenario.warming is not None,
        skips=skips,
        period_s=float(policy.period_s),
        hold_s=-1.0 if policy.hold_s is None else float(policy.hold_s),
        wake_hold_s=float(wake_ahead.hold_s),
        platform=scenario.platform.code,
        init=scenario.init.code,
        service=scenario.service.code,
        wake_service=wake_ahead.service.code,
        platform_values=run.floats(scenario.platform.values_s),
        platform_quantiles=run.floats(scenario.platform.quantiles),
        init_values=run.floats(scenario.init.values_s),
        init_quantiles=run.floats(scenario.init.quantiles),
        service_values=run.floats(scenario.service.values_s),
        service_quantiles=run.floats(scenario.service.quantiles),
        wake_values=run.floats(wake_ahead.service.values_s),
        wake_quantiles=run.floats(wake_ahead.service.quantiles),
        provisioned=run.ints(scenario.provisioned_by_hour),
        warm=run.ints(policy.by_hour),
        ends=run.zeros(room + 1),
        busy=run.counters(room + 1),
        idle=run.counters(scenario.concurrency),
        unused=run.ints(range(scenario.concurrency)),
        free=run.ints(range(scenario.concurrency, room)),
        numbers=run.ints((*(0,) * scenario.concurrency, *range(-1, -1 - provisioned, -1))),
        born=run.zeros(room),
        idle_since=run.zeros(room),
        expiry=run.zeros(room),
        lifetime=run.zeros(room),
        resting=run.counters(room),
        recent=run.floats([LONG_AGO_S] * remembered),
        recent_at=run.counters(room),
        seen_in=run.counters(room),
        started=run.zeros(scenario.scaling_per_10_s),
        n=run.ints((0, 0, scenario.concurrency, 0, provisioned, 0, 0, 0)),
        w=run.counters(layout.N_WARMER),
        t=run.floats(times),
        states=run.states(seed_states(seed, SERVICE, LIFETIMES, WAKE_SERVICE)),
        counts=run.counters(len(layout.COUNTS)),
        sums=run.zeros(len(layout.SUMS)),
        latencies=run.histogram(),
        busy_seen=run.counters(scenario.concurrency + 1),
        **hourly,
    )


def _outcome(run: Kernel, state: State, scenario: Scenario, horizon_s: float) -> Outcome:
    outcome = Outcome(
        horizon_s=horizon_s,
        provisioned_instance_s=provisioned_s(scenario, horizon_s),
        latencies=run.bins_of(state.latencies),
        busy_seen=run.counts_of(state.busy_seen),
    )
    for name in HOURLY:
        setattr(outcome, name, run.counts_of(getattr(state, name)))
    for name, count in zip(layout.COUNTS, state.counts, strict=True):
        setattr(outcome, name, int(count))
    for name, total in zip(layout.SUMS, state.sums, strict=True):
        setattr(outcome, name, float(total))
    return outcome
