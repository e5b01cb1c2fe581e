"""Benchmark of an instance's peak memory, and of its packages' size on disk."""

import importlib.metadata
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.bench.speed.comparison import PLAIN_ONNX, PYTORCH, compared
from lab.bench.speed.harness import Harness
from lab.bench.speed.photos import SIZES, key
from lab.bench.speed.process import InstanceUnderTest
from warmlens.local.venvs import classifier_requirements
from warmlens.records import Record
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU, Isolation

COMMAND = "python -m lab bench memory"
PACKAGES = {
    PYTORCH: ("torch", "torchvision", "pillow", "boto3"),
    PLAIN_ONNX: ("onnxruntime", "numpy", "pillow", "boto3"),
}
"""Packages that the baselines import; those that they need are counted, too."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def measure_memory(harness: Harness, *, runs: int, isolation: Isolation) -> Iterator[Record]:
    """Measure the peak memory of instances of all implementations while they classify each photo.

    Args:
        harness: the running harness.
        runs: instances of each implementation.
        isolation: enforces the limit of one processor.
    """
    impls = harness.implementations(store="image", memory_mb=MEMORY_MB_PER_VCPU)
    peaks_mb: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(runs):
        for impl in impls:
            with InstanceUnderTest(
                impl, isolation=isolation, vcpus=1, file_path=key(0.3)
            ) as instance:
                for megapixels in sorted(SIZES):
                    answer = instance.classify(key(megapixels))
                    peaks_mb[f"{megapixels:g}"][impl.name].append(answer.peak_rss_mb)
    for megapixels_text, samples in peaks_mb.items():
        yield from compared(
            samples,
            metric="peak_rss_mb",
            unit="MiB",
            conditions={"megapixels_up_to": float(megapixels_text), "input_px": harness.input_px},
            command=COMMAND,
        )
    ours = _required(*classifier_requirements("onnxruntime"))
    yield from compared(
        {
            impl.name: [
                installed_mb(
                    site_packages(impl.python),
                    PACKAGES.get(impl.name, ours),
                    with_needed=impl.name in PACKAGES,
                )
            ]
            for impl in impls
        },
        metric="installed_mb",
        unit="MB",
        conditions={"packages": "what the handler needs, unpacked, without Python itself"},
        command=COMMAND,
    )


def site_packages(python: Path) -> Path:
    """Return the site-packages folder of a virtual environment."""
    (folder,) = python.parents[1].glob("lib/python*/site-packages")
    return folder


def installed_mb(folder: Path, names: Iterable[str], *, with_needed: bool) -> float:
    """Return the size of installed packages, in millions of bytes.

    Args:
        folder: the folder they are installed in.
        names: the packages.
        with_needed: count their installed dependencies, too.
    """
    installed = {
        _normal(each.name): each for each in importlib.metadata.distributions(path=[str(folder)])
    }
    waiting, counted, size_bytes = [_normal(name) for name in names], set[str](), 0
    while waiting:
        name = waiting.pop()
        if name in counted or name not in installed:
            continue
        counted.add(name)
        for file in installed[name].files or ():
            path = Path(str(file.locate()))
            size_bytes += path.stat().st_size if path.is_file() else 0
        if with_needed:
            waiting += [
                _normal(need) for need in installed[name].requires or () if "extra ==" not in need
            ]
    return size_bytes / 1e6


def _required(*files: Path) -> list[str]:
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [line.split()[0] for line in lines if line and line[0] not in "# "]


def _normal(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found.group().split("==")[0]).lower()
