"""Fig. 10 and 11: the first and second call of an instance, by stage."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.bench.speed.cold import STAGES, stages_of
from lab.bench.speed.harness import running_harness
from lab.bench.speed.photos import key
from lab.bench.speed.process import InstanceUnderTest, share_conditions
from lab.bench.speed.versions import PAPER_PX
from lab.experiments.experiment import Earlier, Experiment, Measure, Mode, Values
from lab.experiments.measurements import (
    Measurement,
    Step,
    blocks,
    grouped,
    mean_of,
    ratio_of_means,
    record_of,
)
from lab.experiments.prices import PAPER
from lab.experiments.target import Target
from warmlens.records import Record
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.isolation import limits_of

NAME = "stages"
MEGAPIXELS = 2
_RUNS = {Mode.QUICK: 3, Mode.FULL: 30}
LATER_CALLS = 9
"""After the second, so that thirty runs have 300 warm calls."""


def steps(mode: Mode, target: Target) -> list[Step]:
    """Return the steps of both implementations, in turns so that a disturbance affects both."""
    share = share_conditions(best_isolation())
    return [
        Step(
            experiment=NAME,
            name=name,
            conditions={
                **share,
                "memory_mb": PAPER["memory_mb"],
                "input_px": PAPER_PX,
                "megapixels": MEGAPIXELS,
                "run": run,
            },
        )
        for run in range(_RUNS[mode])
        for name in ("baseline", "ours")
    ]


@contextmanager
def stages_setup(target: Target, earlier: Earlier) -> Iterator[Measure]:
    """Yield a function that starts a process, which classifies a photo twice."""
    isolation = best_isolation()
    vcpus = limits_of(PAPER["memory_mb"]).vcpus
    with running_harness(PAPER_PX) as harness:
        impls = {
            impl.name: impl
            for impl in harness.implementations(store="image", memory_mb=PAPER["memory_mb"])
        }
        for impl in impls.values():  # byte-compiles and fills the page cache
            with InstanceUnderTest(impl, isolation=isolation, vcpus=2, file_path=key(MEGAPIXELS)):
                pass

        def measure(step: Step) -> Values:
            with InstanceUnderTest(
                impls[step.name],
                isolation=isolation,
                vcpus=vcpus,
                file_path=key(MEGAPIXELS),
            ) as instance:
                first, ready = instance.first, instance.ready
                second = instance.classify(key(MEGAPIXELS))
                later = [instance.classify(key(MEGAPIXELS)) for _ in range(LATER_CALLS)]
            stages = stages_of(ready, first)
            return {
                "first_ms": [first.since_start_ms],
                "second_ms": [second.ms],
                "later_ms": [each.ms for each in later],
                "peak_rss_mb": [later[-1].peak_rss_mb],
                **{f"first.{stage}_ms": [ms] for stage, ms in stages.items()},
                **{f"second.{stage}_ms": [ms] for stage, ms in second.stages_ms.items()},
            }

        yield measure


def records(measurements: Sequence[Measurement]) -> Iterator[Record]:
    """Return records of both calls and of their stages, with ratios to the baseline."""
    groups = {name: (conditions, group) for name, conditions, group in grouped(measurements, "run")}
    base = groups["baseline"][1] if "baseline" in groups else []
    for conditions, group in groups.values():
        for metric, unit in (("first_ms", "ms"), ("second_ms", "ms"), ("peak_rss_mb", "MiB")):
            yield record_of(
                group,
                blocks(group, metric),
                metric=metric,
                unit=unit,
                conditions=conditions,
                baseline=blocks(base, metric),
            )
        for call in ("first", "second"):
            yield mean_of(
                group,
                blocks(group, f"{call}_ms"),
                metric=f"{call}_mean_ms",
                unit="ms",
                conditions=conditions,
            )
        first, after = blocks(group, "first_ms"), blocks(group, "second_ms", "later_ms")
        yield record_of(group, after, metric="warm_ms", unit="ms", conditions=conditions)
        yield mean_of(group, after, metric="warm_mean_ms", unit="ms", conditions=conditions)
        yield ratio_of_means(group, first, after, metric="first_to_warm", conditions=conditions)
        if base and group is not base:
            about = {**conditions, "to": "baseline"}
            for metric, own, of_base in (
                ("first_mean_ratio", first, blocks(base, "first_ms")),
                ("warm_mean_ratio", after, blocks(base, "second_ms", "later_ms")),
            ):
                yield ratio_of_means(group, own, of_base, metric=metric, conditions=about)
        for call in ("first", "second"):
            for stage in STAGES:
                values = blocks(group, f"{call}.{stage}_ms")
                if values:
                    yield mean_of(
                        group,
                        values,
                        metric="stage_mean_ms",
                        unit="ms",
                        conditions={**conditions, "call": call, "stage": stage},
                    )


EXPERIMENT = Experiment(NAME, "Fig. 10 and 11: first and second call", steps, stages_setup, records)
