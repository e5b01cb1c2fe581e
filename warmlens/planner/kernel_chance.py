"""Draws of `chance.py`, compiled: the same numbers for the same stream."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from warmlens.paths import STATE
from warmlens.planner import distribution, rng

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.uint64]
Function = TypeVar("Function", bound=Callable[..., Any])

_STEP, _MIX_1, _MIX_2 = (np.uint64(each) for each in (rng.STEP, rng.MIX_1, rng.MIX_2))
_11, _27, _30, _31 = (np.uint64(each) for each in (11, 27, 30, 31))
_UNIT = rng.UNIT
_CONSTANT, _EXPONENTIAL = distribution.CONSTANT, distribution.EXPONENTIAL


def _sources_digest() -> str:
    """Numba's cache knows a function by its own file only; this knows all that it is made of."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


vars(numba.config)["CACHE_DIR"] = str(STATE / "numba" / _sources_digest())


def compiled(function: Function) -> Function:
    """Compile, keep the types, and keep the machine code for the next start.

    Nothing here makes an array, so that Numba need not count who refers to them (`_nrt`): counting
    made the kernel seven times slower. Inlining all calls (`inline="always"`) would make it half as
    fast again, and compiling take 40 s instead of 5.
    """
    njit: Any = numba.njit  # its types do not have the private option
    return cast(Function, njit(cache=True, _nrt=False)(function))


@compiled
def unit(states: States, which: int) -> float:
    """As `Random`: the next draw of one of some streams."""
    state = states[which] + _STEP
    states[which] = state
    bits = (state ^ (state >> _30)) * _MIX_1
    bits = (bits ^ (bits >> _27)) * _MIX_2
    bits = bits ^ (bits >> _31)
    return float(np.float64(bits >> _11) * _UNIT)


@compiled
def draw(kind: int, values: Floats, quantiles: Floats, states: States, which: int) -> float:
    """As `Distribution.draw`, from one of some streams."""
    if kind == _CONSTANT:
        return float(values[0])
    share = unit(states, which)
    if kind == _EXPONENTIAL:
        return float(-math.log(1.0 - share) * values[0])
    at = 0
    while share > quantiles[at + 1]:
        at += 1
    low, high = quantiles[at], quantiles[at + 1]
    a, b = values[at], values[at + 1]
    return float(a + (b - a) * ((share - low) / (high - low)))


def states_of(seed: int, *streams: int) -> States:
    """Return where streams of a seed begin, for `unit`."""
    return np.array([rng.seed_state(seed, stream) for stream in streams], dtype=np.uint64)
