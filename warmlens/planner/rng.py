"""A seeded random number generator, SplitMix64 (Steele, Lea and Flood, 2014).

It is a counter and a mix of its bits. Masks keep Python's integers to 64 bits, so that draws are
the same interpreted and compiled.
"""

import math

from warmlens.planner.distribution import CONSTANT, EXPONENTIAL

Floats = list[float]
Ints = list[int]
States = list[int]

MASK = 2**64 - 1
STEP = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
UNIT = 2.0**-53

ARRIVALS, BURSTS, SERVICE, LIFETIMES, WAKES, WAKE_SERVICE = range(6)
"""The streams of one seed: draws from one of them do not change those from another."""
STREAMS_OF_A_SEED = 4


def mix64(state: int) -> int:
    """Return 64 random-looking bits for a counter."""
    bits = ((state ^ (state >> 30)) * MIX_1) & MASK
    bits = ((bits ^ (bits >> 27)) * MIX_2) & MASK
    return bits ^ (bits >> 31)


def seed_states(seed: int, *streams: int) -> States:
    """Return the first states of streams of a seed; those beyond the fourth are mixed twice."""
    states = []
    for stream in streams:
        row, column = divmod(stream, STREAMS_OF_A_SEED)
        state = mix64((seed * STREAMS_OF_A_SEED + column + 1) * STEP & MASK)
        states.append(mix64(state) if row else state)
    return states


def uniform(states: States, which: int) -> float:
    """Draw from 0 to 1, 1 excluded, and advance that one of the states."""
    state = (states[which] + STEP) & MASK
    states[which] = state
    return float(mix64(state) >> 11) * UNIT


def draw(kind: int, values: Floats, quantiles: Floats, states: States, which: int) -> float:
    """Draw a time from a distribution.

    Args:
        kind: `Distribution.code`.
        values: `Distribution.values_s`.
        quantiles: `Distribution.quantiles`.
        states: of streams.
        which: the stream to draw from; a constant draws nothing.
    """
    if kind == CONSTANT:
        return values[0]
    share = uniform(states, which)
    if kind == EXPONENTIAL:
        return -math.log(1.0 - share) * values[0]
    at = 0
    while share > quantiles[at + 1]:
        at += 1
    low, high = quantiles[at], quantiles[at + 1]
    a, b = values[at], values[at + 1]
    return a + (b - a) * ((share - low) / (high - low))
