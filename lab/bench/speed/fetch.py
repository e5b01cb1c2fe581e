"""How near the fetch of a model comes to what the way to S3 gives."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab.bench.speed import versions
from lab.bench.speed.figures import compared
from lab.bench.speed.lab import MODELS_BUCKET, Lab
from lab.bench.speed.process import BenchError
from warmlens.paths import LAMBDA_SRC
from warmlens.records import Record

DRIVER = Path(__file__).parent / "fetch_driver.py"
COMMAND = "python -m lab bench fetch"


def measure_fetch(lab: Lab, *, runs: int) -> Iterator[Record]:
    """Fetch the model's largest file as the classifier does, and beside it as fast as possible.

    `baseline` receives the same parts over as many connections and drops them: the limit of the
    way. `one_get` receives the file by one GET. `ours` also writes and hashes it.

    Args:
        lab: what they need.
        runs: fetches of each.
    """
    folder = lab.folder / "models" / versions.NAME / versions.VERSION
    largest = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    size_bytes = largest.stat().st_size
    key = f"{versions.NAME}/{versions.VERSION}/{largest.name}"
    done = subprocess.run(
        [str(lab.instances.python), str(DRIVER), MODELS_BUCKET, key, str(size_bytes), str(runs)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(LAMBDA_SRC), **lab.aws.environment},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise BenchError(f"the fetch failed:\n{done.stderr.strip()}")
    yield from compared(
        json.loads(done.stdout),
        metric="fetch_ms",
        unit="ms",
        conditions={"bytes": size_bytes, "store": "the emulator's S3 on the same machine"},
        command=COMMAND,
    )
