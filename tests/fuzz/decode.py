"""Fuzzes the decoding of images: `python -m tests.fuzz.decode FOLDER -runs=N`.

An exception other than the API's own errors, a crash, a hang or more memory than allowed ends it
and leaves the file that caused it.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "lambda_src.classifier"]):
    from tests.hostile.decoding import answer
from tests.hostile.seeds import seeds

MAX_PIXELS = 1_000_000
MAX_DECODE_MS = 5_000


def decode(data: bytes) -> None:
    answer(data, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)


if __name__ == "__main__":
    for name, data in seeds().items():
        (Path(sys.argv[1]) / name).write_bytes(data)
    atheris.Setup(sys.argv, decode)
    atheris.Fuzz()
