"""A model version, fetched from the model store, verified and ready to run."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .configuration import Configuration
from .engine import Engine
from .errors import ModelError
from .manifest import Manifest, ModelFile, read_labels, read_manifest
from .model_store import ModelStore, open_model_store

MAX_MANIFEST_BYTES = 1_000_000
TOP = 5


@dataclass(frozen=True)
class Prediction:
    """One of the top classes: its id, its label and its softmax over all classes."""

    class_id: str
    label: str
    softmax: float


class Model:
    """A verified model version.

    Args:
        manifest: the version's manifest.
        ids: class ids in the order of the outputs.
        labels: their names.
        engine: the loaded graph.

    Raises:
        ModelError: the graph does not take or give what the manifest says.
    """

    def __init__(
        self, manifest: Manifest, ids: list[str], labels: list[str], engine: Engine
    ) -> None:
        self.manifest = manifest
        self._ids = ids
        self._labels = labels
        self._engine = engine
        self._dry_forward()

    def classify(self, pixels: NDArray[np.uint8]) -> list[Prediction]:
        """Return the up to five most probable classes for pixels (1, height, width, 3)."""
        return rank(self._engine.run(pixels), self._ids, self._labels)

    def _dry_forward(self) -> None:
        geometry = self.manifest.geometry
        pixels = np.zeros((1, geometry.height, geometry.width, 3), np.uint8)
        try:
            softmax = self._engine.run(pixels)
        except Exception as error:  # ONNX Runtime's own types share no public base
            raise ModelError(f"the model file does not run on its input: {error}") from error
        if softmax.shape != (self.manifest.class_count,):
            raise ModelError(
                f"the model file gives an output of shape {softmax.shape} for an image; "
                f"its manifest says {self.manifest.class_count} classes"
            )


def rank(softmax: NDArray[np.float32], ids: list[str], labels: list[str]) -> list[Prediction]:
    """Return the up to five most probable classes, the most probable first.

    Args:
        softmax: float32 of shape (classes,).
        ids: class ids, in the same order.
        labels: their names.
    """
    order = np.argsort(-softmax, kind="stable")[:TOP]
    return [Prediction(ids[index], labels[index], float(softmax[index])) for index in order]


def load_model(configuration: Configuration) -> Model:
    """Read the configured version from the model store, verify it and run it once.

    Raises:
        ModelError: a file is missing or altered, or the store failed; the message says which.
    """
    store = open_model_store(configuration)
    folder = f"{configuration.model_name}/{configuration.model_version}"
    manifest = read_manifest(
        store.read(f"{folder}/manifest.json", max_bytes=MAX_MANIFEST_BYTES),
        name=configuration.model_name,
        version=configuration.model_version,
    )
    ids, labels = read_labels(
        _verified(store, folder, manifest.labels), class_count=manifest.class_count
    )
    graph_path = _on_disk(store, folder, manifest.model)
    if manifest.weights is not None:
        _on_disk(store, folder, manifest.weights)
    engine = Engine(
        graph_path,
        input_name=manifest.input_name,
        output_name=manifest.output_name,
        threads=configuration.threads,
        optimized=manifest.optimized,
    )
    return Model(manifest, ids, labels, engine)


def _verified(store: ModelStore, folder: str, file: ModelFile) -> bytes:
    data = store.read(f"{folder}/{file.path}", max_bytes=file.size_bytes)
    file.check(data)
    return data


def _on_disk(store: ModelStore, folder: str, file: ModelFile) -> str:
    """Return the path of a verified file: where the store has it, or a copy of what it gave."""
    data = _verified(store, folder, file)
    return store.path_of(f"{folder}/{file.path}") or _keep(file, data)


def _keep(file: ModelFile, data: bytes) -> str:
    """Write verified content to the instance's temporary folder; return its path.

    ONNX Runtime maps weights from a file. One that an earlier attempt left is replaced, not
    written over, as it may still be mapped.
    """
    folder = Path(os.environ.get("TMPDIR", "/tmp"))
    new, path = folder / f"{file.path}.new", folder / file.path
    try:
        new.write_bytes(data)
        new.replace(path)
    except OSError as error:
        raise ModelError(f"{file.path} cannot be kept in {folder}: {error.strerror}") from None
    return str(path)
