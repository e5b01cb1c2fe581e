"""Benchmark of cold starts: time from process start to first answer, by stage."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.bench.speed.comparison import compared
from lab.bench.speed.harness import Harness, drop_from_page_cache
from lab.bench.speed.photos import key
from lab.bench.speed.process import (
    Answer,
    Implementation,
    InstanceUnderTest,
    Ready,
    share_conditions,
)
from warmlens.records import Record
from warmlens.runtime.isolation import Isolation, limits_of

COMMAND = "python -m lab bench cold"
MEGAPIXELS = 2
STAGES = (
    "interpreter",
    "modules",
    "imports",
    "images_client",
    "runtime",
    "files",
    "session",
    "dry_forward",
    "handover",
    "fetch",
    "decode",
    "inference",
    "request",
)
"""They add up to a cold start.

`interpreter`: from the start of the process to its first line. `modules` to `dry_forward`: the
init, as the handler prints it; in the classifier `imports` is the wait for what is imported beside
the engine. `handover`: from the end of the init to the call. `request`: what the handler does
besides fetching, decoding and inference: it reads the request, makes the answer and its log line.
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Conditions of a cold start.

    Attributes:
        memory_mb: the memory size, which determines the processor share.
        page_cache: `warm`, or `dropped` before each start.
        store: `image` or `s3`.
    """

    memory_mb: int
    page_cache: str
    store: str


def measure_cold(
    harness: Harness, cases: Sequence[Case], *, runs: int, isolation: Isolation
) -> Iterator[Record]:
    """Measure cold starts of all implementations, in turns.

    Args:
        harness: the running harness.
        cases: conditions to measure under.
        runs: starts of each implementation in each case.
        isolation: enforces the processor share.
    """
    for case in cases:
        impls = harness.implementations(store=case.store, memory_mb=case.memory_mb)
        vcpus = limits_of(case.memory_mb).vcpus
        totals_ms: dict[str, list[float]] = defaultdict(list)
        cpu_s: dict[str, list[float]] = defaultdict(list)
        stages_ms: dict[str, dict[str, list[float]]] = {
            stage: defaultdict(list) for stage in STAGES
        }
        # The first start of each byte-compiles and fills the page cache, and is not counted.
        for run in range(runs + 1):
            for impl in impls:
                if case.page_cache == "dropped":
                    drop_from_page_cache(impl)
                ready, first = _start(impl, isolation, vcpus)
                if run == 0:
                    continue
                totals_ms[impl.name].append(first.since_start_ms)
                cpu_s[impl.name].append(first.cpu_s)
                taken_ms = stages_of(ready, first)
                for stage in STAGES:
                    stages_ms[stage][impl.name].append(taken_ms.get(stage, 0.0))
        conditions = {
            "memory_mb": case.memory_mb,
            "vcpu": round(vcpus, 3),
            "page_cache": case.page_cache,
            "model_store": case.store,
            "input_px": harness.input_px,
            "image": f"JPEG, {MEGAPIXELS} megapixels",
            **share_conditions(isolation),
        }
        yield from compared(
            totals_ms, metric="cold_start_ms", unit="ms", conditions=conditions, command=COMMAND
        )
        yield from compared(
            cpu_s, metric="cold_start_cpu_s", unit="s", conditions=conditions, command=COMMAND
        )
        for stage, samples in stages_ms.items():
            yield from compared(
                samples,
                metric="cold_stage_ms",
                unit="ms",
                conditions={**conditions, "stage": stage},
                command=COMMAND,
            )


def _start(impl: Implementation, isolation: Isolation, vcpus: float) -> tuple[Ready, Answer]:
    with InstanceUnderTest(
        impl, isolation=isolation, vcpus=vcpus, file_path=key(MEGAPIXELS)
    ) as instance:
        return instance.ready, instance.first


def stages_of(ready: Ready, first: Answer) -> dict[str, float]:
    """Return the milliseconds of each stage of a cold start; they add up to it."""
    init = {"interpreter": ready.interpreter_ms, **ready.stages_ms}
    before_call_ms = first.since_start_ms - first.ms
    return {
        **init,
        "handover": before_call_ms - sum(init.values()),
        **first.stages_ms,
        "request": first.ms - sum(first.stages_ms.values()),
    }
