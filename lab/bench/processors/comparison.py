"""`python -m lab bench processors`: the shipped models with AVX-512 and with AVX2 alone."""

import asyncio
import json
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab import markdown
from lab.bench.processors.environment import classifier_environment
from lab.bench.processors.hiding import Hiding, hiding, require_avx512
from lab.bench.speed.photos import photo
from lab.shipped_models import SHIPPED
from lab.statistics import ratio_of
from warmlens.errors import WarmlensError
from warmlens.local.venvs import local_venvs
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.records import Record, machine, today

COMMAND = "python -m lab bench processors"
AVX512, AVX2 = "AVX-512 with VNNI", "AVX2"
METRICS = {
    "classify_ms": "inference",
    "call_ms": "decoding and inference",
    "open_ms": "opening the model",
}
MEGAPIXELS = 2.0
_PROGRAM = Path(__file__).parent / "timed_model.py"

Times = dict[str, list[float]]


def measure_processors(rounds: int, calls: int) -> Iterator[Record]:
    """Yield the processor times of each shipped model with AVX-512 and without.

    Each round has a process of its own for each instruction set, in turns; its figure is the
    median of its calls.

    Args:
        rounds: processes of each.
        calls: calls of each process.

    Raises:
        WarmlensError: this machine has no AVX-512 or lacks a program, or a process failed.
    """
    require_avx512()
    _, classifier = local_venvs()
    asyncio.run(classifier.install())
    (library,) = classifier.python.parents[1].glob("lib/*/site-packages/**/libonnxruntime.so.*")
    with tempfile.TemporaryDirectory() as folder:
        hidden = hiding(library, Path(folder))
        picture = Path(folder) / "photo.jpg"
        picture.write_bytes(photo(MEGAPIXELS))
        for model, version in SHIPPED:
            found: dict[str, Times] = {AVX512: defaultdict(list), AVX2: defaultdict(list)}
            for _ in range(rounds):
                for name, times in found.items():
                    for metric, value in _one_process(
                        classifier.python,
                        hidden.environment(hides=name == AVX2),
                        hidden,
                        MODEL_ARTIFACTS / model / version,
                        picture,
                        calls,
                    ).items():
                        times[metric].append(value)
            yield from _records(model, found, calls)


def _one_process(
    python: Path,
    environment: Mapping[str, str],
    hidden: Hiding,
    version: Path,
    picture: Path,
    calls: int,
) -> dict[str, float]:
    done = subprocess.run(
        [python, _PROGRAM, picture, str(calls)],
        env={**environment, **classifier_environment(version, hidden.packages)},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    if done.returncode:
        raise WarmlensError("command_failed", f"{_PROGRAM.name}: {done.stderr[-600:]}")
    found = json.loads(done.stdout)
    calls_ms = [sum(each) for each in zip(found["prepare_ms"], found["classify_ms"], strict=True)]
    return {
        "open_ms": found["open_ms"],
        "classify_ms": statistics.median(found["classify_ms"]),
        "call_ms": statistics.median(calls_ms),
    }


def _records(model: str, found: Mapping[str, Times], calls: int) -> Iterator[Record]:
    for metric in METRICS:
        base = found[AVX512][metric]
        for name, times in found.items():
            values = times[metric]
            ratio = ratio_of(values, base)
            yield Record(
                name=name,
                metric=metric,
                value=round(statistics.median(values), 3),
                unit="ms",
                kind="measured",
                conditions={
                    "model": model,
                    "megapixels": MEGAPIXELS,
                    "calls_of_each": calls,
                    "values": [round(each, 3) for each in values],
                },
                command=COMMAND,
                machine=machine(),
                date=today(),
                samples=len(values),
                ratio=ratio.value,
                ratio_to=AVX512,
                ratios={AVX512: ratio.fields},
            )


def table(records: Sequence[Record]) -> str:
    """Return both instruction sets as a Markdown table, with machine, date and command."""
    head = records[0]
    rows = []
    for with_avx512, without in zip(records[::2], records[1::2], strict=True):
        rows.append(
            (
                without.conditions["model"],
                METRICS[without.metric],
                without.samples,
                f"{with_avx512.value:.1f}",
                f"{without.value:.1f}",
                markdown.ratio_cell(without),
            )
        )
    return (
        f"Measured by `{markdown.command_of(head)}` on {head.date}, {head.machine}: processor time "
        f"on one thread, a photo of {MEGAPIXELS:g} megapixels; medians of processes, in turns, "
        f"each the median of {head.conditions['calls_of_each']} calls; the ratio with its 95 % "
        "interval (bootstrap).\n\n"
        + markdown.table(
            f"model | what | processes of each | {AVX512}, ms | {AVX2}, ms | ratio", rows
        )
    )
