"""95 % intervals of medians, means, their ratios, and shares.

Samples come in blocks: calls that were made together, such as those of one repetition, share their
disturbances. So a bootstrap draws whole blocks (A. C. Davison, D. V. Hinkley, *Bootstrap Methods
and their Application*, 1997, section 3.8). Samples taken apart are blocks of one value.
"""

import functools
import math
import random
from collections.abc import Callable, Sequence

import numpy as np

from warmlens.registry import shares

Blocks = Sequence[Sequence[float]]
Interval = tuple[float, float]

LEAST_BLOCKS = 5
"""Fewer blocks give no interval: a bootstrap of so few is far too narrow."""

_RESAMPLES = 2000


def median_interval(blocks: Blocks) -> Interval | None:
    """Return the interval of the median of all values; None for fewer than five blocks."""
    return _interval(_medians, blocks)


def mean_interval(blocks: Blocks) -> Interval | None:
    """Return the interval of the mean of all values; None for fewer than five blocks."""
    return _interval(_means, blocks)


def ratio_interval(blocks: Blocks, base: Blocks, *, of_means: bool) -> Interval | None:
    """Return the interval of a ratio of medians, or of means, of samples taken in turns.

    Each resample draws the same turns of both, so that what disturbed a turn cancels out.

    Args:
        blocks: the values of each turn.
        base: those of what they are compared with, in the same turns; in another number of turns,
            both are drawn independently of each other.
        of_means: of means instead of medians.

    Returns:
        None if either has fewer than five blocks.
    """
    if min(len(blocks), len(base)) < LEAST_BLOCKS:
        return None
    compute = _means if of_means else _medians
    of_base = _draws(len(base), 1 if len(base) == len(blocks) else 2)
    return _cut(compute(blocks, _draws(len(blocks), 1)) / compute(base, of_base))


def mean_product_ratio_interval(
    columns: Sequence[Blocks], base: Sequence[Blocks]
) -> Interval | None:
    """Return the interval of a ratio of products of means, such as of mean time and mean cost.

    Args:
        columns: values of the same calls, such as their times and costs, in the same blocks.
        base: those of the calls that they are compared with, drawn as in :func:`ratio_interval`.
    """
    if min(len(columns[0]), len(base[0])) < LEAST_BLOCKS:
        return None
    of_base = 1 if len(columns[0]) == len(base[0]) else 2
    return _cut(_products(columns, 1) / _products(base, of_base))


def share_interval(count: float, of: int) -> Interval:
    """Return the interval of a share, by Wilson's score, for independent cases.

    Args:
        count: cases that have the property.
        of: all cases, at least one.
    """
    return shares.interval(count / of, of)


Weights = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Values = np.ndarray[tuple[int], np.dtype[np.float64]]


def _interval(of_resamples: Callable[[Blocks, Weights], Values], blocks: Blocks) -> Interval | None:
    if len(blocks) < LEAST_BLOCKS:
        return None
    return _cut(of_resamples(blocks, _draws(len(blocks), 1)))


@functools.lru_cache(maxsize=8)
def _draws(count: int, seed: int) -> Weights:
    """Return the number of times that each resample has each block."""
    rng = random.Random(seed)  # whose numbers stay the same in other versions
    drawn = (rng.choices(range(count), k=count) for _ in range(_RESAMPLES))
    return np.array([np.bincount(each, minlength=count) for each in drawn])


def _means(blocks: Blocks, draws: Weights) -> Values:
    sums = np.array([math.fsum(block) for block in blocks])
    counts = np.array([len(block) for block in blocks])
    means: Values = (draws @ sums) / (draws @ counts)
    return means


def _products(columns: Sequence[Blocks], seed: int) -> Values:
    draws = _draws(len(columns[0]), seed)
    products = np.ones(len(draws))
    for blocks in columns:
        products *= _means(blocks, draws)
    return products


def _medians(blocks: Blocks, draws: Weights) -> Values:
    values = np.array([value for block in blocks for value in block])
    block_of = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    order = np.argsort(values, kind="stable")
    values, block_of = values[order], block_of[order]
    medians = np.empty(len(draws))
    for number, draw in enumerate(draws):
        up_to = np.cumsum(draw[block_of])  # values of the resample up to each one
        low, high = (up_to[-1] + 1) // 2, up_to[-1] // 2 + 1
        medians[number] = (
            values[np.searchsorted(up_to, low)] + values[np.searchsorted(up_to, high)]
        ) / 2
    return medians


def _cut(resampled: Values) -> Interval:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)
