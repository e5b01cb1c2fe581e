"""A loaded model, which turns an image into its top classes."""

import os
from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import EngineError, ModelError
from .manifest import Manifest
from .model_files import ModelFiles
from .picture import area, prepare

if TYPE_CHECKING:
    from . import engine, torch_engine

    Engine = engine.Engine | torch_engine.Engine

SUM_TOLERANCE = 0.01  # for a softmax over thousands of classes in single precision


class Prediction(NamedTuple):
    """One of the top classes: its id, its label and its softmax over all classes."""

    class_id: str
    label: str
    softmax: float


class Model:
    """A loaded and verified model version.

    Args:
        manifest: the version's manifest.
        ids: class ids in the order of the outputs.
        labels: class names, in the same order.
        engine: the loaded graph.
        folder: the folder of its files.

    Attributes:
        manifest: the version's manifest.
        labels: class names in the order of the outputs.
    """

    def __init__(
        self,
        manifest: Manifest,
        ids: list[str],
        labels: list[str],
        engine: "Engine",
        folder: str = "",
    ) -> None:
        self.manifest = manifest
        self._ids = ids
        self.labels = labels
        self._engine = engine
        self._folder = folder
        self._has_run = False

    def prepare(self, data: bytes, *, max_pixels: int, max_decode_ms: int) -> bytes:
        """Return an image file's pixels as the model's input; see `picture.prepare`."""
        return prepare(
            data, self.manifest.geometry, max_pixels=max_pixels, max_decode_ms=max_decode_ms
        )

    def classify(self, pixels: bytes, *, top: int = 5) -> list[Prediction]:
        """Return the top classes for an image; see `rank`.

        Args:
            pixels: the image, height x width x 3 bytes.
            top: number of classes.

        Raises:
            ModelError: the graph failed, or its output is not what the manifest says.
        """
        try:
            softmax = self._engine.run(pixels)
        except EngineError as error:
            raise ModelError(f"the model file does not run on its input: {error}") from error
        return self._ranked(softmax, top)

    def classify_with_features(
        self, pixels: bytes, *, top: int = 5
    ) -> "tuple[list[Prediction], array[float] | None]":
        """Return the top classes, and the features for `explain`; None if there are no maps.

        Args:
            pixels: as for `classify`, as are `top` and the errors.
            top: number of classes.
        """
        if self.manifest.explain is None:
            return self.classify(pixels, top=top), None
        engine: Any = self._engine  # ONNX Runtime's: a manifest for another explains nothing
        try:
            softmax, features = engine.run_with_features(pixels)
        except EngineError as error:
            raise ModelError(f"the model file does not run on its input: {error}") from error
        return self._ranked(softmax, top), features

    def explain(self, class_id: str, features: "array[float] | None", data: bytes) -> Any:
        """Return a class's activation map as the answer has it; None if there are no maps.

        Args:
            class_id: the class.
            features: those of `classify_with_features`.
            data: the image file, which `prepare` took.

        Raises:
            ModelError: the model's files do not match its manifest.
        """
        about = self.manifest.explain
        if about is None or features is None:
            return None
        from .class_map import class_map

        path = os.path.join(self._folder, about.path)
        return {
            "id": class_id,
            "rows": about.rows,
            "columns": about.columns,
            "values": class_map(about, features, self._ids.index(class_id), path=path),
            "area": area(data, self.manifest.geometry),
        }

    def _ranked(self, softmax: "array[float]", top: int) -> list[Prediction]:
        if len(softmax) != self.manifest.class_count:
            raise ModelError(
                f"the model file gives {len(softmax)} values for an image; "
                f"its manifest says {self.manifest.class_count} classes"
            )
        # Also false for NaN.
        if not abs(sum(softmax) - 1) < SUM_TOLERANCE:
            raise ModelError(f"the model file gives no softmax: its values sum to {sum(softmax)}")
        self._has_run = True
        return rank(softmax, self._ids, self.labels, top)

    def recognizes(self, prediction: Prediction) -> bool | None:
        """Return False if the image probably shows none of the model's classes.

        Args:
            prediction: the most probable class.

        Returns:
            None if the version has no threshold.
        """
        threshold = self.manifest.threshold
        return None if threshold is None else prediction.softmax >= threshold

    def dry_forward(self) -> None:
        """Run the model once on a black image, since the first run is slower.

        Raises:
            ModelError: as for `classify`.
        """
        if not self._has_run:
            geometry = self.manifest.geometry
            self.classify(bytes(geometry.height * geometry.width * 3))

    def close(self) -> None:
        """Free the graph and its memory; do not use the model afterwards."""
        self._engine.close()


def rank(
    softmax: "array[float]", ids: list[str], labels: list[str], top: int = 5
) -> list[Prediction]:
    """Return the top classes, the most probable first; fewer if the model has fewer.

    Args:
        softmax: one value for each class.
        ids: class ids, in the same order.
        labels: class names, in the same order.
        top: number of classes.
    """
    order = sorted(range(len(softmax)), key=softmax.__getitem__, reverse=True)[:top]
    return [Prediction(ids[index], labels[index], softmax[index]) for index in order]


def open_model(files: ModelFiles, engine: "Engine") -> Model:
    """Return the model of a version whose graph is loaded.

    Args:
        files: the version's verified files.
        engine: the loaded graph.
    """
    folder = os.path.dirname(files.graph_path)
    return Model(files.manifest, files.ids, files.labels, engine, folder)
