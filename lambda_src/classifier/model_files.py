"""Fetching and verification of a model version's files."""

from typing import NamedTuple

from .background import Background
from .config import ClassifierConfig
from .errors import ModelError
from .manifest import Manifest, read_labels, read_manifest
from .model_store import open_model_store

MAX_MANIFEST_BYTES = 1_000_000


class ModelFiles(NamedTuple):
    """The verified files of a model version.

    Attributes:
        manifest: the version's manifest.
        ids: class ids in the order of the outputs.
        labels: class names, in the same order.
        graph_path: path of the graph, with its weights beside it.
    """

    manifest: Manifest
    ids: list[str]
    labels: list[str]
    graph_path: str


def read_model_files(config: ClassifierConfig) -> ModelFiles:
    """Fetch the configured version from the model store and verify it.

    Args:
        config: the function's configuration.

    Raises:
        ModelError: a file is missing or altered, the store failed, or the model needs another
            engine; the message says which.
    """
    store = open_model_store(config)
    folder = f"{config.model_name}/{config.model_version}"
    manifest = read_manifest(
        store.read(f"{folder}/manifest.json", max_bytes=MAX_MANIFEST_BYTES),
        name=config.model_name,
        version=config.model_version,
    )
    if manifest.engine != config.engine:
        raise ModelError(
            f"it is a model for the engine {manifest.engine}, and this function's image has "
            f"{config.engine}; deploy it with the setting engine = {manifest.engine!r}"
        )
    # In parallel, since each file waits for the store.
    graph = Background(lambda: store.path_of(folder, manifest.model))
    labels = Background(lambda: store.path_of(folder, manifest.labels))
    try:
        if manifest.weights is not None:
            store.path_of(folder, manifest.weights)
        with open(labels.result(), "rb") as file:
            ids, names = read_labels(file.read(), class_count=manifest.class_count)
        return ModelFiles(manifest, ids, names, graph.result())
    finally:
        # Also after a failure: the next attempt writes to the same paths.
        graph.wait()
        labels.wait()
