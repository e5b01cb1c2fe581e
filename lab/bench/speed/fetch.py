"""Benchmark of model downloads from S3, compared with the limit of the connection."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab.bench.speed import versions
from lab.bench.speed.comparison import compared
from lab.bench.speed.harness import MODELS_BUCKET, Harness
from warmlens.errors import WarmlensError
from warmlens.paths import LAMBDA_SRC
from warmlens.records import Record

RUNNER = Path(__file__).parent / "fetch_runner.py"
COMMAND = "python -m lab bench fetch"


def measure_fetch(harness: Harness, *, runs: int) -> Iterator[Record]:
    """Time downloads of the model's largest file, in three ways.

    `ours` downloads, writes and hashes it as the classifier does. `baseline` receives the same
    parts over as many connections and discards them, which is the limit of the connection.
    `one_get` receives the file by one GET.

    Args:
        harness: the running harness.
        runs: downloads in each way.
    """
    folder = harness.folder / "models" / versions.NAME / versions.VERSION
    largest = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    size_bytes = largest.stat().st_size
    key = f"{versions.NAME}/{versions.VERSION}/{largest.name}"
    done = subprocess.run(
        [
            str(harness.instances.python),
            str(RUNNER),
            MODELS_BUCKET,
            key,
            str(size_bytes),
            str(runs),
        ],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(LAMBDA_SRC), **harness.aws.environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode != 0:
        raise WarmlensError("not_measured", f"The fetch failed:\n{done.stderr.strip()}")
    yield from compared(
        json.loads(done.stdout),
        metric="fetch_ms",
        unit="ms",
        conditions={"bytes": size_bytes, "store": "the emulator's S3 on the same machine"},
        command=COMMAND,
    )
