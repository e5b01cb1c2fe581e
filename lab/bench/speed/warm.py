"""Benchmark of warm calls with photos of three sizes, and their cost."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from lab.bench.speed.comparison import BASELINES, compared
from lab.bench.speed.harness import Harness
from lab.bench.speed.photos import SIZES, key
from lab.bench.speed.process import InstanceUnderTest, share_conditions
from lab.experiments.prices import today_usd
from lab.intervals import mean_interval, ratio_interval
from lab.statistics import in_turns
from warmlens.prices import read_prices
from warmlens.records import Record, architecture_of, today
from warmlens.runtime.isolation import Isolation, limits_of

COMMAND = "python -m lab bench warm"
BLOCK = 10


def measure_warm(
    harness: Harness,
    memory_sizes_mb: Sequence[int],
    *,
    calls: int,
    isolation: Isolation,
    photos: Iterable[float] = tuple(SIZES),
) -> Iterator[Record]:
    """Time warm calls of all implementations, in turns of a few calls.

    Args:
        harness: the running harness.
        memory_sizes_mb: memory sizes, which determine the processor share.
        calls: calls with each photo at each size.
        isolation: enforces the processor share.
        photos: sizes of the photos in megapixels.
    """
    for memory_mb in memory_sizes_mb:
        vcpus = limits_of(memory_mb).vcpus
        with ExitStack() as stack:
            instances = {
                impl.name: stack.enter_context(
                    InstanceUnderTest(impl, isolation=isolation, vcpus=vcpus, file_path=key(12))
                )
                for impl in harness.implementations(store="image", memory_mb=memory_mb)
            }
            for megapixels in photos:
                taken_ms: dict[str, list[float]] = defaultdict(list)
                stages_ms: dict[str, dict[str, list[float]]] = defaultdict(
                    lambda: defaultdict(list)
                )
                for instance in instances.values():
                    instance.classify(key(megapixels))
                while min(map(len, taken_ms.values()), default=0) < calls:
                    for name, instance in instances.items():
                        for _ in range(min(BLOCK, calls - len(taken_ms[name]))):
                            answer = instance.classify(key(megapixels))
                            taken_ms[name].append(answer.ms)
                            for stage, ms in answer.stages_ms.items():
                                stages_ms[stage][name].append(ms)
                conditions = {
                    "memory_mb": memory_mb,
                    "vcpu": round(vcpus, 3),
                    "megapixels": megapixels,
                    "input_px": harness.input_px,
                    **share_conditions(isolation),
                }
                records = compared(
                    taken_ms,
                    metric="warm_ms",
                    unit="ms",
                    conditions=conditions,
                    command=COMMAND,
                    turn=BLOCK,
                )
                yield from records
                for stage, samples in stages_ms.items():
                    yield from compared(
                        samples,
                        metric="warm_stage_ms",
                        unit="ms",
                        conditions={**conditions, "stage": stage},
                        command=COMMAND,
                        turn=BLOCK,
                    )
                yield from costs_of(records, taken_ms)


def costs_of(records: Sequence[Record], taken_ms: Mapping[str, Sequence[float]]) -> list[Record]:
    """Return the records of the cost of a million such calls, with one S3 GET each.

    Lambda bills whole milliseconds of each call. The mean of those counts, not the median: below
    one vCPU a call that finds its processor share used up takes much longer than one that does not.
    Neither API Gateway nor the stored image is part of it, as in the paper.

    Args:
        records: the `warm_ms` of each implementation.
        taken_ms: the duration of each call, in the order in which they were made.
    """
    usd = {each.name: _million_usd(each, taken_ms[each.name]) for each in records}
    return [_cost(each, usd) for each in records]


def _million_usd(record: Record, taken_ms: Sequence[float]) -> list[float]:
    """Return for each call what a million like it cost."""
    memory_mb, architecture = record.conditions["memory_mb"], architecture_of(record.machine)
    return [1e6 * today_usd(memory_mb, ms, architecture=architecture) for ms in taken_ms]


def _cost(record: Record, usd: Mapping[str, Sequence[float]]) -> Record:
    turns = {name: in_turns(of_calls, BLOCK) for name, of_calls in usd.items()}
    mean, interval = statistics.fmean(usd[record.name]), mean_interval(turns[record.name])
    ratios: dict[str, dict[str, Any]] = {
        base: {
            "value": mean / statistics.fmean(usd[base]),
            "of": "means",
            "interval": ratio_interval(turns[record.name], turns[base], of_means=True),
        }
        for base in BASELINES
        if base in usd
    }
    first = next(iter(ratios), None)
    conditions = {
        **record.conditions,
        "architecture": architecture_of(record.machine),
        "prices": read_prices().date,
    }
    return Record(
        name=record.name,
        metric="cost_usd_per_million",
        value=mean,
        interval=interval,
        samples=len(usd[record.name]),
        unit="USD",
        ratio=ratios[first]["value"] if first else None,
        ratio_to=first,
        ratios=ratios or None,
        kind="computed",
        conditions=conditions,
        command=COMMAND,
        machine=record.machine,
        date=today(),
    )
