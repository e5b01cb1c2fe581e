"""Benchmark of networks on the engine: cold starts, warm calls and memory, in turns."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from lab.bench.architectures.versions import NATIVE_PX, VERSION, Network, write_version
from lab.bench.speed.harness import Harness
from lab.bench.speed.photos import key
from lab.bench.speed.process import Implementation, InstanceUnderTest, share_conditions
from lab.statistics import ratio_of, summary
from warmlens.records import Record, machine, today
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU, Isolation

COMMAND = "python -m lab bench architectures"
BASE = Network("resnet50", 224, "int8")
MEGAPIXELS = 0.3
METRICS = {"cold_start_ms": "ms", "cold_start_cpu_s": "s", "warm_ms": "ms", "peak_rss_mb": "MiB"}


def networks(architectures: Sequence[str], sizes_px: Sequence[int]) -> list[Network]:
    """Return the networks to measure, and the base of the ratios.

    Args:
        architectures: their names.
        sizes_px: sizes of the input beside each network's own.
    """
    wanted = [
        Network(architecture, px, precision)
        for architecture in architectures
        for px in sorted({*sizes_px, NATIVE_PX[architecture]})
        for precision in ("int8", "fp32")
    ]
    return wanted if BASE in wanted else [BASE, *wanted]


def measure_architectures(
    harness: Harness,
    measured: Sequence[Network],
    *,
    rounds: int,
    calls: int,
    isolation: Isolation,
    busy: bool,
    base: Network = BASE,
    on_done: Callable[[str], None] = lambda what: None,
) -> Iterator[Record]:
    """Start an instance of each network in each round, and call it.

    Args:
        harness: the running harness, without a baseline.
        measured: the networks; the base is among them.
        rounds: instances of each network.
        calls: warm calls of each instance.
        isolation: enforces the limit of one processor.
        busy: other programs used the machine, which the records say.
        base: the network that ratios are to.
        on_done: called with each step that is done.
    """
    sizes = {}
    for network in measured:
        sizes[network] = write_version(network, harness.folder / "models")
        on_done(f"{network.name} is exported")
    samples: dict[Network, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    # The first round fills the page cache and byte-compiles, and is not counted.
    for number in range(rounds + 1):
        for network in measured:
            found = _instance(_implementation(harness, network), calls, isolation)
            if number:
                for metric, values in found.items():
                    samples[network][metric] += values
        on_done(f"round {number} of {rounds} is done")
    for network in measured:
        conditions = {
            "architecture": network.architecture,
            "input_px": network.input_px,
            "precision": network.precision,
            "file_mb": round(sizes[network] / 1e6, 1),
            "memory_mb": MEMORY_MB_PER_VCPU,
            "image": f"JPEG, {MEGAPIXELS} megapixels",
            "weights": "random",
            **share_conditions(isolation),
            "busy": busy,
        }
        for metric, unit in METRICS.items():
            values, of_base = samples[network][metric], samples[base][metric]
            turn = calls if metric == "warm_ms" else 1
            ratio = ratio_of(values, of_base, turn=turn)
            yield Record(
                name=network.name,
                metric=metric,
                unit=unit,
                kind="measured",
                conditions=conditions,
                command=COMMAND,
                machine=machine(),
                date=today(),
                ratio=ratio.value,
                ratio_to=base.name,
                ratios={base.name: ratio.fields},
                **summary(values, turn=turn),
            )


def _implementation(harness: Harness, network: Network) -> Implementation:
    (ours,) = harness.implementations(store="image", memory_mb=MEMORY_MB_PER_VCPU)
    names = {"MODEL_NAME": network.name, "MODEL_VERSION": VERSION}
    return dataclasses.replace(ours, name=network.name, environment={**ours.environment, **names})


def _instance(impl: Implementation, calls: int, isolation: Isolation) -> dict[str, list[float]]:
    with InstanceUnderTest(
        impl, isolation=isolation, vcpus=1, file_path=key(MEGAPIXELS)
    ) as instance:
        answers = [instance.classify(key(MEGAPIXELS)) for _ in range(calls)]
        return {
            "cold_start_ms": [instance.first.since_start_ms],
            "cold_start_cpu_s": [instance.first.cpu_s],
            "warm_ms": [answer.ms for answer in answers],
            "peak_rss_mb": [answers[-1].peak_rss_mb],
        }
