"""The files of a model version: fetched and verified, beside whatever else an init has to do."""

from typing import NamedTuple

from .background import Background
from .configuration import Configuration
from .errors import ModelError
from .manifest import Manifest, read_labels, read_manifest
from .model_store import open_model_store

MAX_MANIFEST_BYTES = 1_000_000


class ModelFiles(NamedTuple):
    """A version's files, all verified.

    Attributes:
        manifest: its manifest.
        ids: class ids in the order of the outputs.
        labels: their names.
        graph_path: where the graph lies, with its weights beside it.
    """

    manifest: Manifest
    ids: list[str]
    labels: list[str]
    graph_path: str


def read_model_files(configuration: Configuration) -> ModelFiles:
    """Fetch the configured version from the model store and verify it.

    Raises:
        ModelError: a file is missing or altered, the store failed, or the model is for another
            engine; the message says which.
    """
    store = open_model_store(configuration)
    folder = f"{configuration.model_name}/{configuration.model_version}"
    manifest = read_manifest(
        store.read(f"{folder}/manifest.json", max_bytes=MAX_MANIFEST_BYTES),
        name=configuration.model_name,
        version=configuration.model_version,
    )
    if manifest.engine != configuration.engine:
        raise ModelError(
            f"it is a model for the engine {manifest.engine}, and this function's image has "
            f"{configuration.engine}; deploy it with the setting engine = {manifest.engine!r}"
        )
    # At the same time: each of them waits for the store at least once.
    graph = Background(lambda: store.path_of(folder, manifest.model))
    labels = Background(lambda: store.path_of(folder, manifest.labels))
    try:
        if manifest.weights is not None:
            store.path_of(folder, manifest.weights)
        with open(labels.result(), "rb") as file:
            ids, names = read_labels(file.read(), class_count=manifest.class_count)
        return ModelFiles(manifest, ids, names, graph.result())
    finally:
        # After one has failed, too: the next attempt writes to the same places.
        graph.wait()
        labels.wait()
