"""Class-activation maps: how much each part of an image supports a class.

Zhou et al. 2016, arXiv 1512.04150: the class's weights in the last layer times the input of the
average pooling, summed over channels. Imported when the first map is asked for.
"""

from array import array
from operator import mul

from .errors import ModelError
from .manifest import Explain


def class_map(
    explain: Explain, features: "array[float]", index: int, *, path: str
) -> "list[float]":
    """Return a class's map, row by row: how much each cell supports the class, from 0 to 1.

    The cell that supports it most is 1; cells that count against it are 0.

    Args:
        explain: the description of the features and the weights.
        features: the graph's output for an image.
        index: number of the class.
        path: the file that has the weights.

    Raises:
        ModelError: the features or the file are not as described.
    """
    cells = explain.rows * explain.columns
    if features.typecode != explain.features_type or len(features) != explain.channels * cells:
        raise ModelError(
            f"the model file gives {len(features)} values of type {features.typecode!r} as "
            f"{explain.features!r}; its manifest says {explain.channels * cells} of type "
            f"{explain.features_type!r}"
        )
    weights = _weights(explain, index, path)
    scores = [max(0.0, sum(map(mul, weights, features[cell::cells]))) for cell in range(cells)]
    most = max(scores)
    return [round(score / most, 3) if most else 0.0 for score in scores]


def _weights(explain: Explain, index: int, path: str) -> "array[float]":
    """Return a class's weights, which are read from their file alone."""
    weights: array[float] = array(explain.weights_type)
    size_bytes = explain.channels * weights.itemsize
    try:
        with open(path, "rb") as file:
            file.seek(explain.offset + index * size_bytes)
            weights.frombytes(file.read(size_bytes))
    except (OSError, ValueError) as error:
        raise ModelError(f"the last layer in {path} could not be read: {error}") from None
    if len(weights) != explain.channels:
        raise ModelError(f"{path} ends within the last layer")
    return weights
