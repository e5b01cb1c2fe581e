"""Decodes a photo and runs a model, each a number of times, for a counter of instructions.

Run as a program by the classifier's Python, with its variables: `counted_model.py PHOTO DECODED
CLASSIFIED`.
"""

import gc
import os
import sys
from pathlib import Path

from classifier.config import ClassifierConfig
from classifier.engine import Engine, Runtime
from classifier.model import open_model
from classifier.model_files import read_model_files

gc.disable()  # a collection in one of two runs alone would be counted as the photo's
config = ClassifierConfig.from_environment(os.environ)
files = read_model_files(config)
engine = Engine(Runtime(), files.graph_path, files.manifest, threads=1)
model = open_model(files, engine)
photo = Path(sys.argv[1]).read_bytes()
for _ in range(int(sys.argv[2])):
    pixels = model.prepare(
        photo, max_pixels=config.max_image_pixels, max_decode_ms=config.max_decode_ms
    )
for _ in range(int(sys.argv[3])):
    model.classify(pixels)
