"""Fig. 13: time and cost by memory size, which determines the processor share."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

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
from lab.experiments.load import ANSWERED, Load, call_at_once, response_times, shares
from lab.experiments.measurements import (
    Measurement,
    Step,
    blocks,
    grouped,
    mean_of,
    ratio_of_means,
    record_of,
    share_of,
)
from lab.experiments.memory_sizes import PRICES, compared_sizes, usd_of
from lab.experiments.prices import PAPER
from lab.experiments.target import CLASSIFICATION, Target, running_api
from lab.load import wake_at_once
from warmlens.processors import usable_processors
from warmlens.records import Record
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.isolation import limits_of

NAME = "memory"
MEGAPIXELS = 2
SPEED, API, LIMIT = "one instance", "five warm instances, over the API", "memory limited"
COLD = "cold starts"
BLOCK = 10
_BASELINE_MB = (448, 768, 1536, 3008)
"""The paper's sizes of Table 6."""

_OURS_MB = {
    Mode.QUICK: (128, 448, 768, 1536, 1769, 3008),
    Mode.FULL: (128, 256, 448, 768, 1024, 1536, 1769, 3008, 10_240),
}
_API_MB = {Mode.QUICK: (448, 768, 1536), Mode.FULL: (128, 448, 768, 1536, 3008)}
_CLIENTS = {Mode.QUICK: (1, 5, 10), Mode.FULL: (1, 5, 10, 20)}
_BLOCKS = {Mode.QUICK: 1, Mode.FULL: 30}
"""Sizes take turns of a few calls, so that what disturbs one disturbs the others."""

_SLOW_MB, _SLOW_BLOCKS = 256, 5
"""Up to this size no claim is decided, and a call takes up to half a second."""

_COLD_MB = (448, 3008)
"""The experiment `stages` starts instances at 768 MB."""

_COLD_RUNS = {Mode.QUICK: 1, Mode.FULL: 30}
_LIMIT_RUNS = {Mode.QUICK: 1, Mode.FULL: 3}
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
        if block < _SLOW_BLOCKS or memory_mb > _SLOW_MB
        for name in ("baseline", "ours")
        if name == "ours" or memory_mb in _BASELINE_MB
    ]
    cold = [
        step(name, memory_mb, COLD, run=run)
        for run in range(_COLD_RUNS[mode])
        for memory_mb in _COLD_MB
        if limits_of(memory_mb).vcpus <= cores
        for name in ("baseline", "ours")
    ]
    limited = [
        step(name, memory_mb, LIMIT, run=run)
        for memory_mb in _LIMITED_MB[mode]
        for name in ("baseline", "ours")
        for run in range(_LIMIT_RUNS[mode])
    ]
    api = [
        step("ours", memory_mb, API, clients=clients, repetition=repetition)
        for memory_mb in _API_MB[mode]
        if limits_of(memory_mb).vcpus <= cores
        for clients in _CLIENTS[mode]
        for repetition in range(_REPETITIONS[mode])
    ]
    return speed + cold + limited + api


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
        if step.conditions["part"] == COLD:
            with _instance(harness, step) as instance:
                return {"first_ms": [instance.first.since_start_ms]}
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
    return {"warm_ms": [instance.classify(key(MEGAPIXELS)).ms for _ in range(BLOCK)]}


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
    """Return times, costs, their ratios between sizes, and the killed instances."""
    groups: dict[str, dict[tuple[str, int], list[Measurement]]] = {}
    for part in (SPEED, COLD):
        of_part = [each for each in measurements if each.conditions["part"] == part]
        for name, conditions, group in grouped(of_part, "block", "run"):
            groups.setdefault(part, {})[name, conditions["memory_mb"]] = group
    for (_, memory_mb), group in groups.get(SPEED, {}).items():
        yield from _times(memory_mb, group)
    for key_, group in groups.get(COLD, {}).items():
        yield from _cold(key_[1], group, groups.get(SPEED, {}).get(key_, []))
    yield from compared_sizes(groups.get(SPEED, {}))
    for _, conditions, group in grouped(measurements, "repetition", "run"):
        if conditions["part"] == LIMIT:
            counts = [int(each.values["killed"][0]) for each in group]
            about = {**conditions, "runs": len(group)}
            yield share_of(group, counts, [1] * len(group), metric="killed", conditions=about)
            if blocks(group, "peak_rss_mb"):
                yield record_of(
                    group,
                    blocks(group, "peak_rss_mb"),
                    metric="peak_rss_mb",
                    unit="MiB",
                    conditions=about,
                )
        if conditions["part"] == API:
            about = {**conditions, "repetitions": len(group)}
            yield from response_times(group, about)
            yield from shares(group, about, "cold", "failed", "unanswered")
    yield from _api_sizes(measurements)


def _times(memory_mb: int, group: Sequence[Measurement]) -> Iterator[Record]:
    vcpu = round(limits_of(memory_mb).vcpus, 3)
    conditions = {key: value for key, value in group[0].conditions.items() if key != "block"}
    about = {**conditions, "vcpu": vcpu, "turn": len(group[0].values["warm_ms"])}
    for metric in ("first_ms", "init_ms", "warm_ms"):
        yield record_of(group, blocks(group, metric), metric=metric, unit="ms", conditions=about)
    warm_ms = blocks(group, "warm_ms")
    yield mean_of(group, warm_ms, metric="warm_mean_ms", unit="ms", conditions=about)
    for prices in PRICES:
        usd = usd_of(group, memory_mb, prices)
        if usd:
            per_million = [[1e6 * each for each in block] for block in usd]
            cost = mean_of(
                group,
                per_million,
                metric="cost_usd_per_million",
                unit="USD",
                conditions={**about, "prices": prices},
            )
            yield replace(cost, kind="computed")


def _cold(
    memory_mb: int, group: Sequence[Measurement], warm: Sequence[Measurement]
) -> Iterator[Record]:
    about = {key: value for key, value in group[0].conditions.items() if key != "run"}
    first_ms = blocks(group, "first_ms")
    yield record_of(group, first_ms, metric="first_ms", unit="ms", conditions=about)
    warm_ms = blocks(warm, "warm_ms")
    if warm_ms:
        yield ratio_of_means(group, first_ms, warm_ms, metric="first_to_warm", conditions=about)


def _api_sizes(measurements: Sequence[Measurement]) -> Iterator[Record]:
    """Yield the ratio of response times at 448 MB and at 1,536 MB."""
    small, large = _BASELINE_MB[0], _BASELINE_MB[2]
    over_api = [each for each in measurements if each.conditions["part"] == API]
    groups = {
        (conditions["clients"], conditions["memory_mb"]): group
        for _, conditions, group in grouped(over_api, "repetition")
    }
    for clients in dict.fromkeys(clients for clients, _ in groups):
        if (clients, small) in groups and (clients, large) in groups:
            yield ratio_of_means(
                groups[clients, small],
                blocks(groups[clients, small], *ANSWERED),
                blocks(groups[clients, large], *ANSWERED),
                metric="response_ratio",
                conditions={
                    "part": API,
                    "clients": clients,
                    "memory_mb": small,
                    "to_memory_mb": large,
                },
            )


EXPERIMENT = Experiment(NAME, "Fig. 13: memory sizes", steps, memory_setup, records)
