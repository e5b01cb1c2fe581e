"""A graph whose output is not a softmax raises an error."""

import math
from array import array
from typing import cast

import pytest

from lambda_src.classifier.engine import Engine
from lambda_src.classifier.errors import ModelError
from lambda_src.classifier.manifest import read_manifest
from lambda_src.classifier.model import Model
from warmlens.paths import MODEL_ARTIFACTS

NAME, VERSION = "products-resnet50", "1.1.0"
MANIFEST = read_manifest(
    (MODEL_ARTIFACTS / NAME / VERSION / "manifest.json").read_bytes(), name=NAME, version=VERSION
)
COUNT = MANIFEST.class_count


class Gives:
    """A fake graph that returns these values."""

    def __init__(self, values: list[float]) -> None:
        self.values = array("f", values)

    def run(self, pixels: bytes) -> "array[float]":
        return self.values


def classify(values: list[float]) -> str:
    names = [str(number) for number in range(COUNT)]
    model = Model(MANIFEST, names, names, cast(Engine, Gives(values)))
    return model.classify(b"")[0].class_id


def test_the_class_with_the_largest_softmax_is_the_first() -> None:
    assert classify([0.5, 0.25, 0.25] + [0.0] * (COUNT - 3)) == "0"
    assert classify([1 / COUNT] * COUNT) == "0"


@pytest.mark.parametrize(
    "values",
    [
        [math.nan] * COUNT,
        [1.0] + [0.0] * (COUNT - 2) + [math.nan],
        [math.inf] + [0.0] * (COUNT - 1),
        [0.0] * COUNT,
        [7.5, -3.0] + [0.1] * (COUNT - 2),
    ],
    ids=["NaN", "one NaN", "infinite", "nothing", "logits"],
)
def test_values_that_are_no_softmax_are_refused(values: list[float]) -> None:
    with pytest.raises(ModelError, match="gives no softmax"):
        classify(values)
