"""Classifies photos with the classifier's own modules; prints the top five of each as JSON.

Run as a program, with the classifier's packages and variables: natively, and on other processors.
"""

import json
import os
import sys
from pathlib import Path

from classifier.config import ClassifierConfig
from classifier.engine import Runtime
from classifier.model import open_model
from classifier.model_files import read_model_files

CONFIG = ClassifierConfig.from_environment(os.environ)
FILES = read_model_files(CONFIG)
MODEL = open_model(FILES, Runtime().open(FILES.graph_path, FILES.manifest, threads=1))
for photo in sys.argv[1:]:
    pixels = MODEL.prepare(
        Path(photo).read_bytes(),
        max_pixels=CONFIG.max_image_pixels,
        max_decode_ms=CONFIG.max_decode_ms,
    )
    top = [(each.class_id, each.softmax) for each in MODEL.classify(pixels)]
    sys.stdout.write(json.dumps(top) + "\n")
