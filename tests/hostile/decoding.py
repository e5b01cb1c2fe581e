"""Decodes files as the classifier does, in a separate process.

`python -m tests.hostile.decoding MAX_PIXELS MAX_DECODE_MS FILE ...` prints a line of JSON for each:
`name`, `answer` (`ok` or the error's code), `ms`, and `peak_mb`, the process's memory so far.
"""

import json
import resource
import sys
import time
from pathlib import Path

from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.manifest import Geometry
from lambda_src.classifier.picture import prepare

GEOMETRY = Geometry(width=224, height=224, resize_shorter_side=256, interpolation="bicubic")


def answer(data: bytes, *, max_pixels: int, max_decode_ms: int) -> str:
    """Return the API's answer to the image: `ok` or the error's code.

    Raises:
        AssertionError: the pixels are not as many as the model takes.
    """
    try:
        pixels = prepare(data, GEOMETRY, max_pixels=max_pixels, max_decode_ms=max_decode_ms)
    except RequestError as error:
        assert 400 <= error.status < 500, error.status
        return error.code
    assert len(pixels) == GEOMETRY.width * GEOMETRY.height * 3
    return "ok"


def main() -> None:
    """Decode the files that are named."""
    max_pixels, max_decode_ms = int(sys.argv[1]), int(sys.argv[2])
    for name in sys.argv[3:]:
        data = Path(name).read_bytes()
        begun_s = time.perf_counter()
        result = answer(data, max_pixels=max_pixels, max_decode_ms=max_decode_ms)
        report = {
            "name": Path(name).name,
            "answer": result,
            "ms": round((time.perf_counter() - begun_s) * 1000),
            "peak_mb": peak_mb(),
        }
        print(json.dumps(report), flush=True)


def peak_mb() -> float:
    """The peak of this program; the kernel's figure for a process counts its parent's, too."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
