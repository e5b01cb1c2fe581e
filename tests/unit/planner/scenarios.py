"""Hypothesis strategies for scenarios, traffic and warming policies."""

import dataclasses
from collections.abc import Iterator, Sequence

from hypothesis import strategies as st

from lab.oracle import reference
from lab.oracle.arrivals import arrivals
from warmlens.planner.distribution import Distribution, constant, exponential
from warmlens.planner.outcome import Outcome
from warmlens.planner.scenario import (
    InstanceLifetimes,
    PerEnvironmentLimit,
    Scenario,
    WakeAhead,
    WarmingPolicy,
    by_hour,
)
from warmlens.planner.simulate import Backend, simulate
from warmlens.planner.traffic import Bursts, Profile, Traffic

times_s = st.floats(0.001, 20.0)
BOUNDED = ("constant", "table")


@st.composite
def distributions(
    draw: st.DrawFn, kinds: Sequence[str] = (*BOUNDED, "exponential")
) -> Distribution:
    kind = draw(st.sampled_from(kinds))
    if kind == "constant":
        return constant(draw(times_s))
    if kind == "exponential":
        return exponential(draw(times_s))
    values_s = sorted(draw(st.lists(times_s, min_size=5, max_size=5)))
    return Distribution("table", tuple(values_s), (0.0, 0.5, 0.95, 0.99, 1.0))


@st.composite
def lives(draw: st.DrawFn) -> InstanceLifetimes:
    idle_s = sorted(draw(st.lists(st.floats(10, 4000), min_size=2, max_size=2)))
    lifetime_s = sorted(draw(st.lists(st.floats(10, 9000), min_size=2, max_size=2)))
    return InstanceLifetimes(
        shortest_idle_s=idle_s[0],
        longest_idle_s=idle_s[1],
        shortest_lifetime_s=lifetime_s[0],
        longest_lifetime_s=lifetime_s[1],
    )


@st.composite
def pings(draw: st.DrawFn) -> WarmingPolicy:
    return WarmingPolicy(
        by_hour=tuple(draw(st.lists(st.integers(0, 6), min_size=24, max_size=24))),
        period_s=draw(st.sampled_from([60.0, 300.0])),
        hold_s=draw(st.sampled_from([None, 0.0, 0.1, 3.0, 20.0])),
    )


@st.composite
def wakes_ahead(draw: st.DrawFn) -> WakeAhead:
    return WakeAhead(
        pause=draw(distributions(BOUNDED)),
        upload=draw(distributions(BOUNDED)),
        from_page=draw(st.booleans()),
        from_upload=draw(st.booleans()),
        service=draw(distributions()),
        hold_s=draw(st.sampled_from([0.0, 0.3, 2.0])),
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    concurrency = draw(st.integers(1, 12))
    warming = draw(st.sampled_from(["off", "ahead", "ping", "ahead+ping", "provisioned", "wait"]))
    provisioned = st.lists(st.integers(0, concurrency), min_size=24, max_size=24)
    return Scenario(
        platform=draw(distributions()),
        init=draw(distributions()),
        service=draw(st.one_of(distributions(), st.just(constant(0.001)))),
        lifetimes=draw(lives()),
        concurrency=concurrency,
        scaling_per_10_s=draw(st.sampled_from([1, 3, 1000])),
        when_full="wait" if warming == "wait" else "refuse",
        provisioned_by_hour=tuple(draw(provisioned))
        if warming in ("provisioned", "wait")
        else by_hour(0),
        warming=draw(pings()) if "ping" in warming else None,
        wake_ahead=draw(wakes_ahead()) if "ahead" in warming else None,
        per_environment_limit=draw(st.sampled_from(PerEnvironmentLimit)),
    )


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    rates = draw(st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.3]), min_size=1, max_size=30))
    bursts = None
    if draw(st.booleans()):
        bursts = Bursts(
            size=draw(st.one_of(st.integers(1, 8), st.just(40))),
            per_hour=draw(st.sampled_from([0.0, 1.0, 300.0])),
            within_s=draw(st.sampled_from([0.0, 0.1, 20.0])),
        )
    return Profile(
        rates_per_s=tuple(rates),
        segment_s=draw(st.sampled_from([60.0, 3600.0, 1234.5])),
        bursts=bursts,
    )


class Given:
    """Traffic of given moments."""

    description = "given"

    def __init__(self, *calls_s: float) -> None:
        self.calls_s = calls_s

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        return iter(self.calls_s)

    def expected(self, horizon_s: float) -> float:
        return len(self.calls_s)


def by_oracle(scenario: Scenario, traffic: Traffic, *, horizon_s: float, seed: int = 1) -> Outcome:
    if isinstance(traffic, Profile):
        moments = arrivals(traffic, seed, horizon_s)
    else:
        moments = traffic.arrivals(seed, horizon_s)
    return reference.simulate(scenario, moments, horizon_s=horizon_s, seed=seed)


def by_kernel(
    scenario: Scenario,
    traffic: Traffic,
    *,
    horizon_s: float,
    seed: int = 1,
    backend: Backend = Backend.NUMBA,
) -> Outcome:
    return simulate(scenario, traffic, horizon_s=horizon_s, seed=seed, backend=backend)


def fields_of(outcome: Outcome) -> dict[str, object]:
    return dataclasses.asdict(outcome)
