"""Loading of a model version with the classifier's own code."""

from pathlib import Path

from lambda_src.classifier import engine, torch_engine
from lambda_src.classifier.manifest import read_labels, read_manifest
from lambda_src.classifier.model import Model, open_model
from lambda_src.classifier.model_files import ModelFiles
from lambda_src.classifier.model_store import FolderStore


def served(folder: Path) -> Model:
    """Load the version `<name>/<version>` by the engine that its manifest names."""
    manifest = read_manifest(
        (folder / "manifest.json").read_bytes(), name=folder.parent.name, version=folder.name
    )
    store = FolderStore(str(folder.parents[1]), in_image=False)
    version = f"{folder.parent.name}/{folder.name}"
    graph_path = store.path_of(version, manifest.model)
    for file in filter(None, (manifest.weights, manifest.labels)):
        store.path_of(version, file)
    ids, labels = read_labels(
        (folder / manifest.labels.path).read_bytes(), class_count=manifest.class_count
    )
    runtime = torch_engine.Runtime() if manifest.engine == "torch" else engine.Runtime()
    loaded = runtime.open(graph_path, manifest, threads=1)
    model = open_model(ModelFiles(manifest, ids, labels, graph_path), loaded)
    model.dry_forward()
    return model
