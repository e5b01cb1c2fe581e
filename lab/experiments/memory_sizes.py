"""Comparison of memory sizes: ratios of times and costs, the cheapest and the recommended one."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lab.experiments.measurements import (
    Measurement,
    blocks,
    ratio_of_means,
    total,
)
from lab.experiments.prices import PAPER, paper_usd, today_usd
from lab.intervals import Blocks, mean_product_ratio_interval
from warmlens.records import Record

TODAY, PAPERS = "today", "paper"
PRICES = (TODAY, PAPERS)
PAIRS = ((448, 768), (768, 1536), (1536, 3008))
"""Neighbours of Table 6, of which the paper compares the times."""

CHEAPEST, BALANCED = "cheapest_memory_mb", "balanced_memory_mb"
Groups = Mapping[tuple[str, int], Sequence[Measurement]]
"""By name and memory size, the measurements of warm calls."""


def usd_of(group: Sequence[Measurement], memory_mb: int, prices: str) -> list[list[float]]:
    """Return the cost of each warm call; empty if the prices do not have the memory size."""
    if prices == PAPERS and str(memory_mb) not in PAPER["usd_per_100_ms"]:
        return []
    usd = paper_usd if prices == PAPERS else today_usd
    return [[usd(memory_mb, each) for each in block] for block in blocks(group, "warm_ms")]


def compared_sizes(groups: Groups) -> Iterator[Record]:
    """Return ratios of times and costs between sizes, and the sizes that come off best.

    Args:
        groups: the measurements of warm calls.
    """
    for name in dict.fromkeys(name for name, _ in groups):
        of_name = {memory_mb: group for (each, memory_mb), group in groups.items() if each == name}
        for small, large in PAIRS:
            if small in of_name and large in of_name:
                yield from _pair(of_name, small, large)
        yield from _against_768(of_name)
        yield from _best(of_name)


def _pair(groups: Mapping[int, Sequence[Measurement]], small: int, large: int) -> Iterator[Record]:
    about = {"memory_mb": small, "to_memory_mb": large}
    yield ratio_of_means(
        groups[small],
        blocks(groups[small], "warm_ms"),
        blocks(groups[large], "warm_ms"),
        metric="warm_ratio",
        conditions=about,
    )
    for prices in PRICES:
        yield ratio_of_means(
            groups[large],
            usd_of(groups[large], large, prices),
            usd_of(groups[small], small, prices),
            metric="cost_ratio",
            conditions={"memory_mb": large, "to_memory_mb": small, "prices": prices},
        )


def _against_768(groups: Mapping[int, Sequence[Measurement]]) -> Iterator[Record]:
    """Return the product of mean time and mean cost of each of the paper's sizes, to 768 MB's."""
    own: int = PAPER["memory_mb"]
    if own not in groups:
        return
    for prices in PRICES:
        base = _time_and_cost(groups[own], own, prices)
        for memory_mb, group in groups.items():
            columns = _time_and_cost(group, memory_mb, prices)
            if memory_mb != own and columns[1]:
                value = _product(columns) / _product(base)
                record = total(
                    group,
                    value,
                    metric="time_x_cost_ratio",
                    unit="1",
                    conditions={"memory_mb": memory_mb, "to_memory_mb": own, "prices": prices},
                )
                interval = mean_product_ratio_interval(columns, base)
                yield replace(record, interval=interval)


def _best(groups: Mapping[int, Sequence[Measurement]]) -> Iterator[Record]:
    """Return the cheapest size, and the one with the smallest product of mean time and mean cost.

    The product counts a tenth of time as much as a tenth of cost, as the strategy "balanced" of
    AWS Lambda Power Tuning means to. The condition `or` has the sizes that the samples do not
    show to be worse.
    """
    columns = {
        memory_mb: _time_and_cost(group, memory_mb, TODAY) for memory_mb, group in groups.items()
    }
    for metric, chosen in ((CHEAPEST, slice(1, 2)), (BALANCED, slice(0, 2))):
        scored = {size: each[chosen] for size, each in columns.items()}
        best = min(scored, key=lambda size: _product(scored[size]))
        also = []
        for size, each in scored.items():
            interval = mean_product_ratio_interval(each, scored[best])
            if size != best and (interval is None or interval[0] <= 1):
                also.append(size)
        record = total(
            groups[best],
            float(best),
            metric=metric,
            unit="MB",
            conditions={"part": "one instance", "prices": TODAY, "or": also},
        )
        yield replace(record, kind="computed")


def _time_and_cost(group: Sequence[Measurement], memory_mb: int, prices: str) -> list[Blocks]:
    return [blocks(group, "warm_ms"), usd_of(group, memory_mb, prices)]


def _product(columns: Sequence[Blocks]) -> float:
    product = 1.0
    for column in columns:
        product *= statistics.fmean(value for block in column for value in block)
    return product
