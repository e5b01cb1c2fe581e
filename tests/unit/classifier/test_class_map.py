"""Class-activation maps, from features and the weights of one class."""

from array import array
from pathlib import Path
from typing import Any

import pytest

from lambda_src.classifier.class_map import class_map
from lambda_src.classifier.errors import ModelError
from lambda_src.classifier.manifest import Explain

# Three classes, two channels; before the weights is something else.
WEIGHTS: dict[str, list[Any]] = {
    "f": [1.0, 0.5, -1.0, -1.0, 2.0, -1.0],
    "b": [64, 32, -64, -64, 127, -64],
}
FEATURES = [1, 2, 3, 0, 0, 2, 4, 0, 8, 0, 0, 0]  # a channel of two rows and three columns, another


def explain(path: Path, features_type: str = "f", weights_type: str = "f") -> Explain:
    path.write_bytes(b"graph" + array(weights_type, WEIGHTS[weights_type]).tobytes())
    return Explain("relu", features_type, 2, 2, 3, path.name, len(b"graph"), weights_type)


@pytest.mark.parametrize("weights_type", ["f", "b"])
@pytest.mark.parametrize("features_type", ["f", "B"])
def test_a_map_is_what_speaks_for_a_class_in_each_part_of_the_image(
    features_type: str, weights_type: str, tmp_path: Path
) -> None:
    about = explain(tmp_path / "model.bin", features_type, weights_type)
    features: array[Any] = array(features_type, FEATURES)

    def of(index: int) -> list[float]:
        return class_map(about, features, index, path=str(tmp_path / "model.bin"))

    assert of(0) == [0.429, 0.286, 1.0, 0.0, 0.0, 0.286]
    assert of(1) == [0.0] * 6  # all of it speaks against this class
    assert of(2) == [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("features", [array("B", FEATURES), array("f", FEATURES[:-1]), array("f")])
def test_features_that_are_not_as_the_manifest_says_are_refused(
    features: "array[float]", tmp_path: Path
) -> None:
    about = explain(tmp_path / "model.bin")
    with pytest.raises(ModelError, match="as 'relu'; its manifest says 12 of type 'f'"):
        class_map(about, features, 0, path=str(tmp_path / "model.bin"))


def test_weights_that_are_gone_are_an_error_of_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    about, features = explain(path), array("f", FEATURES)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ModelError, match="ends within the last layer"):
        class_map(about, features, 2, path=str(path))
    path.unlink()
    with pytest.raises(ModelError, match="No such file"):
        class_map(about, features, 0, path=str(path))
