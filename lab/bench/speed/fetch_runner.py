"""A program that downloads a model's largest file in three ways and prints the times.

Run as a program by an instance's interpreter: `fetch_runner.py BUCKET KEY BYTES RUNS`. Prints one
JSON object: milliseconds by way.
"""

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    """Download in each way in turn, and print the times."""
    from classifier.bucket import Bucket
    from classifier.download import CONNECTIONS, PART_BYTES, download

    name, key = sys.argv[1:3]
    size_bytes, runs = map(int, sys.argv[3:])
    bucket = Bucket(name)
    starts = range(0, size_bytes, PART_BYTES)

    def part(start: int) -> None:
        bucket.read_range(key, start=start, end=min(start + PART_BYTES, size_bytes))

    def only_received() -> None:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(part, starts))

    def one_get() -> None:
        bucket.read(key, max_bytes=size_bytes)

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")  # noqa: PTH118 - as the classifier does
        ways: dict[str, Callable[[], object]] = {
            "baseline": only_received,
            "one_get": one_get,
            "ours": lambda: download(bucket, key, size_bytes=size_bytes, path=path),
        }
        taken_ms: dict[str, list[float]] = defaultdict(list)
        for run in range(runs + 1):
            for way, fetch in ways.items():
                begun_s = time.perf_counter()
                fetch()
                if run > 0:  # the first opens the connections
                    taken_ms[way].append((time.perf_counter() - begun_s) * 1000)
    sys.stdout.write(json.dumps(taken_ms) + "\n")


if __name__ == "__main__":
    main()
