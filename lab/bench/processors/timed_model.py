"""Times one model in one process, with the classifier's own modules; prints JSON.

Run as a program by the classifier's Python, with its variables: `timed_model.py PHOTO CALLS`.
Times are of the processor, in ms, on one thread.
"""

import json
import os
import sys
import time
from pathlib import Path

from classifier.config import ClassifierConfig
from classifier.engine import Engine, Runtime
from classifier.model import open_model
from classifier.model_files import read_model_files

config = ClassifierConfig.from_environment(os.environ)
files, runtime = read_model_files(config), Runtime()
photo, calls = Path(sys.argv[1]).read_bytes(), int(sys.argv[2])


def spent_ms(since_s: float) -> float:
    """Return the processor time since a moment of it."""
    return (time.process_time() - since_s) * 1000


begun_s = time.process_time()
model = open_model(files, Engine(runtime, files.graph_path, files.manifest, threads=1))
open_ms = spent_ms(begun_s)
prepare_ms, classify_ms = [], []
for _ in range(calls):
    begun_s = time.process_time()
    pixels = model.prepare(
        photo, max_pixels=config.max_image_pixels, max_decode_ms=config.max_decode_ms
    )
    prepare_ms.append(spent_ms(begun_s))
    begun_s = time.process_time()
    model.classify(pixels)
    classify_ms.append(spent_ms(begun_s))
found = {
    "open_ms": open_ms,
    "prepare_ms": prepare_ms,
    "classify_ms": classify_ms,
}
sys.stdout.write(json.dumps(found) + "\n")
