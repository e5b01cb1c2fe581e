"""Fig. 13: time and cost by memory size, which determines the processor share."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from lab.bench.speed.harness import Harness, running_harness
from lab.bench.speed.photos import key
from lab.bench.speed.process import (
    Implementation,
    InstanceEndedError,
    InstanceUnderTest,
    share_conditions,
)
from lab.bench.speed.versions import PAPER_PX
from lab.experiments.experiment import Earlier, Experiment, Measure, Mode, Values
from lab.experiments.load import Load, call_at_once
from lab.experiments.measurements import (
    Measurement,
    Step,
    computed_from,
    grouped,
    joined,
    mean_of,
    record_of,
    total,
)
from lab.experiments.prices import PAPER, mean_usd, paper_usd, today_usd
from lab.experiments.target import CLASSIFICATION, Target, running_api
from lab.load import wake_at_once
from warmlens.processors import usable_processors
from warmlens.records import Record
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.isolation import limits_of

NAME = "memory"
MEGAPIXELS = 2
SPEED, API, LIMIT = "one instance", "five warm instances, over the API", "memory limited"
_BLOCK = 5
_BASELINE_MB = (448, 768, 1536, 3008)
"""The paper's sizes of Table 6."""

_OURS_MB = {
    Mode.QUICK: (128, 448, 768, 1536, 1769, 3008),
    Mode.FULL: (128, 256, 448, 768, 1024, 1536, 1769, 3008, 10_240),
}
_API_MB = {Mode.QUICK: (448, 768, 1536), Mode.FULL: (128, 256, 448, 768, 1536, 1769, 3008)}
_CLIENTS = {Mode.QUICK: (1, 5, 10), Mode.FULL: (1, 5, 10, 20)}
_BLOCKS = {Mode.QUICK: 2, Mode.FULL: 6}
"""Sizes take turns of a few calls, so that what disturbs one disturbs the others."""

_REPETITIONS = {Mode.QUICK: 2, Mode.FULL: 10}
_LIMITED_MB = {Mode.QUICK: (128, 256, 448), Mode.FULL: (128, 192, 256, 320, 448, 768)}


def steps(mode: Mode, target: Target) -> list[Step]:
    """Return the sizes for one instance, for five behind the API, and under a memory limit.

    Sizes with more processors than this machine has are left out.
    """
    cores = usable_processors()

    share = share_conditions(best_isolation())

    def step(name: str, memory_mb: int, part: str, **further: int) -> Step:
        conditions = {"part": part, "memory_mb": memory_mb, **further, **share}
        return Step(experiment=NAME, name=name, conditions=conditions)

    speed = [
        step(name, memory_mb, SPEED, block=block)
        for block in range(_BLOCKS[mode])
        for memory_mb in _OURS_MB[mode]
        if limits_of(memory_mb).vcpus <= cores
        for name in ("baseline", "ours")
        if name == "ours" or memory_mb in _BASELINE_MB
    ]
    limited = [
        step(name, memory_mb, LIMIT)
        for memory_mb in _LIMITED_MB[mode]
        for name in ("baseline", "ours")
    ]
    api = [
        step("ours", memory_mb, API, clients=clients, repetition=repetition)
        for memory_mb in _API_MB[mode]
        if limits_of(memory_mb).vcpus <= cores
        for clients in _CLIENTS[mode]
        for repetition in range(_REPETITIONS[mode])
    ]
    return speed + limited + api


@contextmanager
def memory_setup(target: Target, earlier: Earlier) -> Iterator[Measure]:
    """Yield a function that measures instances as processes or behind the API."""
    with ExitStack() as stack:
        measures: dict[bool, Measure] = {}

        def measure(step: Step) -> Values:
            over_api = step.conditions["part"] == API
            if over_api not in measures:
                stack.close()
                measures.clear()
                measures[over_api] = _api(target, stack) if over_api else _processes(stack)
            return measures[over_api](step)

        yield measure


def _processes(stack: ExitStack) -> Measure:
    harness = stack.enter_context(running_harness(PAPER_PX))
    running: dict[tuple[str, int], InstanceUnderTest] = {}

    def measure(step: Step) -> Values:
        if step.conditions["part"] == LIMIT:
            return _limited(harness, step)
        which = (step.name, step.conditions["memory_mb"])
        if which in running:
            return _warm(running[which])
        running[which] = stack.enter_context(_instance(harness, step))
        instance = running[which]
        return {
            "first_ms": [instance.first.since_start_ms],
            "init_ms": [instance.ready.ms],
            **_warm(instance),
        }

    return measure


def _instance(harness: Harness, step: Step) -> InstanceUnderTest:
    memory_mb = step.conditions["memory_mb"]
    vcpus = limits_of(memory_mb).vcpus
    return InstanceUnderTest(
        _implementation(harness, step),
        isolation=best_isolation(),
        vcpus=vcpus,
        file_path=key(MEGAPIXELS),
    )


def _warm(instance: InstanceUnderTest) -> Values:
    return {"warm_ms": [instance.classify(key(MEGAPIXELS)).ms for _ in range(_BLOCK)]}


def _limited(harness: Harness, step: Step) -> Values:
    """Run an instance that is killed when it exceeds its memory size."""
    memory_mb = step.conditions["memory_mb"]
    try:
        # With a whole processor, since speed does not matter here.
        with InstanceUnderTest(
            _implementation(harness, step),
            isolation=best_isolation(),
            vcpus=1,
            memory_mb=memory_mb,
            file_path=key(MEGAPIXELS),
        ) as instance:
            answer = instance.classify(key(MEGAPIXELS))
    except InstanceEndedError as error:
        if error.signal != signal.SIGKILL:
            raise
        return {"killed": [1.0]}
    return {"killed": [0.0], "peak_rss_mb": [answer.peak_rss_mb]}


def _implementation(harness: Harness, step: Step) -> Implementation:
    memory_mb = step.conditions["memory_mb"]
    impls = {
        impl.name: impl for impl in harness.implementations(store="image", memory_mb=memory_mb)
    }
    return impls[step.name]


def _api(target: Target, stack: ExitStack) -> Measure:
    api = stack.enter_context(running_api(target, "--concurrency", "32"))
    size_now: int | None = None

    def measure(step: Step) -> Values:
        nonlocal size_now
        conditions = step.conditions
        if conditions["memory_mb"] != size_now:
            size_now = conditions["memory_mb"]
            api.renew(memory_mb=size_now, note=f"{size_now} MB")
        if conditions["repetition"] == 0:
            hold_ms = 2000  # a start takes long with a small share
            asyncio.run(wake_at_once(api.url, PAPER["instances_kept"], hold_ms, api.headers))
        load = Load(calls=conditions["clients"], arrivals="closed")
        url = f"{api.url}/classification"
        return asyncio.run(call_at_once(url, CLASSIFICATION, load, api.headers))

    return measure


def records(measurements: Sequence[Measurement]) -> Iterator[Record]:
    """Return times, costs, the recommended sizes, and the killed instances."""
    speed = [measurement for measurement in measurements if measurement.conditions["part"] == SPEED]
    priced: list[tuple[Record, Record]] = []
    for _, conditions, group in grouped(speed, "block"):
        about = {**conditions, "vcpu": round(limits_of(conditions["memory_mb"]).vcpus, 3)}
        times = [
            record_of(group, joined(group, metric), metric=metric, unit="ms", conditions=about)
            for metric in ("first_ms", "init_ms", "warm_ms")
        ]
        yield from times
        mean = mean_of(
            group, joined(group, "warm_ms"), metric="warm_mean_ms", unit="ms", conditions=about
        )
        yield mean
        for cost in _costs(times[-1], joined(group, "warm_ms")):
            yield cost
            if cost.conditions["prices"] == "today":
                priced.append((mean, cost))
    yield from _chosen(priced)
    for _, conditions, group in grouped(measurements, "repetition"):
        if conditions["part"] == LIMIT:
            yield total(
                group,
                joined(group, "killed")[0],
                metric="killed",
                unit="1",
                conditions=conditions,
            )
            if joined(group, "peak_rss_mb"):
                yield record_of(
                    group,
                    joined(group, "peak_rss_mb"),
                    metric="peak_rss_mb",
                    unit="MiB",
                    conditions=conditions,
                )
        if conditions["part"] == API:
            yield from _over_api(group, {**conditions, "repetitions": len(group)})


def _costs(warm: Record, warm_ms: Sequence[float]) -> Iterator[Record]:
    memory_mb = warm.conditions["memory_mb"]
    usd = {"today": mean_usd(partial(today_usd, memory_mb), warm_ms)}
    if str(memory_mb) in PAPER["usd_per_100_ms"]:
        usd["paper"] = mean_usd(partial(paper_usd, memory_mb), warm_ms)
    for prices, each in usd.items():
        yield computed_from(
            warm,
            each * 1e6,
            metric="cost_usd_per_million",
            unit="USD",
            conditions={**warm.conditions, "prices": prices},
        )


def _chosen(priced: Sequence[tuple[Record, Record]]) -> Iterator[Record]:
    """Return the cheapest size at each price, and the size with the smallest mean time x cost.

    The product counts a tenth of time as much as a tenth of cost, as the strategy "balanced" of
    AWS Lambda Power Tuning means to.
    """
    for name in dict.fromkeys(warm.name for warm, _ in priced):
        own = [(warm, cost) for warm, cost in priced if warm.name == name]
        cheapest = min(own, key=lambda pair: pair[1].value)
        balanced = min(own, key=lambda pair: pair[0].value * pair[1].value)
        for metric, (warm, _) in (
            ("cheapest_memory_mb", cheapest),
            ("balanced_memory_mb", balanced),
        ):
            yield computed_from(
                warm,
                float(warm.conditions["memory_mb"]),
                metric=metric,
                unit="MB",
                conditions={"part": SPEED, "prices": "today"},
            )


def _over_api(group: Sequence[Measurement], about: dict[str, Any]) -> Iterator[Record]:
    for metric, outcomes in (
        ("response_ms", ("warm_ms", "cold_ms")),
        ("warm_response_ms", ("warm_ms",)),
    ):
        values = [value for outcome in outcomes for value in joined(group, outcome)]
        if values:
            yield record_of(group, values, metric=metric, unit="ms", conditions=about)
    every = ("warm_ms", "cold_ms", "throttled_ms", "failed_ms", "unanswered_ms")
    calls = sum(len(joined(group, outcome)) for outcome in every)
    for metric, outcome in (
        ("cold_share", "cold_ms"),
        ("failed_share", "failed_ms"),
        ("unanswered_share", "unanswered_ms"),
    ):
        count = len(joined(group, outcome))
        yield total(group, count / calls, metric=metric, unit="1", conditions=about)


EXPERIMENT = Experiment(NAME, "Fig. 13: memory sizes", steps, memory_setup, records)
