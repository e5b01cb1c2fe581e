"""Decodes files as the classifier does, in a separate process.

`python -m tests.hostile.decoding MAX_PIXELS MAX_DECODE_MS FILE ...` prints a line of JSON for each:
`name`, `answer` (`ok` or the error's code), `cpu_ms` (processor time), `ms`, and `peak_mb`, the
peak of memory so far of this process, or of one that it started.
"""

import json
import resource
import sys
import time
from pathlib import Path

from lambda_src.classifier.deadline import Deadline
from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.manifest import Geometry
from lambda_src.classifier.picture import MAX_SIDE, Picture, open_picture, prepare, read_parts

GEOMETRY = Geometry(width=224, height=224, resize_shorter_side=256, interpolation="bicubic")

_PROCESSES = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
_MAXRSS_PER_MB = 2**20 if sys.platform == "darwin" else 2**10


class Slowest:
    """The file that took most processor time, kept as a file of its own.

    Args:
        path: where it is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cpu_ms = 0

    def try_one(self, data: bytes, *, max_pixels: int, max_decode_ms: int) -> tuple[str, int]:
        """Return the answer to the image, as `answer` does, and its processor time in ms."""
        begun_s = cpu_s()
        answered = answer(data, max_pixels=max_pixels, max_decode_ms=max_decode_ms)
        took_ms = round((cpu_s() - begun_s) * 1000)
        if took_ms > self.cpu_ms:
            self.cpu_ms = took_ms
            self._path.write_bytes(data)
        return answered, took_ms


def open_image(
    data: bytes, *, max_pixels: int, max_decode_ms: int, shorter_side: int = MAX_SIDE
) -> Picture:
    """Open an image; unless a smaller side is given, a JPEG is decoded at its full scale."""
    deadline = Deadline(max_decode_ms)
    return open_picture(read_parts(data, deadline), deadline, max_pixels, shorter_side)


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
        begun_s, begun_cpu_s = time.perf_counter(), cpu_s()
        result = answer(data, max_pixels=max_pixels, max_decode_ms=max_decode_ms)
        report = {
            "name": Path(name).name,
            "answer": result,
            "cpu_ms": round((cpu_s() - begun_cpu_s) * 1000),
            "ms": round((time.perf_counter() - begun_s) * 1000),
            "peak_mb": peak_mb(),
        }
        print(json.dumps(report), flush=True)


def cpu_s() -> float:
    """Return the processor time of this process and of those that it started and that ended."""
    return sum(sum(resource.getrusage(each)[:2]) for each in _PROCESSES)


def peak_mb() -> float:
    """Return the peak of this program's memory, or of a process that it started."""
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _MAXRSS_PER_MB
    # The kernel's figure for a process itself counts its parent's, too.
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
        return max(started, int(line.split()[1]) / 1024)
    return max(started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS_PER_MB)


if __name__ == "__main__":
    main()
