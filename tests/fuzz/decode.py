"""Fuzzes image decoding, for crashes and time: `python -m tests.fuzz.decode FOLDER -runs=N`.

An exception other than the API's own errors, a crash, a hang, more memory than allowed or more
processor time than the limit and half a second ends it and leaves the file that caused it. The
slowest file is kept beside FOLDER.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "lambda_src.classifier"]):
    from tests.hostile.decoding import Slowest
from tests.hostile.seeds import seeds

MAX_PIXELS = 50_000_000  # the settings' default
MAX_DECODE_MS = 1_000
GRACE_MS = 500


def reach(cpu_ms: int) -> int:
    """Take another branch for each doubling of the time, so that slower files are kept.

    The fuzzer keeps a file that takes a new branch. In a loop it would not see each doubling, since
    it counts how often a branch is taken in coarse steps.
    """
    level = 0
    if cpu_ms > 8:
        level += 1
    if cpu_ms > 16:
        level += 1
    if cpu_ms > 32:
        level += 1
    if cpu_ms > 64:
        level += 1
    if cpu_ms > 128:
        level += 1
    if cpu_ms > 256:
        level += 1
    if cpu_ms > 512:
        level += 1
    return level


def main() -> None:
    """Write the seeds into the folder and fuzz."""
    folder = Path(sys.argv[1])
    slowest = Slowest(folder.with_name("slowest-image"))
    for name, data in seeds().items():
        (folder / name).write_bytes(data)

    def decode(data: bytes) -> None:
        before_ms = slowest.cpu_ms
        _, cpu_ms = slowest.try_one(data, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
        if cpu_ms > before_ms:
            sys.stderr.write(f"slowest so far: {cpu_ms} ms, {len(data)} bytes\n")
        assert cpu_ms <= MAX_DECODE_MS + GRACE_MS, cpu_ms
        reach(cpu_ms)

    atheris.instrument_func(reach)
    atheris.Setup(sys.argv, decode)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
