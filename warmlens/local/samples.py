"""The sample photos of the page: which ones go with which model."""

import json
from pathlib import Path

from warmlens.paths import WEB

SAMPLES = WEB / "samples"
GALLERIES = SAMPLES / "galleries.json"
ANY_PHOTO = "coffee.jpg"  # for a model that has no gallery


def first_sample_of(model_name: str) -> Path:
    """Return the first photo of a model's gallery, or any photo if it has none."""
    gallery = json.loads(GALLERIES.read_text()).get(model_name, [])
    return SAMPLES / (gallery[0]["file"] if gallery else ANY_PHOTO)
