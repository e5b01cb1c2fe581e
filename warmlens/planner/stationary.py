"""Instances as they may be found at a moment of the traffic, to begin a window with.

Calls that find an idle instance are M/G/infinity: the number in progress is Poisson. The instance
that is used last is taken first, so the k-th is used when k calls are in progress, and it is there
if that happened within its idle expiry. Its age is any of its lifetime.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from warmlens.planner.kernel import self_set_hold_s
from warmlens.planner.rng import LIFETIMES, States, mix64, seed_states, uniform
from warmlens.planner.scenario import (
    DAY_H,
    HOUR_S,
    REQUESTS_PER_S_PER_ENVIRONMENT,
    PerEnvironmentLimit,
    Scenario,
)
from warmlens.planner.traffic import DAY_S, Profile

_RARE, _CHAIN = 20, 6
"""Uses of an instance that is rarely used: from the first on, those that expire late remain."""


@dataclass(frozen=True)
class Instance:
    """An idle instance: times in seconds before now, and how long it stays."""

    idle_s: float
    age_s: float
    expiry_s: float
    lifetime_s: float


def idle_instances(scenario: Scenario, profile: Profile, now_s: float, seed: int) -> list[Instance]:
    """Draw the idle instances of a moment at which no call is in progress, used last first."""
    states, lifetimes = seed_states(mix64(seed), LIFETIMES), scenario.lifetimes
    longest_s = min(lifetimes.longest_idle_s, DAY_S)
    hour = int(now_s // HOUR_S) % DAY_H
    provisioned = scenario.provisioned_by_hour[hour]
    pinged, since_ping_s = _pinged(scenario, now_s)
    uses = _Uses(scenario, profile, now_s, pinged)
    used_s: list[float] = []  # seconds since the last use of each level
    idle_s = 0.0
    for level in range(provisioned + 1, scenario.concurrency + 1):
        idle_s = uses.back(level, idle_s, longest_s, states)
        if level <= pinged:
            idle_s = min(idle_s, since_ping_s)
        if idle_s >= longest_s:
            break
        used_s.append(idle_s)
    # An instance that reaches its lifetime is replaced when all that are left are in use.
    deaths_per_s = len(used_s) * 2 / (lifetimes.shortest_lifetime_s + lifetimes.longest_lifetime_s)
    found: list[Instance] = []
    deaths, next_death_s = 0, _exponential(states) / (deaths_per_s or 1.0)
    for number, idle_s in enumerate(used_s, 1):
        while next_death_s < idle_s:
            deaths += 1
            next_death_s += _exponential(states) / deaths_per_s
        if number - deaths <= len(found):
            continue
        expiry_s = _expiry_s(scenario, states)
        per_s = uses.now(number + provisioned)
        if number > pinged and per_s * longest_s < _RARE:
            for _ in range(_CHAIN):
                if _exponential(states) / per_s >= expiry_s:
                    expiry_s = _expiry_s(scenario, states)
        if idle_s < expiry_s:
            lifetime_s = _lifetime_s(scenario, states)
            age_s = max(lifetime_s * uniform(states, 0), idle_s)
            found.append(Instance(idle_s, age_s, expiry_s, lifetime_s))
    return found


def _pinged(scenario: Scenario, now_s: float) -> tuple[int, float]:
    policy = scenario.warming
    if policy is None:
        return 0, 0.0
    since_s = now_s % policy.period_s
    at_s = now_s - since_s
    return max(
        policy.by_hour[int(moment_s // HOUR_S) % DAY_H]
        for moment_s in (at_s, at_s + policy.period_s)
    ), since_s


def _exponential(states: States) -> float:
    return -math.log(1.0 - uniform(states, 0))


def _expiry_s(scenario: Scenario, states: States) -> float:
    low, high = scenario.lifetimes.shortest_idle_s, scenario.lifetimes.longest_idle_s
    return low + (high - low) * uniform(states, 0)


def _lifetime_s(scenario: Scenario, states: States) -> float:
    """Draw a lifetime of those that are in progress at a moment: long ones more often."""
    low, high = scenario.lifetimes.shortest_lifetime_s, scenario.lifetimes.longest_lifetime_s
    while True:
        drawn = low + (high - low) * uniform(states, 0)
        if uniform(states, 0) * high <= drawn:
            return drawn


class _Uses:
    """Rates at which an instance is used, one for each number of calls in progress."""

    def __init__(self, scenario: Scenario, profile: Profile, now_s: float, pinged: int) -> None:
        self._pinged, policy = pinged, scenario.warming
        self._rounds_per_s, self._hold_s = 0.0, 0.0
        if policy is not None:
            self._rounds_per_s = 1 / policy.period_s
            self._hold_s = self_set_hold_s(pinged) if policy.hold_s is None else policy.hold_s
        self._service_s = scenario.service.mean_s
        self._limited = scenario.per_environment_limit is PerEnvironmentLimit.ENVIRONMENT
        self._wakes, self._wake_s = 0, 0.0  # of each call
        if scenario.wake_ahead:
            self._wakes = scenario.wake_ahead.from_page + scenario.wake_ahead.from_upload
            self._wake_s = scenario.wake_ahead.service.mean_s
        self._profile, self._now_s = profile, now_s
        bursts = profile.bursts
        self._bursts_per_s = bursts.per_hour / HOUR_S if bursts else 0.0
        self._at_once = 0.0
        if bursts:
            self._at_once = bursts.size * min(1.0, self._service_s / (bursts.within_s or 1e-9))

    def now(self, level: int) -> float:
        """Return the rate now."""
        (rate, _) = next(self._segments(0.0))
        return self._per_s(level, rate)

    def back(self, level: int, idle_s: float, longest_s: float, states: States) -> float:
        """Draw the time since the last use of a level; that of the one below it is given."""
        (rate, _) = next(self._segments(idle_s))
        below = self._per_s(level - 1, rate)
        if below > 0 and uniform(states, 0) < self._per_s(level, rate) / below:
            return idle_s
        left = _exponential(states)
        for rate, until_s in self._segments(idle_s):
            per_s = self._per_s(level, rate)
            if per_s * (until_s - idle_s) >= left:
                return idle_s + left / per_s
            left -= per_s * (until_s - idle_s)
            idle_s = until_s
            if idle_s >= longest_s:
                break
        return longest_s

    def _segments(self, from_s: float) -> Iterator[tuple[float, float]]:
        """Yield rates, backwards from a time ago, and how long ago each begins."""
        segment_s, rates = self._profile.segment_s, self._profile.rates_per_s
        at = math.ceil((self._now_s - from_s) / segment_s) - 1
        while True:
            yield rates[at % len(rates)], self._now_s - at * segment_s
            at -= 1

    def _per_s(self, level: int, rate: float) -> float:
        per_s = self._by_users(level, rate)
        if level > self._pinged > 0:  # users who come while a round holds instances
            above = self._by_users(level - self._pinged, rate) * (self._hold_s + self._service_s)
            per_s += self._rounds_per_s * min(1.0, above)
        return per_s

    def _by_users(self, level: int, rate: float) -> float:
        load = rate * (self._service_s + self._wakes * self._wake_s)
        bursts = self._bursts_per_s if level <= load + self._at_once else 0.0
        uses = _upcrossings(rate * (1 + self._wakes), load, level)
        if (
            self._limited and rate > REQUESTS_PER_S_PER_ENVIRONMENT
        ):  # an instance is taken for a tenth of a second
            uses = max(
                uses, _upcrossings(rate, max(load, rate / REQUESTS_PER_S_PER_ENVIRONMENT), level)
            )
        return uses + bursts


def _upcrossings(rate: float, load: float, level: int) -> float:
    """Return how often a second the number of M/G/infinity reaches a level."""
    if level <= load:
        return rate
    if load == 0:
        return rate if level == 1 else 0.0
    chance = math.exp((level - 1) * math.log(load) - load - math.lgamma(level))
    # A high level is reached in clumps: the next time is often at once.
    return rate * chance * (1 - load / level)
