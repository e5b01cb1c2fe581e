"""Model versions of networks with random weights, whose values do not change the cost."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.export import input_spec, model_files, version_files
from training.install import install_version, labels_json
from training.model_packages import import_model_package
from training.networks import build_network
from training.onnx_export import GraphSpec, export_classifier, optimization
from training.parity import random_images
from training.quantize import quantize_classifier
from warmlens.records import today
from warmlens.registry.manifest import (
    SCHEMA_ID,
    Manifest,
    OutputSpec,
    Precision,
    Provenance,
)

VERSION = "1.0.0"
CLASS_COUNT = 100
NATIVE_PX = {"small-cnn": 64, "resnet50": 224, "efficientnet-lite0": 224, "efficientnet-lite1": 240,
             "efficientnet-lite2": 260}  # fmt: skip
"""The sizes of their own training; the small CNN's is this project's default."""


@dataclass(frozen=True)
class Network:
    """A network with the size of its input and the precision of its file."""

    architecture: str
    input_px: int
    precision: Precision

    @property
    def name(self) -> str:
        """Its name as a model."""
        return f"{self.architecture}-{self.input_px}px-{self.precision}"


def write_version(network: Network, models: Path) -> int:
    """Export a network with random weights to a folder of model versions.

    An int8 graph is optimized at export and an fp32 graph is not, as by `warmlens model export`.

    Returns:
        The size of its files in bytes.
    """
    torch = import_model_package("torch")
    torch.manual_seed(0)
    px = network.input_px
    spec = input_spec(px, network.architecture)
    graph = GraphSpec(px, px, CLASS_COUNT, spec.normalization.mean, spec.normalization.std)
    raw = export_classifier(build_network(network.architecture, CLASS_COUNT).eval(), graph)
    is_int8 = network.precision == "int8"
    if is_int8:
        images = (np.asarray(image.resize((px, px))) for image in random_images(4))
        raw = quantize_classifier(raw, graph.input_name, images)
    names = tuple(f"class {number}" for number in range(CLASS_COUNT))
    contents = {
        **model_files(raw, "onnxruntime", optimized=is_int8),
        "labels.json": labels_json(names, names),
    }
    manifest = Manifest(
        schema=SCHEMA_ID,
        name=network.name,
        version=VERSION,
        architecture=network.architecture,
        engine="onnxruntime",
        precision=network.precision,
        input=spec,
        output=OutputSpec(name=graph.output_name),
        class_count=CLASS_COUNT,
        files=version_files(contents),
        metrics=(),
        provenance=Provenance(
            source="random weights, for benchmarks",
            licence="CC0-1.0",
            command="python -m lab bench architectures",
            date=today(),
            versions={},
        ),
        optimization=optimization() if is_int8 else None,
    )
    install_version(models, manifest, contents)
    return manifest.files.bytes
