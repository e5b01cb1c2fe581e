"""`python -m lab bench instructions`: instructions of the models on AVX2 and on arm64."""

import asyncio
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab import markdown
from lab.bench.processors import arm64
from lab.bench.processors.environment import classifier_environment
from lab.bench.processors.programs import program, shared_library
from lab.bench.speed.photos import photo
from lab.shipped_models import SHIPPED
from warmlens.errors import WarmlensError
from warmlens.local.venvs import local_venvs
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.records import Record, today

COMMAND = "python -m lab bench instructions"
AVX2, ARM64 = "AVX2", "arm64"
OLDER = ("qemu-x86_64", "-cpu", "Haswell")
METRICS = {"classify": "inference", "call": "decoding and inference"}
MEGAPIXELS = 2.0
_RUNS = 3
_PROGRAM = Path(__file__).parent / "counted_model.py"
_COUNTED = re.compile(r"^instructions: (\d+)$", re.MULTILINE)


def measure_instructions(models: Sequence[str] = ()) -> Iterator[Record]:
    """Yield the instructions of an inference and of a call, of each shipped model.

    A program runs with one decoded and one classified photo, and with one more of either: the
    difference is that one's, without the start of the interpreter and of the model. Each count is
    the median of three runs.

    Args:
        models: names of models; none: all that are shipped.

    Raises:
        WarmlensError: a program is missing, or one failed.
    """
    if why := arm64.missing():
        raise WarmlensError("program_missing", why)
    _, classifier = local_venvs()
    asyncio.run(classifier.install())
    on_arm64 = arm64.launcher()
    ways: dict[str, tuple[Sequence[str], Path | None]] = {
        AVX2: ((program(OLDER[0]), *OLDER[1:], str(classifier.python)), None),
        ARM64: (on_arm64, arm64.packages()),
    }
    with tempfile.TemporaryDirectory() as folder:
        plugin = shared_library("count_instructions", Path(folder))
        picture = Path(folder) / "photo.jpg"
        picture.write_bytes(photo(MEGAPIXELS))
        for model, version in SHIPPED:
            if models and model not in models:
                continue
            counts = {
                name: _counts(
                    launcher, plugin, MODEL_ARTIFACTS / model / version, packages, picture
                )
                for name, (launcher, packages) in ways.items()
            }
            yield from _records(model, counts)


def _counts(
    launcher: Sequence[str], plugin: Path, version: Path, packages: Path | None, picture: Path
) -> dict[str, int]:
    def run(decoded: int, classified: int) -> int:
        done = subprocess.run(
            [
                *(launcher[0], "-plugin", str(plugin), "-d", "plugin", *launcher[1:]),
                *(str(_PROGRAM), str(picture), str(decoded), str(classified)),
            ],
            env={**classifier_environment(version, packages), "PYTHONHASHSEED": "0"},
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        found = _COUNTED.search(done.stderr)
        if done.returncode or found is None:
            raise WarmlensError("command_failed", f"{launcher[0]}: {done.stderr[-600:]}")
        return int(found[1])

    def median(decoded: int, classified: int) -> int:
        # The first run in a new checkout compiles modules; others differ by where memory lies.
        return statistics.median_low(run(decoded, classified) for _ in range(_RUNS))

    once = median(1, 1)
    classify = median(1, 2) - once
    return {"classify": classify, "call": median(2, 1) - once + classify}


def _records(model: str, counts: Mapping[str, Mapping[str, int]]) -> Iterator[Record]:
    for metric in METRICS:
        for name, of_way in counts.items():
            yield Record(
                name=name,
                metric=f"{metric}_instructions",
                value=of_way[metric],
                unit="1",
                kind="measured",
                conditions={"model": model, "megapixels": MEGAPIXELS},
                command=COMMAND,
                machine="",
                date=today(),
                samples=1,
                ratio=of_way[metric] / counts[AVX2][metric],
                ratio_to=AVX2,
            )


def table(records: Sequence[Record]) -> str:
    """Return both counts as a Markdown table."""
    rows = [
        (
            avx2.conditions["model"],
            METRICS[avx2.metric.removesuffix("_instructions")],
            f"{avx2.value / 1e6:,.0f}",
            f"{on_arm64.value / 1e6:,.0f}",
            f"{on_arm64.ratio:.2f}",
        )
        for avx2, on_arm64 in zip(records[::2], records[1::2], strict=True)
    ]
    return (
        f"Counted by `{COMMAND}` on {records[0].date}, in emulated processors (qemu: Haswell and "
        f"{arm64.PROCESSOR}), a photo of {MEGAPIXELS:g} megapixels; one run each, as counts do not "
        "depend on the machine.\n\n"
        + markdown.table(
            "model | what | AVX2, million instructions | arm64, million instructions | ratio", rows
        )
    )
