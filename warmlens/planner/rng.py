"""A seeded random number generator.

The generator is SplitMix64 (Steele, Lea and Flood, 2014): a counter and a mix of its bits, so that
the compiled kernel computes the very same numbers.
"""

MASK = 2**64 - 1
STEP = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
UNIT = 2.0**-53

ARRIVALS, BURSTS, SERVICE, LIVES = range(4)
"""The streams of one seed: what one of them draws does not change what another one draws."""


def mix64(state: int) -> int:
    """Return 64 bits that look like chance, for a counter."""
    bits = ((state ^ (state >> 30)) * MIX_1) & MASK
    bits = ((bits ^ (bits >> 27)) * MIX_2) & MASK
    return bits ^ (bits >> 31)


def seed_state(seed: int, stream: int) -> int:
    """Return where a stream of a seed begins."""
    return mix64((seed * 4 + stream + 1) * STEP & MASK)


class Random:
    """Draws from 0 to 1, 1 excluded.

    Args:
        seed: the same one gives the same draws.
        stream: which of the seed's streams.
    """

    def __init__(self, seed: int, stream: int) -> None:
        self._state = seed_state(seed, stream)

    def __call__(self) -> float:
        """Return the next draw."""
        self._state = (self._state + STEP) & MASK
        return (mix64(self._state) >> 11) * UNIT
